"""The mode `refine`: a transparent layer drawn anew from what it is; its alpha is kept in latent space."""

from __future__ import annotations

from acetate.image.resample import to_dtype_hwc
from acetate.pipelines.context import Job, Layer
from acetate.pipelines.layer_pipeline import SEEDS, Drawing, Origin, finished, pixel_type


def draw(job: Job) -> tuple[Layer, ...]:
    """The layers of a job, drawn from the given one as far as `strength` says; at 0 it comes back as it is."""
    if job.request.strength == 0:
        return unchanged(job)
    return Drawing(job, Origin(job.inputs["layer"])).layers()


def unchanged(job: Job) -> tuple[Layer, ...]:
    """The given layer, bit for bit, as often as it is asked for."""
    request = job.request
    pixels = to_dtype_hwc(job.inputs["layer"], pixel_type(request))
    return tuple(
        finished(job, "layer", ((request.seed or 0) + index) % SEEDS, pixels) for index in range(request.count)
    )
