"""The mode `text`: a transparent layer from a prompt (LayerDiffuse, section 3.2)."""

from __future__ import annotations

from acetate.pipelines.context import GenerationContext, LayerOutput
from acetate.pipelines.layer_pipeline import LayerPipeline


def draw(context: GenerationContext) -> tuple[LayerOutput, ...]:
    """The layers of a job, drawn from noise."""
    return LayerPipeline(context).run()
