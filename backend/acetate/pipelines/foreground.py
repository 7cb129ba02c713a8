"""The mode `foreground`: a transparent layer that fits a given background (LayerDiffuse, section 3.3)."""

from __future__ import annotations

from acetate.image.resample import to_dtype_hwc
from acetate.pipelines.context import GenerationContext, LayerOutput
from acetate.pipelines.layer_pipeline import LayerPipeline, output_layer, reply_dtype
from acetate.pipelines.middle import PLAIN, Middle


def draw(job: GenerationContext) -> tuple[LayerOutput, ...]:
    """A transparent foreground, and the blend with the given background where that is asked for.

    Where the target is more elongated than what the model learned, the foreground stands in its middle.
    """
    middle = None if job.request.fill else Middle.of(job.request, job.model.entry.learned)
    if middle is None:
        return LayerPipeline(job).run()
    layers = []
    for layer in LayerPipeline(middle.job(job, **PLAIN)).run():
        picture = layer.picture.permute(2, 0, 1)
        around = job.inputs["background"].to(picture)
        placed = middle.alone(picture) if layer.role == "foreground" else middle.within(picture, around)
        layers.append(
            output_layer(job, layer.role, layer.settings.seed, to_dtype_hwc(placed, reply_dtype(job.request)))
        )
    return tuple(layers)
