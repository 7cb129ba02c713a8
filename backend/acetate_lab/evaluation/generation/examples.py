"""The pictures that a model learned from, as the small views that generated layers are compared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from acetate_lab.metrics.coverage import Coverage, Shape, coverage_of, shape_of

SIDE = 64
"""The side in pixels of the views that layers and pictures are compared in."""


@dataclass(frozen=True)
class Shown:
    """What is known of a picture of the data: the thing that it shows, a prompt for it, and whether that is soft."""

    thing: str
    prompt: str
    licence: str
    soft: bool


@dataclass(frozen=True)
class Example:
    """One picture of the data: what it shows, and what its alpha is made of."""

    shown: Shown
    coverage: Coverage
    shape: Shape


@dataclass(frozen=True, eq=False)
class Examples:
    """Pictures of the data, and two premultiplied views of each: `views[i]` and `fresh[i]` show `about[i]`.

    The views were placed at random by the same rule as for training; `fresh` stands for what a perfect model draws.
    """

    about: tuple[Example, ...]
    views: Float[Tensor, "n 4 64 64"]
    fresh: Float[Tensor, "n 4 64 64"]

    @cached_property
    def by_thing(self) -> dict[str, tuple[int, ...]]:
        """The rows of each thing."""
        rows: dict[str, list[int]] = {}
        for row, example in enumerate(self.about):
            rows.setdefault(example.shown.thing, []).append(row)
        return {thing: tuple(found) for thing, found in rows.items()}

    @cached_property
    def things(self) -> tuple[str, ...]:
        """The thing that each row shows."""
        return tuple(example.shown.thing for example in self.about)

    def prompts(self, thing: str) -> tuple[str, ...]:
        """Every prompt for a thing."""
        return tuple(dict.fromkeys(self.about[row].shown.prompt for row in self.by_thing[thing]))

    def is_soft(self, thing: str) -> bool:
        """Whether a thing of the data is a soft subject."""
        return self.about[self.by_thing[thing][0]].shown.soft


def examples_of(pictures: Iterable[tuple[Shown, Float[Tensor, "4 h w"], Float[Tensor, "4 h w"]]]) -> Examples:
    """Gather (what it shows, view, fresh view) of straight-alpha pictures. Raises ValueError for none."""
    about, views, fresh = [], [], []
    for shown, picture, again in pictures:
        about.append(Example(shown, coverage_of(picture[3:]), shape_of(picture[3:])))
        views.append(small_view(picture[None])[0])
        fresh.append(small_view(again[None])[0])
    if not about:
        raise ValueError("there are no pictures to compare generated layers with")
    return Examples(tuple(about), torch.stack(views), torch.stack(fresh))


def small_view(layers: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n 4 64 64"]:
    """Straight-alpha layers as premultiplied views of 64 pixels a side, averaged over areas."""
    premultiplied = torch.cat([layers[:, :3] * layers[:, 3:], layers[:, 3:]], dim=1)
    return F.interpolate(premultiplied, (SIDE, SIDE), mode="area")


def straight(view: Float[Tensor, "4 h w"]) -> Float[Tensor, "4 h w"]:
    """A premultiplied view with straight alpha again, to be looked at."""
    colour = torch.where(view[3:] > 1e-4, view[:3] / view[3:].clamp_min(1e-4), 0.0)
    return torch.cat([colour.clamp(0, 1), view[3:]])
