"""Where workers run: one for each graphics card, or as many as were asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from acetate_wire.errors import AcetateError

from acetate.cards import card_count
from acetate.worker.engine_loader import guess_device, torch_build

AUTO = "auto"
MOST_WORKERS = 64
_CHOICE = {"cuda": "CUDA_VISIBLE_DEVICES", "rocm": "HIP_VISIBLE_DEVICES", "xpu": "ZE_AFFINITY_MASK"}
"""Which variable says on which cards a build of PyTorch computes."""
_THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True)
class WorkerDevice:
    """A worker's place: its number from 1, PyTorch's name of its device, and what its environment has besides.

    Workers with the same device share that device's memory.
    """

    number: int
    device: str
    environment: Mapping[str, str]


def find_worker_devices(workers: str, environment: Mapping[str, str] = os.environ) -> tuple[WorkerDevice, ...]:
    """The places of `workers`, a number or `auto`: one for each card, and one where the processor computes.

    More workers than cards share the cards, or the processor's cores. Raises AcetateError.
    """
    build, kind = torch_build(), guess_device()
    variable = _CHOICE.get(build, "") if kind in ("cuda", "xpu") else ""
    cards = _cards(build, environment.get(variable)) if variable else []
    if variable and not cards:
        kind = "cpu"
    count = _count(workers, max(1, len(cards)))
    places = []
    for number in range(count):
        extra: dict[str, str] = {}
        device = kind
        if cards:
            card = number % len(cards)
            extra[variable] = cards[card]
            device = f"{kind}:{card}"
        elif count > 1 and _THREADS not in environment:
            extra[_THREADS] = str(max(1, _cores() // count))
        places.append(WorkerDevice(number + 1, device, extra))
    return tuple(places)


def _cards(build: str, chosen: str | None) -> list[str]:
    """What the driver calls the cards; `chosen` is what the environment allows, None for all."""
    if chosen is None:
        return [str(card) for card in range(card_count(build))]
    return [card.strip() for card in chosen.split(",") if card.strip() not in ("", "-1")]


def _count(workers: str, found: int) -> int:
    if workers == AUTO:
        return found
    if workers.isdecimal() and 1 <= int(workers) <= MOST_WORKERS:
        return int(workers)
    raise AcetateError(
        "bad_request",
        f"{workers[:20]!r} is no number of workers",
        field="workers",
        hint=f"choose {AUTO}, for one on each graphics card, or a number from 1 to {MOST_WORKERS}",
    )


def _cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
