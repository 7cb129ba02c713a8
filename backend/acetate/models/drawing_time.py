"""How long a transformer takes for a drawing at the least, told before it starts from the speed of this device."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from acetate_wire.errors import AcetateError
from acetate_wire.modes import MODES
from acetate_wire.request import FOUND_LAYERS, LayerRequest

from acetate.image.sizes import Size
from acetate.models.backbones.native_footprint import operations
from acetate.models.devices import synchronize
from acetate.models.memory_plan import CARDS, MemoryPlan
from acetate.models.registry import ModelSpec

LONGEST_S = 2 * 3600.0
"""What takes longer, even at the full speed of this device, is refused unless the request allows it."""
SIDES = {"cpu": 1024}
"""The side of the matrices whose product is timed, by kind of device; others need large ones to be busy."""
CARD_SIDE = 4096
MOVED = 1 << 26
"""Bytes whose way to a card is timed."""
TRIES = 3


@dataclass(frozen=True)
class DeviceSpeed:
    """What a device does in a second: `operations` in products of matrices, and `bytes` that come from main memory,
    infinite where it computes in that.
    """

    operations: float
    bytes: float


@cache
def measured_speed(device: torch.device, dtype: torch.dtype) -> DeviceSpeed:
    """The best of a few tries, which together take less than a second."""
    side = SIDES.get(device.type, CARD_SIDE)
    left, right = (torch.ones(side, side, dtype=dtype, device=device) for _ in range(2))
    seconds = _shortest(device, lambda: left @ right)
    if device.type not in CARDS:
        return DeviceSpeed(2 * side**3 / seconds, float("inf"))
    moved = torch.zeros(MOVED, dtype=torch.uint8)
    return DeviceSpeed(2 * side**3 / seconds, MOVED / _shortest(device, lambda: moved.to(device)))


def least_seconds(
    entry: ModelSpec, request: LayerRequest, size: Size, plan: MemoryPlan, weights: int, speed: DeviceSpeed
) -> float:
    """The time of all calls of the transformer at a working size, if nothing but products of matrices took any.

    `weights` are the transformer's bytes, which sequential offload moves at each call. `request` is resolved.
    """
    drawn = (request.layers or FOUND_LAYERS) + 1 if MODES[request.mode].splits else 1
    frames = drawn + len(entry.recipe(request.mode, request.inputs).inputs)
    calls = (request.steps or 1) * (1 if request.guidance == 1 else 2) * request.count
    moving = weights / speed.bytes if plan.placement == "sequential" else 0.0
    return calls * (operations(entry, size, frames) / speed.operations + moving)


def check_time(request: LayerRequest, seconds: float, device: torch.device) -> None:
    """Raise AcetateError `too_slow` where a drawing takes hours on a device."""
    if seconds <= LONGEST_S:
        return
    where = "the processor" if device.type == "cpu" else "this graphics card"
    raise AcetateError(
        "too_slow",
        f"{request.mode} with {request.model} takes at least {in_words(seconds)} on {where}, "
        f"over the limit of {in_words(LONGEST_S)}",
        field="steps",
        hint="ask for fewer steps, layers or pictures, choose a smaller model, or wait for it all the same "
        "(--however-long on the command line)",
    )


def in_words(seconds: float) -> str:
    """A time in whole hours or days, rounded down; minutes below an hour."""
    for unit, length in (("day", 86400), ("hour", 3600)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}s"
    minutes = max(1, int(seconds // 60))
    return f"{minutes} minute{'s' if minutes > 1 else ''}"


def _shortest(device: torch.device, act: Callable[[], object]) -> float:
    """The seconds of the fastest of a few calls, after one that only wakes the device."""
    act()
    found = []
    for _ in range(TRIES):
        synchronize(device)
        started = time.perf_counter()
        act()
        synchronize(device)
        found.append(time.perf_counter() - started)
    return max(min(found), 1e-9)
