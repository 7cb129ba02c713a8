"""The size that a job is drawn at, and how its target lies in it."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import torch
from acetate_wire.modes import MODES
from acetate_wire.request import LayerRequest
from jaxtyping import Float, Shaped
from torch import Tensor

from acetate.image.resample import crop_to_working, fit_to_target
from acetate.image.sizes import GRID, Cover, Learned, Size, Window, cover, cover_exactly, fit, model_size
from acetate.pipelines.sampling import TileSpec

SMALLEST_TILE = 2 * GRID
"""Tiles must overlap by a multiple of the grid, and at most by half."""
OVERLAP_SHARE = 4
"""Tiles overlap by about this part of their side."""


@dataclass(frozen=True)
class WorkingSize:
    """A size to draw at. `window` is the part of it that is the target; None where `placement.fit` decides."""

    size: Size
    target: Size
    window: Window | None
    tiles: TileSpec | None = None

    @classmethod
    def base(cls, request: LayerRequest, learned: Learned) -> WorkingSize:
        """At a shape that the model learned, so that a lone subject is drawn once.

        From words alone a layer lies in the target with clear margins. With pictures, all of the target is drawn, and
        what is drawn around it is left out. Backgrounds, and what is to fill the target, have the target's shape.
        """
        target = Size(request.target.width, request.target.height)
        spec = MODES[request.mode]
        if spec.makes_lone_layer and not request.controls and not request.fill:
            return cls(model_size(target, learned), target, None)
        covering = cover(target, learned, any_shape=request.fill or spec.fills_target)
        return cls(covering.drawn, target, covering.window)

    @classmethod
    def hires(cls, target: Size, side: int) -> WorkingSize:
        """The target's own size, in tiles of about what the model learned."""
        tile = max(SMALLEST_TILE, round(side / GRID) * GRID)
        overlap = max(1, round(tile / OVERLAP_SHARE / GRID)) * GRID
        covering = cover_exactly(target)
        return cls(covering.drawn, target, covering.window, TileSpec(tile, overlap))

    @property
    def tile_count(self) -> int:
        """In how many tiles it is drawn."""
        return 1 if self.tiles is None else self.tiles.count(self.size)

    def to_working(self, picture: Float[Tensor, "4 th tw"]) -> Float[Tensor, "4 h w"]:
        """A picture of the target as it lies in the drawing. Raises ValueError without a window."""
        if self.window is None:
            raise ValueError("a drawing with clear margins takes no pictures")
        return crop_to_working(picture, Cover(self.size, self.window)).clamp(0, 1)

    @property
    def needs_upscale(self) -> bool:
        """Whether the target has more pixels than what is drawn for it."""
        if self.window is None:
            lie = fit(self.size, self.target)
            return lie.paste.width > lie.window.width
        return self.target.width > self.window.width

    def to_target(
        self, drawn: Float[Tensor, "4 k*h k*w"], dtype: torch.dtype, target: Size | None = None
    ) -> Shaped[Tensor, "th tw 4"]:
        """What was drawn, enlarged or not, in the target's size or in another of its proportions."""
        k = drawn.shape[2] / self.size.width
        window = self.window and Window(*(k * each for each in astuple(self.window)))
        return fit_to_target(drawn, target or self.target, dtype, window)
