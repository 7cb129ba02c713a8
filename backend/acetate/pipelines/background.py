"""The mode `background`: what lies behind a given foreground (LayerDiffuse, section 3.3)."""

from __future__ import annotations

from acetate.pipelines.context import GenerationContext, LayerOutput
from acetate.pipelines.layer_pipeline import LayerPipeline


def draw(context: GenerationContext) -> tuple[LayerOutput, ...]:
    """An opaque background, and the blend with the given foreground where that is asked for."""
    return LayerPipeline(context).run()
