"""The mode `foreground`: a transparent layer that fits a given background (LayerDiffuse, section 3.3)."""

from __future__ import annotations

from acetate.image.resample import to_dtype_hwc
from acetate.pipelines.context import Job, Layer
from acetate.pipelines.layer_pipeline import Drawing, finished, pixel_type
from acetate.pipelines.middle import PLAIN, Middle


def draw(job: Job) -> tuple[Layer, ...]:
    """A transparent foreground, and the blend with the given background where that is asked for.

    Where the target is more elongated than what the model learned, the foreground stands in its middle.
    """
    middle = None if job.request.fill else Middle.of(job.request, job.model.entry.learned)
    if middle is None:
        return Drawing(job).layers()
    layers = []
    for layer in Drawing(middle.job(job, **PLAIN)).layers():
        picture = layer.picture.permute(2, 0, 1)
        around = job.inputs["background"].to(picture)
        placed = middle.alone(picture) if layer.role == "foreground" else middle.within(picture, around)
        layers.append(finished(job, layer.role, layer.settings.seed, to_dtype_hwc(placed, pixel_type(job.request))))
    return tuple(layers)
