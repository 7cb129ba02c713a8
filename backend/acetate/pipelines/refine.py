"""The mode `refine`: a transparent layer drawn anew from what it is; its alpha is kept in latent space."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.image.resample import to_dtype_hwc
from acetate.pipelines.context import GeneratedLayer, GenerationContext
from acetate.pipelines.layer_pipeline import SEED_RANGE, InitImage, LayerPipeline
from acetate.pipelines.outputs import output_layer, reply_dtype
from acetate.transparency import pad_rgb


def draw(context: GenerationContext) -> tuple[GeneratedLayer, ...]:
    """The layers of a job, drawn from the given one as far as `strength` says; at 0 it comes back as it is."""
    if context.request.strength == 0:
        return passthrough(context)
    layer = context.inputs["layer"]
    merge = (lambda drawn: in_matte(drawn, layer)) if context.request.keep_matte else None
    return LayerPipeline(context, InitImage(layer, merge=merge)).run()


def in_matte(drawn: Float[Tensor, "4 h w"], layer: Float[Tensor, "4 h w"]) -> Float[Tensor, "4 h w"]:
    """The colours of what was drawn, filled outwards, with the alpha of the given layer, bit for bit.

    Where nothing was drawn at all, the layer itself.
    """
    if not bool((drawn[3] > 0).any()):
        return layer
    alpha = layer[3:].to(drawn.device)
    colour = pad_rgb(drawn[None])[0].clamp(0, 1)
    return torch.cat([torch.where(alpha > 0, colour, 0.0), alpha])


def passthrough(context: GenerationContext) -> tuple[GeneratedLayer, ...]:
    """The given layer, bit for bit, as often as it is asked for."""
    request = context.request
    pixels = to_dtype_hwc(context.inputs["layer"], reply_dtype(request))
    return tuple(
        output_layer(context, "layer", ((request.seed or 0) + index) % SEED_RANGE, pixels)
        for index in range(request.count)
    )
