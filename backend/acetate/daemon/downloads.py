"""What can be fetched from the Hugging Face hub, and the processes that fetch it: none of it holds the daemon up."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from acetate_wire.errors import AcetateError

from acetate.models.fetchable import Fetchable, fetchable
from acetate.models.licences import RestrictedLicence, agree, agreed_licences, require_agreed

log = logging.getLogger("acetate.daemon")

ASK_AGAIN_S = 600.0
"""How long the sizes that the hub has named are believed."""
AFTER_ERROR_S = 10.0
"""How long the hub is left alone when it has not answered."""
WAITING, FETCHING, FAILED, CANCELLED, DONE = "waiting", "fetching", "failed", "cancelled", "done"
BUSY = (WAITING, FETCHING)


@dataclass
class Download:
    """How a download does: its state, the bytes that have come since it began, and why it failed."""

    state: str = ""
    bytes_done: int = 0
    message: str = ""
    hint: str = ""


class HubProcess:
    """One run of `acetate.daemon.download_process`, whose lines a thread collects."""

    def __init__(self, *arguments: str) -> None:
        """Start it. Raises OSError."""
        self.lines: deque[bytes] = deque()
        command = [sys.executable, "-m", "acetate.daemon.download_process", *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def news(self) -> list[dict[str, Any]]:
        """What it has said since the last time."""
        found = []
        while self.lines:
            with suppress(ValueError):
                found.append(json.loads(self.lines.popleft()))
        return found

    @property
    def ended(self) -> bool:
        """Whether it has ended and said everything."""
        return self._process.poll() is not None and not self._reader.is_alive()

    def end(self) -> None:
        """End it now; what has come stays in the cache."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        if self._process.stdout is not None:
            with self._process.stdout as stream:
                self.lines.extend(stream)


class Downloads:
    """All that can be fetched, one after the other; `complete` names the models whose files are here."""

    def __init__(self, complete: Callable[[], Collection[str]]) -> None:
        """Ask and fetch nothing yet."""
        self._complete = complete
        self._downloads: dict[str, Download] = {}
        self._offers: dict[str, dict[str, Any]] = {}
        self._asked = float("-inf")
        self._asking: HubProcess | None = None
        self._fetching: tuple[str, HubProcess] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being fetched, or waits for it."""
        return any(each.state in BUSY for each in self._downloads.values())

    def listing(self) -> list[dict[str, Any]]:
        """Everything that can be fetched, as `downloads` tells it; the hub is asked for sizes and licences."""
        found = fetchable(self._complete())
        if self._asking is None and time.monotonic() - self._asked > ASK_AGAIN_S:
            self._asked = time.monotonic()
            self._asking = HubProcess("sizes", *(each.name for each in found))
        return [self._entry(each) for each in found]

    def start(self, name: str, accepted: Collection[str] = ()) -> None:
        """Fetch something, after what is being fetched; the user agrees to the licences with the `accepted` names.

        Raises AcetateError: `unknown_model`, and `not_allowed` for a licence that is not agreed to.
        """
        if name not in (each.name for each in fetchable(())):
            raise AcetateError("unknown_model", f"there is nothing to fetch under the name {name[:80]!r}", field="name")
        restricted = self._restricted(name)
        agree(licence for licence in restricted if licence.name in accepted)
        require_agreed(restricted, agreed_licences())
        if self._state(name) not in BUSY:
            self._downloads.pop(name, None)
            self._downloads[name] = Download(WAITING)

    def cancel(self, name: str) -> None:
        """Fetch it no longer; what has come is kept, and the next time goes on from there."""
        if self._fetching is not None and self._fetching[0] == name:
            self._fetching[1].end()
            self._fetching = None
        if self._state(name) in BUSY:
            self._downloads[name].state = CANCELLED

    def tick(self) -> None:
        """Take note of what the processes say, and begin what waits."""
        if self._asking is not None:
            over = self._asking.ended
            for line in self._asking.news():
                self._offers[str(line.get("name"))] = line
                if "error" in line:
                    self._asked = time.monotonic() - ASK_AGAIN_S + AFTER_ERROR_S
            self._asking = None if over else self._asking
        if self._fetching is not None:
            name, process = self._fetching
            over = process.ended
            for line in process.news():
                self._note(name, line)
            if over:
                self._fetching = None
                if self._state(name) == FETCHING:
                    self._downloads[name] = Download(FAILED, message="the download ended", hint="try again")
        waiting = next((name for name, each in self._downloads.items() if each.state == WAITING), None)
        if self._fetching is None and waiting is not None:
            log.info("fetching %s", waiting)
            self._downloads[waiting].state = FETCHING
            self._fetching = waiting, HubProcess("fetch", waiting)

    def close(self) -> None:
        """End the processes; a download goes on from there when it is asked for again."""
        for process in (self._asking, self._fetching[1] if self._fetching is not None else None):
            if process is not None:
                process.end()

    def _note(self, name: str, line: dict[str, Any]) -> None:
        download = self._downloads[name]
        if "error" in line:
            error = line["error"]
            download.state, download.message, download.hint = FAILED, str(error["message"]), str(error["hint"])
            log.warning("%s could not be fetched: %s", name, download.message)
        elif line.get("done"):
            download.state = DONE
        else:
            download.bytes_done = int(line.get("bytes", 0))

    def _restricted(self, name: str) -> list[RestrictedLicence]:
        """What has to be agreed to, as far as the hub has said; the process that fetches looks again."""
        return [RestrictedLicence(**fields) for fields in self._offers.get(name, {}).get("restricted", ())]

    def _state(self, name: str) -> str:
        return self._downloads.get(name, Download()).state

    def _entry(self, each: Fetchable) -> dict[str, Any]:
        download, offer = self._downloads.get(each.name, Download()), self._offers.get(each.name, {})
        error, agreed = offer.get("error", {}), agreed_licences()
        return {
            "name": each.name,
            "family": each.family,
            "kind": each.kind,
            "here": each.here,
            "bytes": offer.get("bytes"),
            "licence": offer.get("licence", ""),
            "page": offer.get("page", ""),
            "restricted": [asdict(licence) for licence in self._restricted(each.name) if licence.name not in agreed],
            "state": download.state,
            "bytes_done": download.bytes_done,
            "message": download.message or str(error.get("message", "")),
            "hint": download.hint or str(error.get("hint", "")),
        }
