"""How every mode of every model would use this computer's memory, for `acetate doctor`."""

from __future__ import annotations

from dataclasses import dataclass

from acetate_wire.errors import WireError

from acetate.models.store import ModelStore


@dataclass(frozen=True)
class ModePlan:
    """The plan for one mode at the model's own size: a square of `side` pixels.

    `needed` is the most that it has in memory at once, in bytes, as far as can be told beforehand.
    """

    model: str
    mode: str
    side: int
    plan: str
    needed: int
    fits: bool


def mode_plans(store: ModelStore) -> tuple[list[ModePlan], dict[str, str]]:
    """The plans of all models that are here, and for each of the others why there is none."""
    plans: list[ModePlan] = []
    absent: dict[str, str] = {}
    for name in store.catalogue.sources:
        try:
            entry = store.catalogue.entry(name)
            side = entry.native_size
            ways = {way.mode: way for way in reversed(entry.ways)}
            for mode in entry.modes:
                planned = store.plan(name, mode, ways[mode].given, (side, side))
                needed = planned.needs.needed(planned.plan)
                plans.append(ModePlan(name, mode, side, planned.plan.words(), needed, needed <= planned.free))
        except WireError as error:
            absent[name] = str(error)
        else:
            if not entry.modes:
                absent[name] = f"its layer files are missing: acetate models pull {entry.family.name} --layers"
    return plans, absent
