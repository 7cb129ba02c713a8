"""Data that other processes make for the starter's training is the same whatever their number, and they end with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from acetate_lab.training.rolling import Rolling, Turnover
from acetate_lab.training.starter.data_pool import DataPool
from acetate_lab.training.starter.latent_cache import fresh_latents
from acetate_lab.training.starter.networks import open_transparency
from acetate_lab.training.starter.samples import BackdropRequest, SampleRequest, make_samples, paint_backdrops

from tests.tiny_pictures import write_discs

TURNOVER = Turnover(size=5, kept=1, steps=2)

ORPHANS = """
import sys, time
from pathlib import Path
from acetate_lab.training.starter.data_pool import DataPool
from acetate_lab.training.starter.samples import BackdropRequest, paint_backdrops

if __name__ == "__main__":
    pool = DataPool(Path(sys.argv[1]), 1)
    next(pool.begin(paint_backdrops, [BackdropRequest(0, 1, 32)]))
    print(*pool._executor._processes, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_discs(tmp_path_factory.mktemp("pool") / "data")


@pytest.fixture(scope="module")
def pool(data: Path) -> Iterator[DataPool]:
    with DataPool(data, 2) as processes:
        yield processes


def test_two_processes_make_what_this_one_makes_in_the_same_order(data: Path, pool: DataPool) -> None:
    alone = DataPool(data, 0)
    requests = [[SampleRequest(row, row % 2 == 1, 7 * row + 1)] for row in range(9)]
    mine, theirs = (each.begin(make_samples, requests, limit=3) for each in (alone, pool))
    for [one], [other] in zip(mine, theirs, strict=True):
        assert np.array_equal(one.picture, other.picture) and one.wording == other.wording
    backdrops = [BackdropRequest(seed, 2, 32) for seed in range(3)]
    for one, other in zip(*(each.begin(paint_backdrops, backdrops) for each in (alone, pool)), strict=True):
        assert np.array_equal(one[0], other[0]) and one[1] == other[1]


def test_slices_made_ahead_are_those_of_a_run_that_was_stopped(
    data: Path, pool: DataPool, tiny_starter: Path, tmp_path: Path
) -> None:
    model = open_transparency(tiny_starter)

    def latents(processes: DataPool, folder: str) -> Rolling:
        return fresh_latents(model, processes, 64, frozenset(), TURNOVER, tmp_path / folder, steps=6)

    whole = latents(pool, "whole")
    windows = [whole.at(step) for step in (0, 2, 4)]
    assert latents(pool, "stopped").at(0).words == windows[0].words
    gone_on = latents(DataPool(data, 0), "stopped")
    for step, window in zip((0, 2, 4), windows, strict=True):
        found = gone_on.at(step)
        assert found.words == window.words
        assert torch.equal(found.tensors["latents"], window.tensors["latents"])


def test_no_more_is_made_than_is_taken_soon(pool: DataPool) -> None:
    asked: list[int] = []

    def requests() -> Iterator[BackdropRequest]:
        for seed in range(20):
            asked.append(seed)
            yield BackdropRequest(seed, 1, 16)

    made = pool.begin(paint_backdrops, requests(), limit=3)
    assert asked == [0, 1, 2], "the first are begun at once"
    next(made)
    next(made)
    assert len(asked) == 5
    assert len(list(made)) == 18


def test_what_fails_in_another_process_fails_here(pool: DataPool) -> None:
    with pytest.raises(IndexError):
        list(pool.begin(make_samples, [[SampleRequest(99999, False, 1)]]))


@pytest.mark.skipif(os.name == "nt", reason="looks for processes as POSIX does")
def test_processes_end_with_a_training_that_is_killed(data: Path) -> None:
    command = [sys.executable, "-c", ORPHANS, str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as training:
        assert training.stdout is not None
        [worker] = training.stdout.readline().split()
        os.kill(int(worker), 0)
        training.kill()
    limit = time.monotonic() + 60
    while _runs(int(worker)):
        assert time.monotonic() < limit, "the process outlived its training"
        time.sleep(0.05)


def _runs(process: int) -> bool:
    """Whether a process is there, and not only its exit code."""
    state = Path(f"/proc/{process}/stat")
    if state.parent.parent.joinpath("self").exists():
        return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
