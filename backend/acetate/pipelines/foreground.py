"""The mode `foreground`: a transparent layer that fits a given background (LayerDiffuse, section 3.3)."""

from __future__ import annotations

from acetate.image.resample import to_dtype_hwc
from acetate.pipelines.context import GeneratedLayer, GenerationContext
from acetate.pipelines.layer_pipeline import LayerPipeline
from acetate.pipelines.middle import PLAIN, Middle
from acetate.pipelines.outputs import output_layer, reply_dtype


def draw(context: GenerationContext) -> tuple[GeneratedLayer, ...]:
    """A transparent foreground, and the blend with the given background where that is asked for.

    Where the target is more elongated than what the model learned, the foreground stands in its middle.
    """
    middle = None if context.request.fill else Middle.of(context.request, context.model.spec.learned)
    if middle is None:
        return LayerPipeline(context).run()
    layers = []
    for layer in LayerPipeline(middle.job(context, **PLAIN)).run():
        picture = layer.picture.permute(2, 0, 1)
        around = context.inputs["background"].to(picture)
        placed = middle.alone(picture) if layer.role == "foreground" else middle.within(picture, around)
        layers.append(
            output_layer(context, layer.role, layer.settings.seed, to_dtype_hwc(placed, reply_dtype(context.request)))
        )
    return tuple(layers)
