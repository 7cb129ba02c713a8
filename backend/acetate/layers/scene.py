"""The mode `scene`: a foreground and its background, and the blend of both (LayerDiffuse, section 3.3)."""

from __future__ import annotations

from acetate.layers.drawing import Drawing
from acetate.layers.job import Job, Layer


def draw(job: Job) -> tuple[Layer, ...]:
    """The layers of a job, drawn side by side as frames of one sample, or one out of the other."""
    return Drawing(job).layers()
