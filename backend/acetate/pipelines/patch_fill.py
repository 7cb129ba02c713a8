"""A hole in a picture filled with pieces of what surrounds it, so that texture and outlines go on through it.

Coarse to fine, every patch that overlaps the hole is replaced by the most similar one from outside, and overlapping
patches are averaged (Wexler, Shechtman and Irani, "Space-Time Completion of Video", 2007). Sky is rather looked for
beside a patch than above or below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from acetate.pipelines.filling import filled, grown, laplacian, membrane

RADIUS = 3
"""Patches are squares of this many pixels around their middle."""
COARSEST = 24
"""The shorter side in pixels at which filling begins."""
SEARCHED = 1 << 23
"""Up to so many pairs of patches all are compared; beyond, only those near to what the coarser level found."""
ROUNDS = 6
"""How often the patches of the coarsest level are looked for; every finer level once less, down to two."""
BESIDE = 0.5
"""What a patch costs for lying the picture's height above or below, squared, beside the mean square of what differs."""
INWARD = 1.3
"""How much less a pixel counts with each pixel that it lies deeper in the hole, where less is known."""
DEEPEST = 32
"""How deep that goes on, in pixels."""
EVENED = 40
"""How often seams between patches are evened out; that reaches about the root of this many pixels."""
BLOCK = 2048
"""Patches compared at a time."""
AROUND = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x)
"""The places of the eight neighbours, from above and the left."""
CANDIDATES = (
    (0, 0, 0, 0),
    *((y, x, 0, 0) for y, x in AROUND),
    *((0, 0, y, x) for y, x in AROUND),
    *((4 * y, 4 * x, 0, 0) for y, x in AROUND),
)
"""What is tried for a patch: the offset of the one that lies this far down and right, moved this far down and right."""


def continued(picture: Float[Tensor, "4 h w"], hole: Float[Tensor, "h w"]) -> Float[Tensor, "4 h w"]:
    """A premultiplied picture with its hole (1) filled from pieces of what is around it, opaque or not.

    Outside the hole it is as it was. Where no piece of the surroundings is whole they go on smoothly, as by `filled`.
    """
    smooth = filled(picture, hole)
    made: _Filling | None = None
    for number, (seen, unknown) in enumerate(reversed(_pyramid(picture, hole))):
        level = _Level(seen, unknown)
        if not bool(level.sources.any()):
            continue
        start = _resized(smooth if made is None else made.picture, unknown)
        offsets = None if made is None else 2 * _resized(made.offsets.double(), unknown, "nearest").long()
        made = level.solved(torch.where(unknown > 0, start, seen), offsets, max(2, ROUNDS - number))
    if made is None or not bool((hole > 0).any()):
        return smooth
    seam = membrane(picture - made.picture, hole)
    result = (made.picture + seam + made.evening(hole)).clamp(0, 1)
    return torch.where(hole > 0, torch.minimum(result, result[3:]), picture)


@dataclass(frozen=True, eq=False)
class _Filling:
    """A picture made of patches in the hole and a rim around it: from where each patch came, and what the Laplacians
    of those are on average.
    """

    picture: Float[Tensor, "4 h w"]
    offsets: Int[Tensor, "2 h w"]
    bend: Float[Tensor, "4 h w"]

    def evening(self, hole: Float[Tensor, "h w"]) -> Float[Tensor, "4 h w"]:
        """What is to be added in the hole so that no seam is seen between patches: Poisson's equation, nearby only."""
        load, result = self.bend - laplacian(self.picture), torch.zeros_like(self.picture)
        for _ in range(EVENED):
            result = torch.where(hole > 0, result + (laplacian(result) - load) / 4, 0.0)
        return result


@dataclass(frozen=True, eq=False)
class _Level:
    """A picture in one size, with the pixels whose patches are looked for and those whose patches are taken."""

    picture: Float[Tensor, "4 h w"]
    hole: Float[Tensor, "h w"]

    @cached_property
    def certain(self) -> Float[Tensor, "h w"]:
        """1 outside the hole, and less the deeper inside."""
        depth, left = torch.zeros_like(self.hole), self.hole
        for _ in range(DEEPEST):
            depth, left = depth + left, 1 - grown(1 - left, 1)
        return INWARD**-depth

    @cached_property
    def sources(self) -> Bool[Tensor, "h w"]:
        """The middles of patches that lie in the picture and hold nothing of the hole."""
        inside = torch.zeros_like(self.hole, dtype=torch.bool)
        inside[RADIUS:-RADIUS, RADIUS:-RADIUS] = True
        return inside & (grown(self.hole, RADIUS) <= 0)

    def solved(self, start: Float[Tensor, "4 h w"], offsets: Int[Tensor, "2 h w"] | None, rounds: int) -> _Filling:
        """The picture filled from a first guess, and where there is one from the offsets of a coarser level."""
        targets, sources = (grown(self.hole, RADIUS) > 0).nonzero(), self.sources.nonzero()
        if len(targets) * len(sources) <= SEARCHED:
            offsets = None
        current = start
        for _ in range(rounds):
            blocks = torch.split(targets, BLOCK)
            if offsets is None:
                taken = torch.cat([self._searched(current, block, sources) for block in blocks])
            else:
                taken = torch.cat([self._refined(current, block, offsets) for block in blocks])
            found = torch.zeros(2, *self.hole.shape, dtype=torch.long)
            found[:, targets[:, 0], targets[:, 1]] = (taken - targets).T
            offsets = offsets if offsets is None else found
            picture = self._averaged(self.picture, targets, taken)
            current = torch.where(self.hole > 0, picture, self.picture)
        return _Filling(picture, found, self._averaged(laplacian(self.picture), targets, taken))

    def _searched(
        self, current: Tensor, targets: Int[Tensor, "n 2"], sources: Int[Tensor, "m 2"]
    ) -> Int[Tensor, "n 2"]:
        """For each target the most similar of all sources."""
        ours, theirs, weight = _patches(current, targets), _patches(self.picture, sources), self._weights(targets)
        cost = weight @ theirs.square().T - 2 * (weight * ours) @ theirs.T
        cost += BESIDE * ((targets[:, :1] - sources[:, 0]) / self.hole.shape[0]).square()
        return sources[cost.argmin(dim=1)]

    def _weights(self, targets: Int[Tensor, "n 2"]) -> Float[Tensor, "n d"]:
        """How much each value of a patch counts, together 1."""
        weight = _patches(self.certain[None], targets).repeat(1, 4)
        return weight / weight.sum(dim=1, keepdim=True)

    def _refined(
        self, current: Tensor, targets: Int[Tensor, "n 2"], offsets: Int[Tensor, "2 h w"]
    ) -> Int[Tensor, "n 2"]:
        """For each target the best of what was found for it and its neighbours, and what lies next to that."""
        ours, weight = _patches(current, targets), self._weights(targets)
        height, width = self.hole.shape
        last = torch.tensor([height - 1, width - 1])
        best, least = targets.clone(), torch.full((len(targets),), torch.inf)
        for up, left, down, right in CANDIDATES:
            near = (targets + torch.tensor([up, left])).clamp(min=0).minimum(last)
            there = targets + offsets[:, near[:, 0], near[:, 1]].T + torch.tensor([down, right])
            there = there.clamp(min=0).minimum(last)
            allowed = self.sources[there[:, 0], there[:, 1]]
            cost = (weight * (ours - _patches(self.picture, there)).square()).sum(dim=1)
            cost += BESIDE * ((targets[:, 0] - there[:, 0]) / height).square()
            better = allowed & (cost < least)
            best[better], least[better] = there[better], cost[better]
        lost = torch.isinf(least)
        if bool(lost.any()):
            best[lost] = self._searched(current, targets[lost], self.sources.nonzero())
        return best

    def _averaged(
        self, values: Tensor, targets: Int[Tensor, "n 2"], taken: Int[Tensor, "n 2"]
    ) -> Float[Tensor, "4 h w"]:
        """The picture made of overlapping patches; where there are none, as it is."""
        height, width = self.hole.shape
        sums, shares = torch.zeros(4, height * width), torch.zeros(height * width)
        certain = self.certain[targets[:, 0], targets[:, 1]]
        flat = values.flatten(1)
        for y in range(-RADIUS, RADIUS + 1):
            for x in range(-RADIUS, RADIUS + 1):
                to, source = targets + torch.tensor([y, x]), taken + torch.tensor([y, x])
                inside = ((to >= 0) & (to < torch.tensor([height, width]))).all(dim=1)
                at = to[inside, 0] * width + to[inside, 1]
                share = certain[inside] / (1 + y * y + x * x)
                sums.index_add_(1, at, flat[:, source[inside, 0] * width + source[inside, 1]] * share)
                shares.index_add_(0, at, share)
        made = (sums / shares.clamp_min(1e-12)).reshape_as(values)
        return torch.where(shares.reshape(height, width) > 0, made, values)


def _patches(picture: Float[Tensor, "c h w"], middles: Int[Tensor, "n 2"]) -> Float[Tensor, "n d"]:
    """The patches around pixels, flat; beyond the border, what is at the border."""
    padded = F.pad(picture[None], (RADIUS,) * 4, mode="replicate")[0]
    width = padded.shape[2]
    side = torch.arange(2 * RADIUS + 1)
    within = (side[:, None] * width + side).flatten()
    at = (middles[:, :1] * width + middles[:, 1:]) + within
    return padded.flatten(1)[:, at].permute(1, 0, 2).flatten(1)


def _pyramid(picture: Tensor, hole: Tensor) -> list[tuple[Float[Tensor, "4 h w"], Float[Tensor, "h w"]]]:
    """The picture and its hole, each half as large as the one before; a pixel that is mostly hole is in it."""
    levels = [(picture, (hole > 0).to(picture))]
    while min(levels[-1][1].shape) >= 2 * COARSEST:
        seen, unknown = levels[-1]
        known = 1 - unknown
        share = F.avg_pool2d(known[None], 2, ceil_mode=True, count_include_pad=False)
        mean = F.avg_pool2d((seen * known)[None], 2, ceil_mode=True, count_include_pad=False)
        levels.append(((mean / share.clamp_min(1e-6))[0], (share[0] < 0.5).to(picture)))
    return levels


def _resized(picture: Float[Tensor, "c h w"], like: Float[Tensor, "p q"], way: str = "area") -> Float[Tensor, "c p q"]:
    if way == "area" and picture.shape[1] < like.shape[0]:
        return F.interpolate(picture[None], like.shape, mode="bilinear", align_corners=False)[0]
    return F.interpolate(picture[None], like.shape, mode=way)[0]
