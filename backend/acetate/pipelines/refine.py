"""The mode `refine`: a transparent layer drawn anew from what it is; its alpha is kept in latent space."""

from __future__ import annotations

from acetate.image.resample import to_dtype_hwc
from acetate.pipelines.context import GeneratedLayer, GenerationContext
from acetate.pipelines.layer_pipeline import SEED_RANGE, InitImage, LayerPipeline, output_layer, reply_dtype


def draw(context: GenerationContext) -> tuple[GeneratedLayer, ...]:
    """The layers of a job, drawn from the given one as far as `strength` says; at 0 it comes back as it is."""
    if context.request.strength == 0:
        return passthrough(context)
    return LayerPipeline(context, InitImage(context.inputs["layer"])).run()


def passthrough(context: GenerationContext) -> tuple[GeneratedLayer, ...]:
    """The given layer, bit for bit, as often as it is asked for."""
    request = context.request
    pixels = to_dtype_hwc(context.inputs["layer"], reply_dtype(request))
    return tuple(
        output_layer(context, "layer", ((request.seed or 0) + index) % SEED_RANGE, pixels)
        for index in range(request.count)
    )
