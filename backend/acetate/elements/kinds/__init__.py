"""The table of kinds: one module each, which states its words, its parameters and its painter."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from acetate.elements.kind import Kind
from acetate.elements.kinds import (
    campfire,
    candle,
    embers,
    flame,
    glow,
    god_rays,
    hair,
    lightning,
    match,
    rain,
    smoke,
    snow,
)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        module.KIND.name: module.KIND
        for module in (rain, snow, smoke, flame, campfire, match, candle, embers, god_rays, lightning, glow, hair)
    }
)
"""Every kind by its name, in the order in which the editors offer them."""
