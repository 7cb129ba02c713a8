"""The mode `foreground`: a transparent layer for a given background (LayerDiffuse, section 3.3)."""

from __future__ import annotations

from acetate.layers.drawing import Drawing
from acetate.layers.job import Job, Layer


def draw(job: Job) -> tuple[Layer, ...]:
    """A transparent layer, and its blend over the given background where that is asked for."""
    return Drawing(job).layers()
