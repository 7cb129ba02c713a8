"""The check of `python3 run.py check` that refuses the old words in names."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci/words.py"


def old_words(identifier: str) -> list[str]:
    return [old for old, _ in runpy.run_path(str(SCRIPT))["old_words"](identifier)]


@pytest.mark.parametrize(
    "name", ["Course", "_pay_debts", "TheWorkshop", "run_chores", "MOST_THRIFT", "GatekeeperSocket"]
)
def test_old_words_are_refused_whole_and_inside_of_names(name: str) -> None:
    assert len(old_words(name)) >= 1


@pytest.mark.parametrize("name", ["of_course", "benchmarks", "start", "SamplingParams", "bookshelves", "Startup"])
def test_other_names_are_not(name: str) -> None:
    assert old_words(name) == []


def test_the_line_and_the_new_word_are_named(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci/words.py").write_bytes(SCRIPT.read_bytes())
    (tmp_path / "run.py").write_text("")
    room = tmp_path / "backend"
    room.mkdir()
    (room / "good.py").write_text('"""A Course and a Workshop may stand in a text."""\n')
    run = [sys.executable, str(tmp_path / ".ci/words.py")]
    assert subprocess.run(run, capture_output=True, check=False).returncode == 0
    (room / "bad.py").write_text("x = 1\nclass Workshop: ...\n")
    refused = subprocess.run(run, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "bad.py:2: the old word Workshop in Workshop: write worker_pool" in refused.stdout
