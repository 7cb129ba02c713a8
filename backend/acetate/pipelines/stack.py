"""The mode `stack`: several layers in regions of one picture, each drawn over those below it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from acetate_wire.prompt import plain_words
from acetate_wire.request import LayerRequest, PictureSpec, Rect, StackLayer, output_roles
from jaxtyping import Float
from torch import Tensor

from acetate.generation import GenerationProgress
from acetate.image.resample import to_dtype_hwc
from acetate.pipelines import foreground, scene
from acetate.pipelines.context import GeneratedLayer, GenerationContext
from acetate.pipelines.layer_pipeline import SEED_RANGE, LayerPipeline
from acetate.pipelines.middle import PLAIN, Middle
from acetate.pipelines.outputs import reply_dtype

SEED_STRIDE = 1000
"""How far the seeds of two layers of one stack are apart: further than `count` reaches, so that no noise repeats."""


def draw(context: GenerationContext) -> tuple[GeneratedLayer, ...]:
    """The layers of a job in stacking order from below: the background where none is given, and those of the stack.

    The first layer gets its background: drawn together with it where it fills the target, as a scene, else around it.
    Every further one is drawn in the mode `foreground` over what is below it, as far as its region shows that.
    """
    progress, layers = _Progress(context), []
    dtype, wanted = reply_dtype(context.request), output_roles(context.request)
    for number in range(context.request.count):
        for layer in _Stack(context, ((context.request.seed or 0) + number) % SEED_RANGE, progress).draw():
            if layer.role in wanted:
                pixels = to_dtype_hwc(layer.picture.permute(2, 0, 1), dtype)
                layers.append(replace(layer, picture=pixels))
    return tuple(layers)


@dataclass(frozen=True, eq=False)
class _Stack:
    """One picture of the job."""

    context: GenerationContext
    seed: int
    progress: _Progress

    def draw(self) -> Iterator[GeneratedLayer]:
        """Its layers, in floats, each in the size of its region."""
        first, *rest = self.context.request.stack
        under = self.context.inputs.get("background")
        if under is None:
            pair = self._scene(first) if first.target == self.context.request.target else self._apart(first)
            under = self._over(pair[1], pair[0].picture.permute(2, 0, 1))
            yield from pair
        else:
            rest = [first, *rest]
        for number, layer in enumerate(rest, start=len(self.context.request.stack) - len(rest)):
            seed = (self.seed + number * SEED_STRIDE) % SEED_RANGE
            changes = {"mode": "foreground", "prompt": layer.prompt, "seed": seed}
            (made,) = self._made(foreground.draw, self._job(changes, {"background": under}, layer.target))
            under = self._over(made, under)
            yield made

    def _scene(self, first: StackLayer) -> tuple[GeneratedLayer, GeneratedLayer]:
        """The background and the first layer, drawn together; of one prompt where both are asked for with the same."""
        own = {"foreground": first.prompt, "background": self.context.request.prompt}
        prompts = own if own["foreground"] != own["background"] else {}
        changes: dict[str, object] = {
            "mode": "scene",
            "layer_prompts": prompts,
            "returns": ("background", "foreground"),
        }
        behind, before = self._made(scene.draw, self._job(changes, {}))
        return behind, before if prompts else replace(before, name=plain_words(first.prompt))

    def _apart(self, first: StackLayer) -> tuple[GeneratedLayer, GeneratedLayer]:
        """The first layer in its region, and the background for it."""
        job = self._job({"mode": "text", "prompt": first.prompt}, {}, first.target)
        (lone,) = self._made(lambda each: LayerPipeline(each).run(), job)
        before = replace(lone, role="foreground")
        clear = torch.zeros(4, self.context.request.target.height, self.context.request.target.width)
        job = self._job({"mode": "background"}, {"foreground": self._over(before, clear)})
        (behind,) = self._made(lambda each: LayerPipeline(each).run(), job)
        return behind, before

    def _job(
        self, changes: dict[str, object], inputs: dict[str, Tensor], region: Rect | None = None
    ) -> GenerationContext:
        """The job for one or two layers, in a region of the target or in all of it."""
        request = self.context.request
        target = request.target
        headers = {role: PictureSpec(0, target.width, target.height) for role in inputs}
        fields = {"seed": self.seed, "count": 1, "stack": (), "returns": (), "inputs": headers, **PLAIN, **changes}
        asked: LayerRequest = replace(request, **fields)  # type: ignore[arg-type]  # fields by name
        way = self.context.model.spec.recipe(asked.mode, asked.inputs)
        job = replace(self.context, request=asked, way=way, inputs=inputs, report=self.progress.report)
        return job if region is None or region == target else self._part(region).job(job)

    def _part(self, region: Rect) -> Middle:
        target = self.context.request.target
        inside = Rect(region.x - target.x, region.y - target.y, region.width, region.height)
        return Middle(inside, target.width, target.height)

    def _over(self, layer: GeneratedLayer, under: Float[Tensor, "4 h w"]) -> Float[Tensor, "4 h w"]:
        """A layer of a region over what is below, both with straight alpha."""
        picture = layer.picture.permute(2, 0, 1).to(under)
        region = Rect(layer.x, layer.y, picture.shape[2], picture.shape[1])
        above = self._part(region).alone(picture)
        alpha = above[3:] + under[3:] * (1 - above[3:])
        colour = above[:3] * above[3:] + under[:3] * under[3:] * (1 - above[3:])
        return torch.cat([colour / alpha.clamp_min(1e-6), alpha]).clamp(0, 1)

    def _made(
        self, way: Callable[[GenerationContext], tuple[GeneratedLayer, ...]], job: GenerationContext
    ) -> tuple[GeneratedLayer, ...]:
        made = way(job)
        self.progress.next()
        return made


class _Progress:
    """How far the whole job is, out of the progress of its drawings: all of them count alike."""

    def __init__(self, context: GenerationContext) -> None:
        request = context.request
        drawings = len(request.stack)
        if "background" not in request.inputs and request.stack[0].target != request.target:
            drawings += 1
        self._report, self._each, self._done = context.report, request.steps or 1, 0
        self._steps = request.count * drawings * self._each
        self._started = time.monotonic()

    def report(self, progress: GenerationProgress) -> None:
        """Report the progress of the present drawing as that of the job."""
        share = progress.step / progress.steps if progress.steps else 0.0
        step = self._done * self._each + share * self._each
        left = (time.monotonic() - self._started) / step * (self._steps - step) if step else None
        self._report(replace(progress, step=round(step), steps=self._steps, seconds_left=left))

    def next(self) -> None:
        """The present drawing is over."""
        self._done += 1
