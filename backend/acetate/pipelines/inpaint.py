"""The mode `inpaint`: a transparent layer drawn anew inside a mask, its alpha too."""

from __future__ import annotations

import torch
from acetate_wire.errors import AcetateError
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from acetate.image.resample import premultiplied, unpremultiply
from acetate.image.sizes import Learned, Size, cover
from acetate.pipelines.context import GeneratedLayer, GenerationContext
from acetate.pipelines.layer_pipeline import InitImage, LayerPipeline
from acetate.pipelines.refine import passthrough

FEATHER_PX = 6
"""How far into the mask the old layer reaches, getting weaker, in pixels of the model's size."""
LUMA = (0.2126, 0.7152, 0.0722)
"""What counts of each colour where a mask is coloured (ITU-R BT.709)."""
BAND_ROWS = 256
"""Rows merged at a time, so that merging needs little memory beside the layers."""


def draw(context: GenerationContext) -> tuple[GeneratedLayer, ...]:
    """The given layer with what is inside the mask drawn anew; outside of it comes back bit for bit.

    Raises AcetateError `bad_request` when there is nothing inside the mask.
    """
    mask = checked_mask(context)
    if context.request.strength == 0:
        return passthrough(context)
    layer = context.inputs["layer"]
    share = mask * feather(mask, context.model.spec.learned)
    return LayerPipeline(context, InitImage(layer, mask, lambda drawn: blend(layer, drawn, share))).run()


def checked_mask(context: GenerationContext) -> Float[Tensor, "h w"]:
    """How far each pixel is inside a job's mask. Raises AcetateError `bad_request` when none is."""
    mask = mask_from_rgba(context.inputs["mask"])
    if not bool((mask > 0).any()):
        raise AcetateError(
            "bad_request",
            "the mask is black everywhere, so there is nothing to draw",
            field="inputs.mask",
            hint="paint white where the layer is to change",
        )
    return mask


def mask_from_rgba(mask: Float[Tensor, "4 h w"]) -> Float[Tensor, "h w"]:
    """How far each pixel is inside a mask: its brightness, nothing where it is transparent."""
    weights = torch.tensor(LUMA, dtype=mask.dtype)[:, None, None]
    brightness = (mask[:3] * weights).sum(dim=0)
    return (brightness * mask[3]).clamp(0, 1)


def feather(mask: Float[Tensor, "h w"], learned: Learned) -> Float[Tensor, "h w"]:
    """How much of what is drawn counts: from a little at the mask's edge to all of it further inside.

    Computed near the model's size, where the seam is a few pixels wide, and strongest where the mask is widest, so
    that a narrow mask is drawn too.
    """
    height, width = mask.shape
    drawn = cover(Size(width, height), learned).window
    rows, columns = max(1, round(drawn.height)), max(1, round(drawn.width))
    small = F.adaptive_max_pool2d(mask[None, None], (min(height, rows), min(width, columns)))
    within = (small > 0).float()
    depth = torch.cat([_erode(within, radius) for radius in range(FEATHER_PX + 1)]).mean(dim=0, keepdim=True)
    depth = depth / depth.max()
    return F.interpolate(depth, size=(height, width), mode="bilinear", align_corners=False)[0, 0]


def blend(
    layer: Float[Tensor, "4 h w"], drawn: Float[Tensor, "4 h w"], share: Float[Tensor, "h w"]
) -> Float[Tensor, "4 h w"]:
    """The layer with `share` of what was drawn; where that is 0 it is the layer, bit for bit."""
    result = drawn.clone()
    for top in range(0, layer.shape[1], BAND_ROWS):
        rows = slice(top, top + BAND_ROWS)
        old, new, part = layer[:, rows], drawn[:, rows], share[rows]
        mixed = torch.lerp(premultiplied(old), premultiplied(new), part)
        result[:, rows] = torch.where(part > 0, torch.where(part < 1, unpremultiply(mixed), new), old)
    return result


def _erode(within: Float[Tensor, "1 1 h w"], radius: int) -> Float[Tensor, "1 1 h w"]:
    """The mask without what is nearer to its edge than `radius` pixels; the picture's border is no edge."""
    return -F.max_pool2d(-within, 2 * radius + 1, stride=1, padding=radius)
