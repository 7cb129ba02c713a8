"""A daemon that cannot start says why: to the client that started it, and in its log where that can be written."""

from __future__ import annotations

import contextlib
import shlex
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from acetate_wire.blocking import START_S, BlockingClient
from acetate_wire.errors import AcetateError

from tests.daemon.harness import Daemon, a_request, until

COMMAND = [sys.executable, "-m", "acetate.daemon"]


@pytest.fixture
def places(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home for a daemon that this process starts."""
    for name, folder in (("RUNTIME", "run"), ("STATE", "state"), ("CONFIG", "config")):
        monkeypatch.setenv(f"ACETATE_{name}_DIR", str(home / folder))
    return home


def refusal(command: list[str] = COMMAND) -> str:
    """What a client hears that starts a daemon, long before it would give up waiting."""
    begun = time.monotonic()
    with pytest.raises(AcetateError) as caught:
        BlockingClient("test", command=command)
    assert time.monotonic() - begun < START_S - 5
    return str(caught.value)


def on_a_disk_of_its_own(state: Path, prepare: str) -> list[str]:
    """The daemon with its state folder on a disk that `prepare` has spoilt, in a mount namespace of its own."""
    state.mkdir()
    mount = f"mount -t tmpfs -o size=64k,mode=700 acetate {shlex.quote(str(state))} && cd {shlex.quote(str(state))}"
    script = f"{mount} && {prepare}; exec {shlex.join(COMMAND)}"
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]


def test_a_newer_journal(places: Path) -> None:
    (places / "state").mkdir(mode=0o700)
    with contextlib.closing(sqlite3.connect(places / "state/journal.sqlite")) as journal:
        journal.execute("PRAGMA user_version=99")
    reason = refusal()
    assert "daemon did not start" in reason
    assert "journal.sqlite is of a newer acetate: update this one" in reason
    assert "newer acetate" in (places / "state/daemon.log").read_text(encoding="utf-8")


def test_a_full_disk(places: Path) -> None:
    fill = "{ dd if=/dev/zero of=filler bs=1024 2>/dev/null || true; }"
    reason = refusal(on_a_disk_of_its_own(places / "state", fill))
    assert f"the disk of {places / 'state'} is full: free some space there" in reason


def test_a_read_only_disk(places: Path) -> None:
    reason = refusal(on_a_disk_of_its_own(places / "state", 'mount -o remount,ro "$PWD"'))
    assert f"{places / 'state'}" in reason
    assert "cannot be written (Read-only file system)" in reason
    assert "set ACETATE_STATE_DIR" in reason


def test_a_path_too_long_for_a_socket(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACETATE_RUNTIME_DIR", str(places / ("long" * 30)))
    reason = refusal()
    assert "too long for a socket" in reason
    assert "set ACETATE_RUNTIME_DIR to a shorter folder" in reason
    assert "too long for a socket" in (places / "state/daemon.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", ["state", "run"])
def test_a_file_in_a_folders_place(places: Path, folder: str) -> None:
    (places / folder).write_text("not a folder", encoding="utf-8")
    reason = refusal()
    assert f"{places / folder} is a file where the daemon needs a folder: move it away" in reason


def test_a_program_that_is_no_daemon(places: Path) -> None:
    reason = refusal([sys.executable, "-c", "raise SystemExit('no daemon here')"])
    assert reason == "Acetate's daemon did not start: no daemon here"


def test_the_log_level_decides_what_daemon_and_worker_write(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon(log_level="info").start()
    with daemon.session() as session:
        session.run(a_request("a secret kite"))
    for name, record in (("daemon.log", "listens at ipc://"), ("worker.log", "text with starter, 16 x 8")):
        log = daemon.state / name
        until(lambda log=log, record=record: record in log.read_text(encoding="utf-8"), f"the record in {name}")  # type: ignore[misc]
        assert "kite" not in log.read_text(encoding="utf-8")
    sizes = {name: (daemon.state / name).stat().st_size for name in ("daemon.log", "worker.log")}
    daemon.kill()
    daemon.options[-1] = "error"
    daemon.start()
    with daemon.session() as session:
        session.run(a_request())
    assert {name: (daemon.state / name).stat().st_size for name in sizes} == sizes


def test_an_unknown_log_level_is_refused(make_daemon: Callable[..., Daemon]) -> None:
    process = make_daemon(log_level="loud").spawn()
    _, complaint = process.communicate(timeout=30)
    assert process.returncode == 2
    assert b"there is no log level 'loud': choose from debug, info, warning, error" in complaint


def test_logs_rotate_and_a_dying_workers_words_are_still_found(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon()
    daemon.state.mkdir(mode=0o700)
    (daemon.state / "worker.log").write_text("x" * (1 << 20), encoding="utf-8")
    daemon.start()
    with daemon.session() as session, pytest.raises(AcetateError, match="the stand-in was told to fail"):
        session.run(a_request("fail"))
    assert (daemon.state / "worker.log.1").stat().st_size >= 1 << 20
    assert "RuntimeError: the stand-in was told to fail" in (daemon.state / "worker.log").read_text(encoding="utf-8")
