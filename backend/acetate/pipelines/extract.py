"""The mode `extract`: the missing layer, out of the blend and the other one (LayerDiffuse, section 3.3)."""

from __future__ import annotations

from acetate.pipelines.context import Job, Layer
from acetate.pipelines.layer_pipeline import Drawing


def draw(job: Job) -> tuple[Layer, ...]:
    """The background when the foreground is given, the transparent foreground when the background is."""
    return Drawing(job).layers()
