"""The mode `background`: what lies behind a given foreground (LayerDiffuse, section 3.3)."""

from __future__ import annotations

from acetate.layers.drawing import Drawing
from acetate.layers.job import Job, Layer


def draw(job: Job) -> tuple[Layer, ...]:
    """An opaque background, and the blend with the given foreground where that is asked for."""
    return Drawing(job).layers()
