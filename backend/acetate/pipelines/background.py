"""The mode `background`: what lies behind a given foreground (LayerDiffuse, section 3.3)."""

from __future__ import annotations

from acetate.pipelines.context import Job, Layer
from acetate.pipelines.layer_pipeline import Drawing


def draw(job: Job) -> tuple[Layer, ...]:
    """An opaque background, and the blend with the given foreground where that is asked for."""
    return Drawing(job).layers()
