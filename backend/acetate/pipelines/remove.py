"""The mode `remove`: what is inside a mask goes away, and what is around it goes on into it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from acetate.image.resample import premultiplied, to_dtype_hwc, unpremultiply
from acetate.image.sizes import Size
from acetate.pipelines.context import GeneratedLayer, GenerationContext
from acetate.pipelines.filling import filled, grown
from acetate.pipelines.inpaint import blend, checked_mask, feather
from acetate.pipelines.layer_pipeline import SEED_RANGE, VISIBLE_ALPHA, InitImage, LayerPipeline
from acetate.pipelines.outputs import output_layer, reply_dtype
from acetate.pipelines.working_size import WorkingSize

STRENGTH = 0.5
"""How much of the way from noise the model draws what has gone on into the mask: its texture, no new thing."""
HALO = 2
"""How far around the mask nothing is taken from, in pixels of the model's size: the soft edge of what goes away."""
REACH = 2
"""How far the model may move an outline, in the same pixels."""


def draw(context: GenerationContext) -> tuple[GeneratedLayer, ...]:
    """The given layer without what is inside the mask; outside of it comes back bit for bit.

    Where the surroundings of the mask are clear it becomes clear; where it lies inside of something, that goes on.
    Raises AcetateError `bad_request` when there is nothing inside the mask.
    """
    mask, layer = checked_mask(context), context.inputs["layer"]
    learned = context.model.spec.learned
    working_size = WorkingSize.base(context.request, learned)
    ground = Ground.around(mask, layer, working_size)
    if float(ground.most[mask > 0].max()) <= VISIBLE_ALPHA:
        return _cleared(context, blend(layer, torch.zeros_like(layer), mask))
    continued = blend(layer, ground.colour, mask)
    depth = feather(mask, learned)

    def merge(drawn: Tensor) -> Tensor:
        return blend(layer, _within(ground, drawn, depth), mask)

    request = replace(context.request, strength=STRENGTH)
    layers = LayerPipeline(replace(context, request=request), InitImage(continued, mask, merge)).run()
    settings = (replace(each.settings, strength=context.request.strength) for each in layers)
    return tuple(replace(each, settings=told) for each, told in zip(layers, settings, strict=True))


@dataclass(frozen=True, eq=False)
class Ground:
    """What lies behind what is removed, in the target's size: `colour` straight alpha, and the least and the most
    that its alpha may be.
    """

    colour: Float[Tensor, "4 h w"]
    least: Float[Tensor, "h w"]
    most: Float[Tensor, "h w"]

    @classmethod
    def around(cls, mask: Float[Tensor, "h w"], layer: Float[Tensor, "4 h w"], working_size: WorkingSize) -> Ground:
        """What surrounds the mask, gone on into it at the size that is drawn, where its outlines are smooth."""
        size = Size(layer.shape[2], layer.shape[1])
        unknown = (working_size.to_working(mask.expand(4, -1, -1))[3] > VISIBLE_ALPHA).float()
        found = filled(premultiplied(working_size.to_working(layer)), grown(unknown, HALO))
        alpha = found[3:]
        least, most = -F.max_pool2d(-alpha, 2 * REACH + 1, 1, REACH), F.max_pool2d(alpha, 2 * REACH + 1, 1, REACH)
        bounds = torch.cat([least, least, least, least, most, most, most, most])

        def on_target(picture: Tensor) -> Tensor:
            return working_size.to_target(picture, torch.float32, size).permute(2, 0, 1)

        return cls(on_target(unpremultiply(found)), on_target(bounds[:4])[3], on_target(bounds[4:])[3])


def _within(ground: Ground, drawn: Float[Tensor, "4 h w"], depth: Float[Tensor, "h w"]) -> Float[Tensor, "4 h w"]:
    """What was drawn, with its alpha between the bounds, coming out of the ground at the mask's edge."""
    bounded = torch.cat([drawn[:3], torch.clamp(drawn[3], ground.least, ground.most)[None]])
    return blend(ground.colour, bounded, depth)


def _cleared(context: GenerationContext, layer: Float[Tensor, "4 h w"]) -> tuple[GeneratedLayer, ...]:
    """A layer for which nothing is to be drawn, as often as it is asked for."""
    request = context.request
    pixels = to_dtype_hwc(layer, reply_dtype(request))
    return tuple(
        output_layer(context, "layer", ((request.seed or 0) + index) % SEED_RANGE, pixels)
        for index in range(request.count)
    )
