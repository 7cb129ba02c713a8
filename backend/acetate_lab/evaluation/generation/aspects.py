"""Lone subjects on targets of other shapes than a square: is there one, or are there two?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import torch
from acetate_wire.geometry import square_in
from acetate_wire.request import Rect
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from acetate_lab.evaluation.generation.generator import Generate, GeneratedLayer, Keep, draw_layers
from acetate_lab.metrics.coverage import VISIBLE_ABOVE

ASPECTS = {"16:9": 16 / 9, "3:2": 3 / 2, "1:√2": 1 / sqrt(2), "9:16": 9 / 16}
"""Width over height of the targets: a screen, a photograph, a sheet of paper (A4), a telephone."""
LONGEST = 48
"""Pixels along the longer side of what is compared with itself."""
SHIFTS = (0.3, 0.62)
"""By how much of its length a subject is shifted to be compared with itself."""
ALIKE = 0.4
"""Shifted parts that agree by more than this correlation show the same thing twice."""
ELONGATED = 1.25
"""How much more elongated along the target a subject must be than on a square to be drawn twice."""

GenerateAt = Callable[[float], Generate]
"""Gives what draws layers on targets of this width over height."""


@dataclass(frozen=True, eq=False)
class AspectLayer:
    """A layer on a target of another shape, the thing that it should show, and whether it shows it twice."""

    layer: GeneratedLayer
    thing: str
    recognised: bool
    doubled: bool


@dataclass(frozen=True, eq=False)
class AspectLayers:
    """The layers on targets of one shape."""

    name: str
    layers: tuple[AspectLayer, ...]


def draw_at(
    generate_at: GenerateAt,
    name: str,
    prompts: Sequence[str],
    seed: int,
    report: Callable[[int, int], None],
    keep: Keep,
) -> tuple[GeneratedLayer, ...]:
    """A layer for each prompt on targets of a shape in `ASPECTS`; kept apart from those on a square."""

    def kept(prompt: str, own: int, draw: Callable[[], tuple[Tensor, float]]) -> tuple[Tensor, float]:
        return keep(f"{name} {prompt}", own, draw)

    return tuple(draw_layers(generate_at(ASPECTS[name]), prompts, seed, report, kept))


def middle_of(picture: Float[Tensor, "4 h w"]) -> Float[Tensor, "4 side side"]:
    """The square in the middle of a layer."""
    area = square_in(Rect(0, 0, picture.shape[2], picture.shape[1]), 1.0)
    return picture[:, area.y : area.y + area.height, area.x : area.x + area.width]


def is_doubled(picture: Float[Tensor, "4 h w"], alone: Float[Tensor, "4 s s"]) -> bool:
    """Whether a layer on an elongated target shows its subject twice along the target.

    `alone` is the layer of the same prompt and seed on a square. The subject is longer than that one, and shifted
    along the target it agrees with itself: the zero-mean correlation of colour over grey, and alpha, in the overlap.
    """
    subject, single = _subject(picture), _subject(alone)
    if subject is None or single is None:
        return False
    if picture.shape[1] > picture.shape[2]:
        subject, single = subject.transpose(1, 2), single.transpose(1, 2)
    if _aspect(subject) < ELONGATED * _aspect(single):
        return False
    return self_likeness(subject) > ALIKE


def self_likeness(subject: Float[Tensor, "c h w"]) -> float:
    """The highest correlation of a subject with itself, shifted along its width by about half of that; -1 to 1."""
    scale = LONGEST / max(subject.shape[1:])
    height, width = (max(8, round(side * scale)) for side in subject.shape[1:])
    small = F.interpolate(subject[None], (height, width), mode="area")[0]
    found = [-1.0]
    for shift in range(int(SHIFTS[0] * width), int(SHIFTS[1] * width) + 1):
        one, other = small[:, :, : width - shift], small[:, :, shift:]
        one, other = one - one.mean((1, 2), keepdim=True), other - other.mean((1, 2), keepdim=True)
        spread = (one.square().sum() * other.square().sum()).sqrt()
        found.append(float((one * other).sum() / spread) if spread > 0 else 0.0)
    return max(found)


def _subject(picture: Float[Tensor, "4 h w"]) -> Float[Tensor, "4 bh bw"] | None:
    """What is visible of a layer, as tight as it goes: colour over mid grey, and alpha; None where nothing is."""
    visible = picture[3] > VISIBLE_ABOVE
    rows, columns = visible.any(dim=1).nonzero(), visible.any(dim=0).nonzero()
    if not len(rows):
        return None
    tight = picture[:, int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]
    return torch.cat([tight[:3] * tight[3:] + 0.5 * (1 - tight[3:]), tight[3:]])


def _aspect(subject: Float[Tensor, "4 h w"]) -> float:
    return subject.shape[2] / subject.shape[1]
