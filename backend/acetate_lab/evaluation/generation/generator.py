"""Layers drawn from prompts for an evaluation, as any editor's request is, each with what its alpha is made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import sqrt
from typing import Literal, TypeAlias

from acetate import pipelines
from acetate.models.model_cache import ModelCache
from acetate_wire.request import LayerRequest, Rect
from jaxtyping import Float
from torch import Tensor

from acetate_lab.evaluation.outline import Outline, outline_of
from acetate_lab.metrics.coverage import Coverage, Shape, coverage_of, shape_of

PassCount: TypeAlias = Literal[1, 2, 4, 8]
"""A fixed number of passes, so that figures of different pictures are of the same decode."""

Generate = Callable[[str, int], Tensor]
"""Makes the layer of a prompt and a seed: straight-alpha RGBA, "1 4 h w", in [0, 1]."""


@dataclass(frozen=True, eq=False)
class GeneratedLayer:
    """One layer made from a prompt, what its alpha is made of, and the seconds it took."""

    prompt: str
    seed: int
    seconds: float
    coverage: Coverage
    shape: Shape
    picture: Float[Tensor, "4 h w"]

    @cached_property
    def outline(self) -> Outline:
        """How clean its alpha is around its outline."""
        return outline_of(self.picture[3:])


def generator(
    store: ModelCache, name: str, passes: PassCount, aspect: float = 1.0, steps: int | None = None
) -> Generate:
    """Draws layers with a model of `store` at its own area and this width over height.

    Of the other settings the model's own are used, and its own number of steps where `steps` is None.
    """

    def generate(prompt: str, seed: int) -> Tensor:
        side = store.get(name).spec.full_size
        width, height = round(side * sqrt(aspect)), round(side / sqrt(aspect))
        request = LayerRequest(
            mode="text",
            canvas=(width, height),
            target=Rect(0, 0, width, height),
            prompt=prompt,
            model=name,
            seed=seed,
            steps=steps,
            passes=passes,
            reply_format="rgbaf32",
        )
        (layer,) = pipelines.run(request, {}, store, lambda progress: None)
        return layer.picture.permute(2, 0, 1)[None]

    return generate


Draw: TypeAlias = Callable[[], tuple[Tensor, float]]
"""Generates one layer, "4 h w"; returns it and the seconds taken."""
Keep: TypeAlias = Callable[[str, int, Draw], tuple[Tensor, float]]
"""Returns the stored layer of a prompt and a seed, or generates it."""


def keep_nothing(prompt: str, seed: int, draw: Draw) -> tuple[Tensor, float]:
    """Draws every layer anew."""
    return draw()


def draw_layers(
    generate: Generate,
    prompts: Sequence[str],
    seed: int,
    report: Callable[[int, int], None],
    keep: Keep = keep_nothing,
) -> Iterator[GeneratedLayer]:
    """One layer for each prompt; their seeds are `seed`, `seed` + 1, and so on."""
    for index, prompt in enumerate(prompts):
        picture, seconds = keep(prompt, seed + index, partial(_timed, generate, prompt, seed + index))
        alpha = picture[3:]
        yield GeneratedLayer(prompt, seed + index, seconds, coverage_of(alpha), shape_of(alpha), picture)
        report(index + 1, len(prompts))


def _timed(generate: Generate, prompt: str, seed: int) -> tuple[Tensor, float]:
    began = time.perf_counter()
    picture = generate(prompt, seed)[0].detach().float().cpu()
    return picture, time.perf_counter() - began


def evaluation_prompts(things: Sequence[str], count: int) -> tuple[str, ...]:
    """`count` prompts: names of things that the model knows, evenly spread over `things` in their order.

    Things come again when there are fewer than `count`. Raises ValueError when there are none.
    """
    if not things:
        raise ValueError("the vocabulary names no things to ask the model for")
    if count > len(things):
        return tuple(things[index % len(things)] for index in range(count))
    return tuple(things[index * len(things) // count] for index in range(count))
