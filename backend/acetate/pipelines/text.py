"""The mode `text`: a transparent layer from a prompt (LayerDiffuse, section 3.2)."""

from __future__ import annotations

from acetate.pipelines.context import Job, Layer
from acetate.pipelines.layer_pipeline import Drawing


def draw(job: Job) -> tuple[Layer, ...]:
    """The layers of a job, drawn from noise."""
    return Drawing(job).layers()
