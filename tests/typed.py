"""The `acetate` command as it is typed, in this process, through a daemon of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest
from acetate import cli
from acetate.models import registry

from tests.daemon.harness import Daemon

PLACES = ("ACETATE_RUNTIME_DIR", "ACETATE_STATE_DIR", "ACETATE_CONFIG_DIR", "ACETATE_MODELS_DIR")


@dataclass(frozen=True)
class Answer:
    """What the command said, and its exit code."""

    code: int
    output: str
    errors: str


Acetate: TypeAlias = Callable[..., Answer]


def typed(
    daemon: Daemon,
    starter: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Acetate:
    """The command in `folder`, with the folders of this daemon and this model for the starter."""
    monkeypatch.setattr(registry, "STARTER_FOLDER", starter)
    monkeypatch.chdir(folder)
    for name in PLACES:
        if name in daemon.environment:
            monkeypatch.setenv(name, daemon.environment[name])

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr("sys.argv", ["acetate", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return Answer(end.value.code, said.out, said.err)

    return run
