"""The table of kinds: one module each, which states its words, its parameters and its painter."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from acetate.elements.kind import Kind
from acetate.elements.kinds import (
    bokeh,
    bubbles,
    campfire,
    candle,
    cloud,
    cracks,
    dandelion,
    dust_motes,
    embers,
    energy_beam,
    explosion,
    feather,
    flame,
    fog,
    glow,
    god_rays,
    grass,
    hair,
    icicles,
    ink,
    leaves,
    lens_flare,
    lightning,
    magic_circle,
    match,
    rain,
    shockwave,
    smoke,
    snow,
    sparkles,
    splatter,
    web,
)

_MODULES = (
    rain,
    snow,
    smoke,
    flame,
    campfire,
    match,
    candle,
    embers,
    god_rays,
    lightning,
    glow,
    hair,
    lens_flare,
    bokeh,
    sparkles,
    dust_motes,
    fog,
    cloud,
    explosion,
    energy_beam,
    magic_circle,
    shockwave,
    bubbles,
    cracks,
    splatter,
    ink,
    web,
    feather,
    dandelion,
    grass,
    icicles,
    leaves,
)
KINDS: Mapping[str, Kind] = MappingProxyType({module.KIND.name: module.KIND for module in _MODULES})
"""Every kind by its name, in the order in which the editors offer them."""
