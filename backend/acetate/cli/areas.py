"""Which part of the given pictures a command works on: a small thing on a large canvas is drawn in full detail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from acetate_wire.errors import AcetateError
from acetate_wire.geometry import area_around, area_around_mask, intersection
from acetate_wire.request import Rect

from acetate.cli.adapter_options import ControlOption
from acetate.cli.submit import ResultLayer
from acetate.i18n import tr as _
from acetate.models.adapter_files import STYLE_KIND, split_kind
from acetate.models.registry import ModelSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pictures = Mapping[str, NDArray[np.uint8]]

FAINT = 8
"""8-bit alpha up to this is haze that no area is widened for."""
DIFFERENT = 16
"""How much a level of 255 must differ for two pictures to show different things there."""
MOST = 0.5
"""An area over this share of pictures is not worth leaving the rest out for, if the model learned their shape."""


@dataclass(frozen=True)
class Area:
    """A part of pictures of `width` x `height` pixels."""

    rect: Rect
    width: int
    height: int

    @classmethod
    def worked_on(cls, pictures: Pictures, entry: ModelSpec) -> Area | None:
        """Where there is something to do, with a margin, at a shape that the model learned; None for everywhere."""
        shapes = {picture.shape[:2] for picture in pictures.values()}
        bounds = _bounds(pictures) if len(shapes) == 1 else None
        if bounds is None:
            return None
        ((height, width),) = shapes
        canvas = Rect(0, 0, width, height)
        widest = entry.family.max_aspect
        if "mask" in pictures:
            rect = area_around_mask(bounds, canvas, widest, entry.native_size)
        else:
            rect = intersection(area_around(bounds, canvas, widest), canvas) or canvas
        large = rect.width * rect.height > MOST * width * height and (
            _aspect(rect) > widest or _aspect(canvas) <= widest
        )
        return None if large or max(width, height) <= entry.full_size else cls(rect, width, height)

    @classmethod
    def of_settings(cls, area: tuple[int, int, int, int], pictures: Pictures) -> Area:
        """That of a layer which was made from such pictures. Raises AcetateError where it lies outside of these."""
        height, width = next(iter(pictures.values())).shape[:2]
        rect = Rect(*area)
        if rect.x + rect.width > width or rect.y + rect.height > height:
            raise AcetateError(
                "bad_request",
                f"the layer was made from a larger picture than {width} x {height} pixels",
                field="like",
                hint=_("give the picture that it was made from"),
            )
        return cls(rect, width, height)

    def told(self) -> str:
        """The area in words."""
        return _("Working on {w} x {h} at {x}, {y} of {width} x {height}; --fill works on all of it").format(
            w=self.rect.width, h=self.rect.height, x=self.rect.x, y=self.rect.y, width=self.width, height=self.height
        )

    def cut(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The area of a picture of the whole; another one as it is, so that it is refused in words."""
        import numpy as np

        if picture.shape[:2] != (self.height, self.width):
            return picture
        rect = self.rect
        return np.ascontiguousarray(picture[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width])

    def cut_steering(self, steering: ControlOption) -> ControlOption:
        """A control with the area of its picture, unless that is a style."""
        if split_kind(steering.kind)[0] == STYLE_KIND:
            return steering
        return replace(steering, pixels=self.cut(steering.pixels))

    def placed(self, layer: ResultLayer, pictures: Pictures) -> ResultLayer:
        """A layer of the area in the size of the pictures: with a given layer's pixels around it, else clear.

        Its settings know the area.
        """
        import numpy as np

        rect, under = self.rect, pictures.get("layer")
        pixels = np.zeros((self.height, self.width, 4), np.uint8) if under is None else under.copy()
        pixels[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width] = layer.pixels
        settings = replace(layer.settings, area=(rect.x, rect.y, rect.width, rect.height))
        return replace(layer, width=self.width, height=self.height, content=pixels.data, settings=settings)


def _bounds(pictures: Pictures) -> Rect | None:
    """What is worked on in the given pictures: what is masked, visible, or different; None for all of them."""
    if "mask" in pictures:
        mask = pictures["mask"]
        return _extent((mask[..., :3].max(axis=2) > 0) & (mask[..., 3] > 0))
    for role in ("layer", "foreground"):
        if role in pictures:
            return _extent(pictures[role][..., 3] > FAINT)
    if {"blend", "background"} <= set(pictures):
        blend, background = (pictures[role][..., :3].astype(int) for role in ("blend", "background"))
        return _extent(abs(blend - background).max(axis=2) > DIFFERENT)
    return None


def _extent(wanted: NDArray[np.bool_]) -> Rect | None:
    """The smallest rectangle that holds every wanted pixel; None where there are none."""
    import numpy as np

    rows, columns = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
    if not len(rows):
        return None
    x, y = int(columns[0]), int(rows[0])
    return Rect(x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y)


def _aspect(rect: Rect) -> float:
    return max(rect.width, rect.height) / min(rect.width, rect.height)
