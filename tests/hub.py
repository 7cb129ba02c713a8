"""A small Hugging Face hub on 127.0.0.1, which can fail as the real one does, and is as slow as a test wants it."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".bin")
PIECE = 1 << 16


@dataclass
class Hub:
    """Repositories with their files. The connection breaks once at `breaks_at` bytes of a file, with `cut` always.

    `licences` are those on the cards of repositories. `pause` is in seconds, after each PIECE of a file. `refusals` are
    the statuses of repositories with their error code; `sizes` are told in the place of the true ones.
    """

    repositories: dict[str, dict[str, bytes]]
    licences: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0
    address: str = ""
    breaks_at: int | None = None
    cut: bool = False
    broken: int = 0
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def listing(self, repository: str) -> dict[str, Any]:
        """What the hub tells about a repository."""
        siblings = [self._entry(name, data) for name, data in self.repositories[repository].items()]
        card = {"license": self.licences.get(repository, "apache-2.0")}
        return {"id": repository, "modelId": repository, "sha": COMMIT, "siblings": siblings, "cardData": card}

    def environment(self, folder: Path) -> dict[str, str]:
        """The environment of a process that asks this hub, with its cache and its models in a folder."""
        return {
            "HF_ENDPOINT": self.address,
            "HF_HOME": str(folder / "hub"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "ACETATE_MODELS_DIR": str(folder / "models"),
        }

    def _entry(self, name: str, data: bytes) -> dict[str, Any]:
        size = self.sizes.get(name, len(data))
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        about: dict[str, Any] = {"rfilename": name, "size": size, "blobId": blob}
        if name.endswith(LARGE):
            about["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": size, "pointerSize": 134}
        return about


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: Any) -> None:
            pass

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            hub.asked.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
            hub.tokens.append(self.headers.get("Authorization", ""))
            repository, _, name = path.removeprefix("/api/models").strip("/").partition(f"/resolve/{COMMIT}/")
            if repository.startswith("stored/"):  # large files are elsewhere, as on the real hub
                repository = repository.removeprefix("stored/")
            elif name.endswith(LARGE) and repository not in hub.refusals:
                self._empty(302, {"Location": f"/stored{path}"})
                return
            status, code = hub.refusals.get(repository, (0, ""))
            if status and (name or code != "GatedRepo"):  # what a gated repository has is public
                self._empty(status, {"X-Error-Code": code} if code else {})
            elif repository not in hub.repositories:
                self._empty(404, {"X-Error-Code": "RepoNotFound"})
            elif not name:
                self._json(hub.listing(repository))
            elif name in hub.repositories[repository]:
                self._file(hub.repositories[repository][name])
            else:
                self._empty(404, {"X-Error-Code": "EntryNotFound"})

        def _empty(self, status: int, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        def _json(self, value: Any) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _file(self, data: bytes) -> None:
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            part = data[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            if hub.breaks_at is not None and len(part) > hub.breaks_at:
                self.wfile.write(part[: hub.breaks_at])
                hub.broken += 1
                hub.breaks_at = hub.breaks_at if hub.cut else None
                self.close_connection = True
            elif hub.cut:
                self.close_connection = True
            else:
                self._slowly(part)

        def _slowly(self, part: bytes) -> None:
            try:
                for at in range(0, len(part), PIECE):
                    self.wfile.write(part[at : at + PIECE])
                    time.sleep(hub.pause)
            except OSError:  # nobody wants the rest
                self.close_connection = True

    return Handler


@contextmanager
def serving(
    repositories: dict[str, dict[str, bytes]], licences: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Hub]:
    """A hub of these repositories while the block runs."""
    hub = Hub(repositories, licences)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
