"""How the starter splits a picture: what differs from its surroundings is a thing, and they go on behind it.

It was never trained to split. Where the prompt names the thing, the starter says about where that is, from the picture
alone; without one, things are found by arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from acetate_wire.request import LayerRequest, PictureSpec, Rect
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from acetate.generation import GenerationProgress
from acetate.image.resample import premultiplied, unpremultiply
from acetate.image.sizes import Cover, Size, cover
from acetate.models.recipes import ModeRecipe
from acetate.pipelines.context import GenerationContext
from acetate.pipelines.filling import SEEN, filled, grown
from acetate.pipelines.layer_pipeline import LayerPipeline
from acetate.pipelines.middle import PLAIN
from acetate.pipelines.patch_fill import continued
from acetate.pipelines.sampling import OnStep
from acetate.pipelines.split_frames import SplitFrames

MOST_ELONGATED = 4
"""The longest side over the shortest up to which the starter is given a picture in its own shape."""
RIM_SHARE = 1 / 16
"""How much of the shorter side the rim is wide, from which the background is guessed first."""
RIM_STEP = 3
"""Every so many pixels of the rim's rows and columns the others are compared with one."""
ELSEWHERE = (0.5, 0.1)
"""What it adds to their difference when one of the rim lies the picture's height above, or its width beside."""
BLOCK = 4096
"""Pixels compared with the rim at a time."""
LEAST_DIFFERENCE, MOST_DIFFERENCE = 0.1, 0.28
"""Between these lies how much a channel of a thing differs from what is behind it."""
THIN = 1.5
"""How many times that difference a narrow part of a thing has, a tail or a leaf."""
SMALLEST_THING = 0.004
"""The share of the picture that a thing has at least."""
INSIDE_DIFFERENCE = 0.5
"""The share of that by which a hole in a thing must differ on average to be a part of it."""
HEEDED = 0.5
"""How far the prompt moves that difference: a quarter down where the starter sees the thing, a quarter up elsewhere."""
SAID = 0.3
"""The share of a thing that must lie where the starter sees what the prompt names."""
HALO = 3
"""How far around a thing nothing is taken for what is behind it, in pixels: its soft edge."""
NEAR_SHARE = 1 / 24
"""Parts nearer to each other than this share of the shorter side are one thing."""


@dataclass(frozen=True, eq=False)
class StarterSplitter:
    """Splits by finding things; see FrameSplitter."""

    context: GenerationContext

    def cover(self, target: Size) -> Cover:
        """The starter's full size in the target's shape, or a square around a very long target."""
        spec = self.context.model.spec
        learned = replace(spec.learned, side=spec.full_size)
        return cover(target, learned, any_shape=target.aspect <= MOST_ELONGATED)

    def described(self, picture: Float[Tensor, "4 h w"]) -> GenerationContext:
        """As it is: the starter looks for itself."""
        return self.context

    def split(
        self, picture: Float[Tensor, "4 h w"], count: int, generator: torch.Generator, on_step: OnStep
    ) -> SplitFrames:
        """A background, and a layer for each thing that was found, the lowest in the picture on top."""
        job = _Job(self.context, picture, generator.initial_seed(), on_step)
        if count == 1:
            return SplitFrames((picture,))
        alpha = job.find()
        things = _things(alpha, count - 1)
        if not things:
            return SplitFrames((picture,))
        behind = _without(picture, grown((alpha > 0.05).float(), HALO), continued)
        layers = [torch.cat([_own_colour(picture, behind, each), each[None]]) for each in things]
        return SplitFrames((behind, *layers))


@dataclass(frozen=True, eq=False)
class _Job:
    """One picture to split, in the frame's size."""

    context: GenerationContext
    picture: Float[Tensor, "4 h w"]
    seed: int
    on_step: OnStep

    def find(self) -> Float[Tensor, "h w"]:
        """How much each pixel belongs to a thing, 0 to 1."""
        inner = _without_rim(self.picture[3])
        difference = self._difference(_without(self.picture, inner, filled)).minimum(self._unlike(inner))
        bar = _threshold(difference)
        least = round(SMALLEST_THING * difference.numel())
        core, narrow = _opened(difference > bar, 2), _opened(difference > THIN * bar, 1)
        parts = [part for part in _parts(core + narrow > 0, least) if bool((part * core).any())]
        said = None
        if self.context.request.prompt.strip():
            said = self._said()
            parts = [part for part in parts if float((part * said).sum()) > SAID * float(part.sum())]
        first = hole = torch.stack([torch.zeros_like(difference), *parts]).amax(dim=0)
        if said is not None:
            hole = torch.maximum(hole, (said > 0.5).float())
        for halo, fill, share in ((2 * HALO, filled, 0.6), (HALO, continued, 0.8)):
            self.on_step(share, None)
            if not bool(hole.any()) or bool(hole.all()):
                return torch.zeros_like(hole)
            difference = self._difference(_without(self.picture, grown(hole, halo), fill))
            score = difference / bar + (0.0 if said is None else HEEDED * (said - 0.5))
            solid = _opened(score > 1, 1)
            # What is near a soft edge looks like what is behind it once the hole is filled from there.
            solid = torch.maximum(solid, first)
            solid = torch.maximum(solid, _enclosed(solid > 0, score))
            hole = grown(solid, 1)
        return _soft(solid, difference)

    def _difference(self, other: Float[Tensor, "4 h w"]) -> Float[Tensor, "h w"]:
        visible = self.picture[3] > SEEN
        return (premultiplied(self.picture) - premultiplied(other)).abs().amax(dim=0) * visible

    def _unlike(self, inner: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
        """How much each pixel differs at least from one of the rim, which costs something for lying elsewhere.

        A horizon and a texture run through the picture, where a smooth surface from the rim does not.
        """
        height, width = inner.shape
        colour, visible = premultiplied(self.picture), self.picture[3] > SEEN
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        rim = (inner <= 0) & visible & (rows % RIM_STEP == 0) & (columns % RIM_STEP == 0)
        if not bool(rim.any()):
            return colour[3]
        place = torch.stack([ELSEWHERE[0] * rows / height, ELSEWHERE[1] * columns / width])
        theirs, there = colour[:, rim], place[:, rim]
        found = []
        for ours, here in zip(*(torch.split(each.flatten(1), BLOCK, 1) for each in (colour, place)), strict=True):
            differs = (ours[:, :, None] - theirs[:, None]).abs().amax(dim=0)
            away = (here[:, :, None] - there[:, None]).abs().sum(dim=0)
            found.append((differs + away).amin(dim=1))
        return torch.cat(found).reshape(height, width) * visible

    def _said(self) -> Float[Tensor, "h w"]:
        """Where the starter sees what the prompt names: the alpha of the foreground that it draws for this blend."""
        height, width = self.picture.shape[1:]
        headers = {"blend": PictureSpec(0, width, height)}
        plain = {"count": 1, "layers": None, "blending": "encoded", "fill": True, "preview": False, **PLAIN}
        area = {"canvas": (width, height), "target": Rect(0, 0, width, height)}
        fields = {"mode": "scene", "inputs": headers, "returns": ("foreground",), "seed": self.seed, **plain, **area}
        asked: LayerRequest = replace(self.context.request, **fields)  # type: ignore[arg-type]  # fields by name

        def report(progress: GenerationProgress) -> None:
            self.on_step(progress.step / progress.steps / 2 if progress.steps else 0.0, None)

        given = {"blend": self.picture}
        way = ModeRecipe("scene", self.context.way.adapters, tuple(given), needs_encoder=True)
        (layer,) = LayerPipeline(replace(self.context, request=asked, way=way, inputs=given, report=report)).run()
        return layer.picture[..., 3]


def _own_colour(
    picture: Float[Tensor, "4 h w"], behind: Float[Tensor, "4 h w"], alpha: Float[Tensor, "h w"]
) -> Float[Tensor, "3 h w"]:
    """The colour of a thing that gives the picture over what is behind it."""
    own = (picture[:3] - (1 - alpha) * behind[:3]) / alpha.clamp_min(0.1)
    return torch.where(alpha > 0.1, own, picture[:3]).clamp(0, 1)


def _without(
    picture: Float[Tensor, "4 h w"], hole: Float[Tensor, "h w"], fill: Callable[[Tensor, Tensor], Tensor]
) -> Float[Tensor, "4 h w"]:
    """A picture with its hole filled by a function of premultiplied ones."""
    return unpremultiply(fill(premultiplied(picture), hole))


def _without_rim(alpha: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """1 everywhere but along the border of what is visible."""
    rim = max(1, round(RIM_SHARE * min(alpha.shape)))
    visible = (alpha > SEEN).float()
    inner = -F.max_pool2d(-F.pad(visible[None], (rim, rim, rim, rim)), 2 * rim + 1, 1)[0]
    return 1 - (visible - inner)


def _threshold(difference: Float[Tensor, "h w"]) -> float:
    """The difference that best tells two groups of pixels apart (Otsu's method), within what is usual."""
    counts = torch.histc(difference, 64, 0, 1)
    middles = (torch.arange(64) + 0.5) / 64
    below, sums = counts.cumsum(0), (counts * middles).cumsum(0)
    above = below[-1] - below
    apart = sums / below.clamp_min(1) - (sums[-1] - sums) / above.clamp_min(1)
    best = int((below * above * apart.square()).argmax())
    return min(max(float(middles[best]), LEAST_DIFFERENCE), MOST_DIFFERENCE)


def _things(alpha: Float[Tensor, "h w"], most: int) -> list[Float[Tensor, "h w"]]:
    """At most so many things, from the one whose foot is highest in the picture; the last ones together if need be."""
    near = max(HALO, round(NEAR_SHARE * min(alpha.shape) / 2))
    groups = _parts(grown((alpha > 0.5).float(), near) > 0, 1)
    found = [part for part in (group * alpha for group in groups) if _area(part) >= SMALLEST_THING * alpha.numel()]
    found.sort(key=_area, reverse=True)
    if len(found) > most:
        found[most - 1 :] = [torch.stack(found[most - 1 :]).amax(dim=0)]
    return sorted(found, key=lambda part: int((part > 0.5).any(dim=1).nonzero().max()))


def _area(part: Float[Tensor, "h w"]) -> int:
    return int((part > 0.5).sum())


def _opened(mask: Tensor, radius: int) -> Float[Tensor, "h w"]:
    """A mask without what is narrower than twice the radius."""
    side = 2 * radius + 1
    eroded = -F.max_pool2d(-mask.float()[None], side, 1, radius)
    return F.max_pool2d(eroded, side, 1, radius)[0]


def _enclosed(mask: Tensor, score: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """The holes of a mask through which nothing of the background is seen: small ones, and those that differ too."""
    found = [torch.zeros(mask.shape)]
    for hole in _parts(~mask, 1):
        is_open = bool(torch.cat([hole[0], hole[-1], hole[:, 0], hole[:, -1]]).any())
        differs = float(score[hole > 0].mean()) > INSIDE_DIFFERENCE
        if not is_open and (differs or float(hole.mean()) < SMALLEST_THING):
            found.append(hole)
    return torch.stack(found).amax(dim=0)


def _soft(solid: Float[Tensor, "h w"], difference: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """A thing's alpha: in a band along its outline a pixel's difference as a share of the largest nearby.

    Where a thing mixes with what is behind it, that share is its alpha, if its colour is about even across the band.
    """
    inner, outer = 1 - grown(1 - solid, HALO), grown(solid, HALO)
    largest = F.max_pool2d(difference[None], 4 * HALO + 1, 1, 2 * HALO)[0].clamp_min(LEAST_DIFFERENCE)
    return torch.where(inner > 0, 1.0, outer * (difference / largest).clamp(0, 1))


def _parts(mask: Tensor, least: int) -> list[Float[Tensor, "h w"]]:
    """The connected parts of a mask that have at least so many pixels."""
    wanted = mask.float()
    ids = torch.arange(1, mask.numel() + 1, dtype=torch.float64).reshape(mask.shape) * wanted
    while True:
        spread = F.max_pool2d(ids[None], 3, 1, 1)[0] * wanted
        if torch.equal(spread, ids):
            break
        ids = spread
    names, sizes = torch.unique(ids[ids > 0], return_counts=True)
    return [(ids == name).float() for name, size in zip(names, sizes, strict=True) if int(size) >= least]
