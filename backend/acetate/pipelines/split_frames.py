"""What splits a picture: the interface between the mode `split` and the models that can do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.image.sizes import Cover, Size
from acetate.pipelines.context import GenerationContext
from acetate.pipelines.sampling import OnStep


@dataclass(frozen=True, eq=False)
class SplitFrames:
    """What a model split a picture into: `layers` from the lowest, straight alpha, sRGB-encoded, in [0, 1], each as
    large as the picture. `composite` is the picture as the model drew it itself, which only serves to check it; None
    where it draws none.
    """

    layers: tuple[Float[Tensor, "4 h w"], ...]
    composite: Float[Tensor, "4 h w"] | None = None


class FrameSplitter(Protocol):
    """Splits pictures in a size of its own."""

    def cover(self, target: Size) -> Cover:
        """The size that it splits a target in, never resized again, and the window in it that is the target."""
        ...

    def described(self, picture: Float[Tensor, "4 h w"]) -> GenerationContext:
        """The job with a prompt that says what a picture in the size of its `cover` shows, where the model needs one.

        The layers' settings have that prompt, so that they can be made again.
        """
        ...

    def split(
        self, picture: Float[Tensor, "4 h w"], count: int, generator: torch.Generator, on_step: OnStep
    ) -> SplitFrames:
        """At most `count` layers of a picture in the size of its `cover`."""
        ...


def splitter_of(context: GenerationContext) -> FrameSplitter:
    """The splitter of a job's model; prompt, steps, guidance and sampler are those of its request."""
    from acetate.pipelines.native import NativeSplitter
    from acetate.pipelines.starter_split import StarterSplitter

    if context.model.spec.family.is_native:
        return NativeSplitter(context)
    return StarterSplitter(context)
