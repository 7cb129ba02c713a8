"""The mode `scene`: a foreground, its background and the blend of both, drawn together (LayerDiffuse, section 3.3)."""

from __future__ import annotations

from dataclasses import replace

from acetate_wire.errors import AcetateError
from acetate_wire.request import PictureSpec, output_roles

from acetate.generation import GenerationProgress
from acetate.image.resample import to_dtype_hwc
from acetate.models.recipes import ModeRecipe
from acetate.pipelines.context import GeneratedLayer, GenerationContext
from acetate.pipelines.layer_pipeline import LayerPipeline
from acetate.pipelines.middle import PLAIN, Middle
from acetate.pipelines.outputs import output_layer, reply_dtype


def draw(context: GenerationContext) -> tuple[GeneratedLayer, ...]:
    """The layers of a job that were asked for, in stacking order from below.

    In a target more elongated than what the model learned, its subject would come twice. There the scene is drawn in
    the middle of the target, and then a background as wide as the target for the foreground of that scene.
    """
    middle = None if context.request.fill else Middle.of(context.request, context.model.spec.learned)
    behind = None if middle is None else _behind(context)
    if middle is None or behind is None:
        return LayerPipeline(context).run()
    return _wide(context, middle, behind)


def _behind(context: GenerationContext) -> ModeRecipe | None:
    """How the model draws a background for a foreground, if it can."""
    try:
        return context.model.spec.recipe("background", ("foreground",))
    except AcetateError:
        return None


def _wide(context: GenerationContext, middle: Middle, behind: ModeRecipe) -> tuple[GeneratedLayer, ...]:
    request, asked = context.request, output_roles(context.request)
    wide = tuple(role for role in asked if role != "foreground")
    narrow = LayerPipeline(middle.job(context, returns=("foreground",), **PLAIN))
    given = {"foreground": PictureSpec(0, request.target.width, request.target.height)}
    later = replace(request, mode="background", inputs=given, returns=wide, count=1, **PLAIN)  # type: ignore[arg-type]  # fields by name
    rest = LayerPipeline(replace(context, request=later, way=behind)).steps if wide else 0
    total = narrow.steps + request.count * rest
    layers = []
    for number, drawn in enumerate(replace(narrow, context=_counted(narrow.context, 0, total)).run()):
        seed = drawn.settings.seed
        foreground = middle.alone(drawn.picture.permute(2, 0, 1))
        pictures = {"foreground": foreground}
        if wide:
            inputs = {"foreground": foreground}
            second = replace(later, seed=seed)
            done = narrow.steps + number * rest
            behind_job = replace(context, request=second, way=behind, inputs=inputs)
            found = LayerPipeline(_counted(behind_job, done, total)).run()
            pictures |= {layer.role: layer.picture.permute(2, 0, 1) for layer in found}
        layers += [
            output_layer(context, role, seed, to_dtype_hwc(pictures[role], reply_dtype(request))) for role in asked
        ]
    return tuple(layers)


def _counted(context: GenerationContext, before: int, total: int) -> GenerationContext:
    """The job with its progress counted as a part of a longer way."""

    def report(progress: GenerationProgress) -> None:
        left = progress.seconds_left
        if left is not None and progress.steps > progress.step:
            left *= (total - before - progress.step) / (progress.steps - progress.step)
        context.report(replace(progress, step=before + progress.step, steps=total, seconds_left=left))

    return replace(context, report=report)
