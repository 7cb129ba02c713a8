"""For `acetate doctor`: PyTorch and the graphics card, and how every mode of every model would use memory."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from acetate_wire.errors import AcetateError

from acetate.cards import build_of, find_cards, unused
from acetate.models.families import families
from acetate.models.memory_plan import supports_nf4
from acetate.models.model_cache import ModelCache


@dataclass(frozen=True)
class ModePlan:
    """The plan for one mode at the model's own size: a square of `side` pixels.

    `needed` is the estimated peak, in bytes.
    """

    model: str
    family: str
    mode: str
    side: int
    plan: str
    needed: int
    fits: bool


def mode_plans(store: ModelCache) -> tuple[list[ModePlan], dict[str, str]]:
    """The plans of all installed models, and for each other model the reason why there is none."""
    plans: list[ModePlan] = []
    absent: dict[str, str] = {}
    for name in store.registry.sources:
        try:
            entry = store.registry.entry(name)
            side = entry.native_size
            recipes = {recipe.mode: recipe for recipe in reversed(entry.recipes)}
            for mode in entry.modes:
                planned = store.plan(name, mode, recipes[mode].inputs, (side, side))
                needed = planned.needs.needed(planned.plan)
                plans.append(
                    ModePlan(
                        name, entry.family.name, mode, side, planned.plan.describe(), needed, needed <= planned.free
                    )
                )
        except AcetateError as error:
            absent[name] = str(error)
        else:
            if not entry.modes:
                absent[name] = f"its layer files are missing: acetate models pull {entry.family.name} --layers"
    return plans, absent


def wants_nf4(device: str, plans: Sequence[ModePlan]) -> bool:
    """Whether a mode is moved layer by layer on an NVIDIA card that could have its weights in four bits instead."""
    moved = any("sequential" in plan.plan and families()[plan.family].is_native for plan in plans)
    return device == "cuda" and moved and not supports_nf4()


def torch_state(device: str) -> tuple[str, str]:
    """The installed PyTorch with its build, and advice about a card that it does not use, empty without one.

    `device` is the type of device that PyTorch found: `cpu`, `cuda`, `xpu` or `mps`.
    """
    import torch

    version = str(torch.__version__)
    build = build_of(version, sys.platform, platform.machine())
    cards = find_cards()
    advice = "" if device != "cpu" else unused(cards, build)
    if device == "cpu" and not advice and cards:
        advice = (
            f"PyTorch is the build for the card ({cards[0].maker}) but does not find it: "
            "bring its driver up to date, and see that this user may use it"
        )
    return f"{version} ({build})", advice
