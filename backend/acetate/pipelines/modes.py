"""How each mode makes its layers."""

from __future__ import annotations

from collections.abc import Callable

from acetate.pipelines import foreground, inpaint, native, refine, remove, scene, split, stack
from acetate.pipelines.context import GeneratedLayer, GenerationContext
from acetate.pipelines.layer_pipeline import LayerPipeline


def generate(context: GenerationContext) -> tuple[GeneratedLayer, ...]:
    """The layers of a job, as its mode makes them."""
    return GENERATORS.get(context.request.mode, _by_recipe)(context)


def _by_recipe(context: GenerationContext) -> tuple[GeneratedLayer, ...]:
    """What the adapters of the mode's recipe generate, one after the other (LayerDiffuse, sections 3.2 and 3.3)."""
    return native.draw(context) if context.model.spec.family.is_native else LayerPipeline(context).run()


GENERATORS: dict[str, Callable[[GenerationContext], tuple[GeneratedLayer, ...]]] = {
    "refine": refine.draw,
    "inpaint": inpaint.draw,
    "remove": remove.draw,
    "scene": scene.draw,
    "foreground": foreground.draw,
    "stack": stack.draw,
    "split": split.draw,
}
"""The modes that take more than their recipe."""
