"""A daemon with the stand-in engine, and an editor without windows that follows jobs as the real ones do."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.harness import Daemon


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Daemon]:
    """The daemon of a file of tests."""
    with tempfile.TemporaryDirectory(prefix="ae-") as folder:
        daemon = Daemon(Path(folder))
        yield daemon
        daemon.close()


@pytest.fixture
def daemon(stand_in: Daemon, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    """The daemon, running, in whose folders this process looks too."""
    for name in ("ACETATE_RUNTIME_DIR", "ACETATE_STATE_DIR", "ACETATE_CONFIG_DIR"):
        monkeypatch.setenv(name, stand_in.environment[name])
    return stand_in if stand_in.alive else stand_in.start()
