"""An editor's connection to the daemon: started when none runs, found again when it is lost, told in plain words."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple

from acetate_wire import connection as connections
from acetate_wire.client import Client
from acetate_wire.errors import AcetateError
from acetate_wire.events import Connected, Disconnected, DownloadList, Event, ModelList, ModelVocabulary
from acetate_wire.launch import start_failure
from acetate_wire.modes import MODES

from .downloads import Download, decoded
from .messages import Translate, device_name
from .vocabularies import Vocabularies

START_AFTER_S = 1.0
"""How long a daemon that was there before may stay silent before another is started."""
START_AGAIN_S = 20.0
"""How long a started daemon has to appear before it is started once more."""
RESCAN_S = 1.0
"""How seldom the daemon is asked to look for models again."""
_logger = logging.getLogger(__name__)
STARTING, READY, LOST, ABSENT, OFF = "starting", "ready", "lost", "absent", "off"


@dataclass(frozen=True)
class ConnectionState:
    """How the connection is: one of the five kinds, a short line, and how to help it."""

    kind: str
    line: str
    hint: str = ""


class EditorConnection:
    """Owns the client, which `open_client` makes when it is first needed; `start` starts a daemon.

    `start` raises AcetateError or OSError. `tr` translates what `state` says.
    """

    def __init__(self, open_client: Callable[[], Client], start: Callable[[], None], tr: Translate) -> None:
        """Connect to nothing yet: `client` does when it is first used."""
        self._open_client = open_client
        self._start = start
        self._tr = tr
        self._client: Optional[Client] = None
        self._met = False
        self._silent_since = time.monotonic()
        self._started = float("-inf")
        self._failure: Optional[AcetateError] = None
        self._rescanned = float("-inf")
        self.vocabularies = Vocabularies(self._ask_vocabulary)
        self.downloads: List[Download] = []
        self.lora_folder = ""

    @property
    def client(self) -> Client:
        """The client, connected or about to be."""
        if self._client is None:
            self._silent_since = time.monotonic()
            self._client = self._open_client()
        return self._client

    def pump(self) -> List[Event]:
        """Send and receive what can be without waiting; what happened."""
        events = self.client.pump()
        for event in events:
            if isinstance(event, Connected):
                self._met, self._failure = True, None
                self.vocabularies.clear()
                _logger.info("connected to daemon %s on %s", event.version, event.device)
            elif isinstance(event, Disconnected):
                _logger.warning("disconnected: %s", event.reason)
                self._silent_since = time.monotonic()
            elif isinstance(event, ModelList):
                self.lora_folder = event.lora_folder
            elif isinstance(event, DownloadList):
                self.downloads = decoded(event.downloads)
            elif isinstance(event, ModelVocabulary):
                self.vocabularies.learn(event)
        return events

    def start_if_due(self) -> None:
        """Start the daemon when it stays silent and was not started just now. Never raises: see `problem`."""
        now = time.monotonic()
        wait = START_AFTER_S if self._met or _found() else 0.0
        if self.connected or now - self._silent_since < wait or now - self._started < START_AGAIN_S:
            return
        self._started, self._failure = now, None
        _logger.info("starting the daemon")
        try:
            self._start()
        except AcetateError as error:
            self._failure = error
        except OSError as error:
            self._failure = AcetateError(
                "not_allowed",
                self._tr("The daemon could not be started ({reason})").format(reason=error),
                hint=self._tr("run `acetate serve` in a terminal: it says what is missing"),
            )
        if self._failure is not None:
            _logger.error("the daemon did not start: %s", self._failure)

    def rescan(self) -> None:
        """Have the daemon look for models and LoRAs again, which may have been put there meanwhile."""
        now = time.monotonic()
        if self.connected and now - self._rescanned >= RESCAN_S:
            self._rescanned = now
            self.client.ask("models")
            self.wake()

    def wake(self) -> None:
        """Have `pump` called soon, after calls into the client; nothing where the editor's timer does that anyway."""

    def close(self) -> None:
        """Leave; jobs go on in the daemon."""
        if self._client is not None:
            self._client.close()
            self._client = None
            self.vocabularies.clear()

    @property
    def connected(self) -> bool:
        """Whether the daemon answers."""
        return self._client is not None and self._client.connected

    @property
    def problem(self) -> Optional[AcetateError]:
        """Why there is no connection, where that is known."""
        if self.connected or self._client is None:
            return None
        return self._failure or start_failure() or self._client.problem

    @property
    def state(self) -> ConnectionState:
        """How the connection is, in words."""
        tr, problem = self._tr, self.problem
        if self.connected:
            return ConnectionState(READY, tr("Ready on {device}").format(device=device_name(self._device, tr)))
        if self._failure is not None:
            hint = tr("Install it, then run “acetate serve” once in a terminal. This line turns green by itself.")
            return ConnectionState(ABSENT, tr("Acetate is not installed"), f"{hint}\n\n{self._failure}")
        if problem is not None:
            return ConnectionState(LOST, tr("Cannot connect, trying again …"), str(problem))
        if self._met:
            return ConnectionState(LOST, tr("Connection lost, trying again …"), tr("Your layers are safe: jobs go on."))
        now = time.monotonic()
        if now - self._started < START_AGAIN_S or now - self._silent_since < START_AFTER_S:
            return ConnectionState(STARTING, tr("Acetate is starting …"))
        return ConnectionState(OFF, tr("The daemon does not run"))

    # What the daemon offers

    @property
    def models(self) -> Tuple[Mapping[str, Any], ...]:
        """What the daemon offers; of an earlier connection while there is none."""
        return self._client.welcome.models if self._client and self._client.welcome else ()

    def model(self, name: str) -> Mapping[str, Any]:
        """The offer of this name; empty while nothing is known about it."""
        return next((model for model in self.models if model["name"] == name), {})

    def modes(self, name: str) -> Sequence[str]:
        """The modes of a model; all of them while nothing is known about it."""
        return tuple(self.model(name).get("modes", MODES))

    def max_aspect(self, name: str) -> float:
        """The longest side over the shortest at which a model keeps a lone subject's shape; 1 where it says nothing."""
        return float(self.model(name).get("max_aspect", 1.0))

    def samplers(self, name: str) -> Sequence[str]:
        """The samplers that a model can be asked for by name."""
        return tuple(self.model(name).get("samplers", ()))

    def clip_layers(self, name: str) -> int:
        """How many layers of a model's text encoder there are to choose from; 0 where there is no choice."""
        return int(self.model(name).get("clip_layers", 0))

    def controls(self, name: str) -> Sequence[str]:
        """The kinds of structure pictures that can steer a model."""
        return tuple(self.model(name).get("controls", ()))

    def unavailable_reason(self, mode: str, name: str) -> str:
        """Why a model cannot do this mode, in words; empty when it can, or when nothing is known yet."""
        offer = self.model(name)
        if offer.get("missing"):
            return str(offer["missing"])
        return "" if mode in self.modes(name) else self._tr("{model} cannot do this").format(model=name)

    @property
    def versions(self) -> Mapping[str, str]:
        """The daemon's version and what it computes on, for reports."""
        welcome = self._client.welcome if self._client else None
        return {"Daemon": "not met"} if welcome is None else {"Daemon": welcome.version, "Device": welcome.device}

    @property
    def _device(self) -> str:
        return self._client.welcome.device if self._client and self._client.welcome else ""

    def _ask_vocabulary(self, model: str) -> bool:
        if not self.model(model).get("vocabulary"):
            return False
        self.client.ask("vocabulary", {"model": model})
        return True


def _found() -> bool:
    """Whether this user's connection file is there."""
    try:
        return connections.find() is not None
    except AcetateError:
        return True
