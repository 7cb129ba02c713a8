"""Procedural opaque backgrounds for scenes: what stands behind a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from acetate_lab.synthetic.backgrounds import indoors, outdoors
from acetate_lab.synthetic.soft.paint import HUES, Canvas, Picture

__all__ = ["BACKDROPS", "Backdrop"]


@dataclass(frozen=True)
class Backdrop:
    """A kind of background: its name, other names for captions, and the function that paints it on a clear canvas.

    `paint(rng, canvas)` covers all of the canvas and returns the adjectives that a caption may add, such as "blue".
    """

    name: str
    synonyms: tuple[str, ...]
    paint: Callable[[np.random.Generator, Canvas], tuple[str, ...]]
    colours: tuple[str, ...] = ()

    def render(self, rng: np.random.Generator, size: int) -> tuple[Picture, tuple[str, ...]]:
        """One random picture, (size, size, 4) opaque RGBA, and its adjectives; the same `rng` gives the same one."""
        canvas = Canvas(size, 1)
        words = self.paint(rng, canvas)
        opaque = np.concatenate([canvas.colour, np.ones_like(canvas.colour[..., :1])], axis=-1)
        return np.rint(np.clip(opaque, 0, 1) * 255).astype(np.uint8), words


_HUE_WORDS = tuple(HUES)

_ALL = (
    Backdrop("blue sky", ("sky", "sky with clouds", "cloudy sky"), outdoors.blue_sky),
    Backdrop("sunset", ("sunset sky", "evening sky", "sunrise"), outdoors.sunset),
    Backdrop("night sky", ("starry sky", "stars", "starry night"), outdoors.night_sky),
    Backdrop("sea", ("ocean", "water", "open sea"), outdoors.sea),
    Backdrop("meadow", ("grass", "green field", "lawn"), outdoors.meadow),
    Backdrop("desert", ("sand", "dunes", "sandy desert"), outdoors.desert),
    Backdrop("snow field", ("snow", "snowy field", "winter landscape"), outdoors.snow_field),
    Backdrop("mountains", ("mountain range", "hills"), outdoors.mountains),
    Backdrop("forest", ("woods", "trees"), outdoors.forest),
    Backdrop("underwater", ("deep water", "sea floor"), outdoors.underwater),
    Backdrop("plain wall", ("wall", "plain background", "studio backdrop"), indoors.plain_wall, _HUE_WORDS),
    Backdrop("room", ("empty room", "floor and wall"), indoors.room, _HUE_WORDS),
    Backdrop("wooden table", ("wood", "table top", "planks"), indoors.wooden_table),
    Backdrop("brick wall", ("bricks", "red bricks"), indoors.brick_wall),
    Backdrop("city street", ("street", "city", "skyline"), outdoors.city_street),
)

BACKDROPS: Mapping[str, Backdrop] = MappingProxyType({backdrop.name: backdrop for backdrop in _ALL})
"""Every backdrop by its name."""
