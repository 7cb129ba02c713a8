"""A lone subject in the middle of a target that is more elongated than what the model learned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from acetate_wire.geometry import square_in
from acetate_wire.request import LayerRequest, PictureSpec, Rect
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from acetate.image.sizes import CROP_LOSS, Learned
from acetate.models.adapter_files import STYLE_KIND
from acetate.pipelines.context import GenerationContext
from acetate.pipelines.validation import adapter_kind

SEAM_SHARE = 1 / 16
"""How much of the middle's shorter side its border takes to fade into what lies around it."""
PLAIN = {"reply_format": "rgbaf32", "reply_space": "srgb", "reply_profile_frame": None}
"""How layers are asked for that something else is made of."""


@dataclass(frozen=True)
class Middle:
    """The largest part of a target, centred, whose shape the model learned; in pixels of the target."""

    area: Rect
    width: int
    height: int

    @classmethod
    def of(cls, request: LayerRequest, learned: Learned) -> Middle | None:
        """The middle of a request's target; None where that has about a shape that the model learned."""
        target = Rect(0, 0, request.target.width, request.target.height)
        area = square_in(target, learned.max_aspect)
        if area.width * area.height >= (1 - CROP_LOSS) * target.width * target.height:
            return None
        return cls(area, target.width, target.height)

    def job(self, context: GenerationContext, **changes: object) -> GenerationContext:
        """The same job for the middle alone, its pictures cut to it; `changes` are fields of its request."""
        request, area = context.request, self.area
        target = Rect(request.target.x + area.x, request.target.y + area.y, area.width, area.height)
        headers = {role: _cut_header(header, area) for role, header in request.inputs.items()}
        styles = [adapter_kind(control) == STYLE_KIND for control in request.controls]
        controls = tuple(
            control if style else replace(control, picture=_cut_header(control.picture, area))
            for control, style in zip(request.controls, styles, strict=True)
        )
        return replace(
            context,
            request=replace(request, target=target, inputs=headers, controls=controls, **changes),  # type: ignore[arg-type]  # fields by name
            inputs={role: self.cut(picture) for role, picture in context.inputs.items()},
            controls=tuple(
                picture if style else self.cut(picture) for picture, style in zip(context.controls, styles, strict=True)
            ),
        )

    def cut(self, picture: Float[Tensor, "4 th tw"]) -> Float[Tensor, "4 h w"]:
        """The middle of a picture of the target."""
        area = self.area
        return picture[:, area.y : area.y + area.height, area.x : area.x + area.width]

    def alone(self, layer: Float[Tensor, "4 h w"]) -> Float[Tensor, "4 th tw"]:
        """A layer of the middle in the target, clear around it."""
        area = self.area
        right, below = self.width - area.x - area.width, self.height - area.y - area.height
        return F.pad(layer, (area.x, right, area.y, below))

    def within(self, picture: Float[Tensor, "4 h w"], around: Float[Tensor, "4 th tw"]) -> Float[Tensor, "4 th tw"]:
        """An opaque picture of the middle in one of the target; its border fades into that."""
        seam = max(1, round(SEAM_SHARE * min(self.area.width, self.area.height)))
        rows = _fade(self.area.height, seam) if self.area.height < self.height else torch.ones(self.area.height)
        columns = _fade(self.area.width, seam) if self.area.width < self.width else torch.ones(self.area.width)
        share = self.alone((rows[:, None] * columns[None]).expand(4, -1, -1))
        return torch.lerp(around, self.alone(picture), share)


def _cut_header(header: PictureSpec, area: Rect) -> PictureSpec:
    return replace(header, width=area.width, height=area.height)


def _fade(length: int, seam: int) -> Float[Tensor, " length"]:
    """From a little at both ends to 1 further inside."""
    place = torch.arange(length)
    return ((torch.minimum(place, length - 1 - place) + 1) / (seam + 1)).clamp(max=1.0)
