"""Daemons that end with their test."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.harness import Daemon, Editor


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="ac-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make_daemon(home: Path) -> Iterator[Callable[..., Daemon]]:
    """Makes a daemon with the given settings; not started."""
    made: list[Daemon] = []

    def make(**settings: object) -> Daemon:
        made.append(Daemon(home, **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for daemon in made:
        daemon.close()


@pytest.fixture(scope="module")
def common_daemon() -> Iterator[Daemon]:
    """The daemon that a file's tests share, each as clients of its own."""
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        daemon = Daemon(Path(folder))
        yield daemon
        daemon.close()


@pytest.fixture
def daemon(common_daemon: Daemon) -> Daemon:
    """A running daemon with the stand-in engine, and with clients that have no jobs yet."""
    if not common_daemon.alive:
        common_daemon.start()
    common_daemon.guests = uuid.uuid4().hex
    return common_daemon


@pytest.fixture
def editor(daemon: Daemon) -> Iterator[Editor]:
    """An editor that is connected to it."""
    made = daemon.editor()
    yield made
    made.client.close()
