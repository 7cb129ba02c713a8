"""The connection that both editors have: found, started, lost and found again, each in plain words."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from acetate_editor import connection, vocabularies
from acetate_editor.connection import ABSENT, LOST, OFF, READY, STARTING, EditorConnection
from acetate_wire.client import Client
from acetate_wire.errors import AcetateError
from acetate_wire.launch import start_daemon

from tests.daemon.harness import ROOT, STAND_IN, Daemon, until

Connect = Callable[..., EditorConnection]


def nothing() -> None:
    """Start no daemon."""


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes connections, which are closed at the end."""
    made: list[EditorConnection] = []

    def make(start: Callable[[], None] = nothing, tr: Callable[[str], str] = str) -> EditorConnection:
        made.append(EditorConnection(lambda: Client("tests", key="connection".ljust(32, "-")), start, tr))
        return made[-1]

    yield make
    for each in made:
        each.close()


def pumped(link: EditorConnection, true: Callable[[], Any], starting: bool = False) -> None:
    """Pump as an editor's timer does until something is true."""

    def look() -> Any:
        link.pump()
        if starting:
            link.start_if_due()
        return true()

    until(look, "the connection")


def test_a_running_daemon_is_found_and_says_what_it_offers(daemon: Daemon, connect: Connect) -> None:
    link = connect(tr=lambda text: f"({text})")
    assert link.modes("nobody's") and link.max_aspect("nobody's") == 1.0
    pumped(link, lambda: link.connected)
    assert link.state.kind == READY and link.state.line.startswith("(Ready on ")
    assert {"text", "scene"} <= set(link.modes("starter")) and link.controls("starter") == ("depth", "normal")
    assert link.unavailable_reason("text", "starter") == link.unavailable_reason("scene", "unknown") == ""
    assert link.unavailable_reason("scene", "narrow") == "(narrow cannot do this)"
    assert "lacks unet/config.json" in link.unavailable_reason("text", "absent")


def test_a_models_words_are_asked_for_once_when_they_are_wanted(daemon: Daemon, connect: Connect) -> None:
    link = connect()
    assert link.vocabularies.of("starter") is None
    pumped(link, lambda: link.connected)
    pumped(link, lambda: link.vocabularies.of("starter"))
    asked: list[str] = []
    link.client.ask = lambda kind, fields=None: asked.append(kind)  # type: ignore[method-assign]
    assert [each.nearest for each in link.vocabularies.unknown("starter", "red trout")] == ["fish"]
    assert link.vocabularies.completions("starter", "a red app") == ("apple",)
    assert link.vocabularies.of("narrow") is None and asked == []
    assert vocabularies.completed("a red app", "apple") == "a red apple"
    assert vocabularies.replaced("a Trout, a trout", "trout", "fish") == "a fish, a trout"


def test_a_lost_daemon_is_told_and_found_again_without_another_being_started(daemon: Daemon, connect: Connect) -> None:
    started: list[int] = []
    link = connect(lambda: started.append(1))
    pumped(link, lambda: link.connected, starting=True)
    daemon.kill()
    pumped(link, lambda: link.state.kind == LOST)
    daemon.start()
    pumped(link, lambda: link.state.kind == READY)
    assert started == []


def test_a_daemon_is_started_once_where_none_runs(daemon: Daemon, connect: Connect) -> None:
    daemon.close()
    daemon.process = None
    started: list[int] = []

    def start() -> None:
        started.append(1)
        start_daemon(["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "acetate.daemon", "--engine", STAND_IN])

    link = connect(start)
    assert link.state.kind == STARTING
    pumped(link, lambda: link.connected, starting=True)
    assert started == [1]
    with daemon.session() as session:
        session.stop()


def test_a_daemon_that_nobody_starts_is_off(
    daemon: Daemon, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("ACETATE_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(connection, "START_AFTER_S", 0.05)
    link = connect()
    pumped(link, lambda: link.state.kind == OFF)
    assert link.problem is None


@pytest.mark.parametrize("error", [AcetateError("not_allowed", "never run here"), OSError("no such program")])
def test_a_daemon_that_cannot_be_started_says_why(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, error: Exception
) -> None:
    monkeypatch.setenv("ACETATE_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("ACETATE_CONFIG_DIR", str(tmp_path))
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise error

    link = connect(fail)
    for _ in range(3):
        link.pump()
        link.start_if_due()
    assert tries == [1], "it is tried again only after a while"
    assert link.state.kind == ABSENT and str(error) in link.state.hint
    assert link.problem is not None and str(error) in link.problem.message


def test_a_daemon_that_ends_at_its_start_says_why(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "state").write_text("a file where the daemon needs a folder")
    for name in ("state", "runtime", "config"):
        monkeypatch.setenv(f"ACETATE_{name.upper()}_DIR", str(tmp_path / name))
    link = connect(lambda: start_daemon(["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "acetate.daemon"]))
    pumped(link, lambda: link.problem is not None, starting=True)
    assert link.state.kind == LOST and f"{tmp_path / 'state'} is a file" in link.state.hint
