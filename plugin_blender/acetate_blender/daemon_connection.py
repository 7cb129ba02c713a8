# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to Acetate's daemon: found, started when it is needed, and what its models can do."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bpy
from acetate_wire import connection as connections
from acetate_wire.client import Client
from acetate_wire.connection import Connection
from acetate_wire.errors import AcetateError
from acetate_wire.events import Event, ModelVocabulary
from acetate_wire.launch import start_daemon
from acetate_wire.modes import MODES

from . import bpy_compat, vocabularies
from .i18n import tr
from .preferences import preferences
from .release import VERSION

NAME = "blender"
MODELS_VARIABLE = "ACETATE_MODELS_DIR"
PATIENCE_S = 1.0
"""How long a daemon that runs may take to answer."""
START_AGAIN_S = 15.0
"""How long a started daemon has to appear before it is started once more."""


class DaemonSession:
    """One client for all of Blender; made by `open`, gone after `close`."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self._started = float("-inf")
        self._met = float("-inf")
        self._trouble: AcetateError | None = None
        self._asked = ""

    def open(self) -> Client:
        """The client, connected or about to be."""
        if self.client is None:
            self._met = time.monotonic()
            self.client = Client(
                NAME, version=".".join(map(str, VERSION)), editor=f"Blender {bpy.app.version_string}", connection=_find
            )
        return self.client

    def close(self) -> None:
        """Leave the daemon; its jobs go on."""
        if self.client is not None:
            self.client.close()
            self.client, self._asked = None, ""

    def pump(self) -> list[Event]:
        """What happened since the last time."""
        events = self.open().pump()
        for event in events:
            if isinstance(event, ModelVocabulary):
                vocabularies.learn(event)
        if self.connected:
            self._met = time.monotonic()
            self._ask_for_words()
        return events

    def _ask_for_words(self) -> None:
        """Ask for one model's words at a time; the client asks again after a lost connection."""
        waiting = [name for name in vocabularies.wanted() if self.model(name) is not None]
        if waiting and self._asked not in waiting:
            self._asked = waiting[0]
            self.open().ask("vocabulary", {"model": self._asked})

    def ensure_running(self) -> None:
        """Start the daemon when it has not answered for a moment and was not started just now.

        Never raises: what went wrong is in `problem`.
        """
        now = time.monotonic()
        if now - self._met < PATIENCE_S or now - self._started < START_AGAIN_S:
            return
        self._started = time.monotonic()
        self._trouble = None
        try:
            with _models_in(preferences().models_folder):
                start_daemon(shlex.split(preferences().command) or None)
        except AcetateError as error:
            self._trouble = error
        except OSError as error:
            self._trouble = AcetateError(
                "not_allowed",
                tr("The daemon could not be started ({reason})").format(reason=error),
                hint=tr("correct its command in the preferences of Acetate, or run `acetate serve` in a terminal"),
            )

    @property
    def connected(self) -> bool:
        """Whether the daemon answers."""
        return self.client is not None and self.client.connected

    @property
    def starting(self) -> bool:
        """Whether a started daemon has not answered yet, but may."""
        waiting = time.monotonic() - self._started < START_AGAIN_S
        return waiting and not self.connected and self._trouble is None

    @property
    def problem(self) -> AcetateError | None:
        """Why there is no connection, where that is known."""
        if self.connected or self.client is None:
            return None
        return self._trouble or self.client.problem

    @property
    def models(self) -> tuple[Mapping[str, Any], ...]:
        """What the daemon offers; of an earlier connection while there is none."""
        return self.client.welcome.models if self.client and self.client.welcome else ()

    def model(self, name: str) -> Mapping[str, Any] | None:
        """The offer of this name."""
        return next((model for model in self.models if model["name"] == name), None)

    def modes(self, name: str) -> Sequence[str]:
        """The modes of a model; all of them while nothing is known about it."""
        model = self.model(name)
        return tuple(MODES) if model is None else tuple(model["modes"])

    def max_aspect(self, name: str) -> float:
        """The longest side over the shortest at which a model keeps a lone subject's shape; 1 where it says nothing."""
        return float((self.model(name) or {}).get("max_aspect", 1.0))

    def samplers(self, name: str) -> Sequence[str]:
        """The samplers that a model can be asked for by name."""
        return tuple((self.model(name) or {}).get("samplers", ()))

    def controls(self, name: str) -> Sequence[str]:
        """The kinds of structure pictures that can steer a model."""
        return tuple((self.model(name) or {}).get("controls", ()))


@contextmanager
def _models_in(folder: str) -> Iterator[None]:
    """Let a daemon that is started now look for the artist's own models there."""
    before = os.environ.get(MODELS_VARIABLE)
    if folder:
        os.environ[MODELS_VARIABLE] = bpy.path.abspath(folder)
    try:
        yield
    finally:
        if folder:
            del os.environ[MODELS_VARIABLE]
        if folder and before is not None:
            os.environ[MODELS_VARIABLE] = before


def _find() -> Connection | None:
    """The daemon to talk to. Raises AcetateError when it is not on this computer and Blender must stay offline."""
    chosen = preferences().connection_file
    found = connections.find(Path(bpy.path.abspath(chosen)) if chosen else None)
    if found is not None and not _is_here(found.endpoint) and not bpy_compat.may_go_online():
        raise AcetateError(
            "not_allowed",
            tr("The daemon is on another computer, and Blender's online access is off"),
            hint=tr("allow it in Preferences > System > Network"),
        )
    return found


def _is_here(endpoint: str) -> bool:
    return endpoint.startswith("ipc:") or urlsplit(endpoint).hostname in ("127.0.0.1", "localhost", "::1")


session = DaemonSession()
"""The one connection of this Blender."""
