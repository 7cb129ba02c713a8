"""The mode `extract`: the missing layer, out of the blend and the other one (LayerDiffuse, section 3.3)."""

from __future__ import annotations

from acetate.pipelines.context import GenerationContext, LayerOutput
from acetate.pipelines.layer_pipeline import LayerPipeline


def draw(context: GenerationContext) -> tuple[LayerOutput, ...]:
    """The background when the foreground is given, the transparent foreground when the background is."""
    return LayerPipeline(context).run()
