"""A job: what a mode is given, and what it hands out while it runs and when it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acetate_wire.events import LayerWarning
    from acetate_wire.request import LayerRequest
    from jaxtyping import Float, Shaped, UInt8
    from torch import Tensor

    from acetate.models.diffusion_model import DiffusionModel
    from acetate.models.recipes import ModeRecipe
    from acetate.pipelines.metadata import GenerationMetadata


class GenerationCancelled(Exception):  # noqa: N818  # it is an answer, no error
    """Raised by a job's `report` to end it; nothing is kept of it."""


@dataclass(frozen=True, eq=False)
class LayerOutput:
    """A finished layer: its top-left corner in canvas pixels, and its pixels.

    `picture` is straight alpha, RGBA, rows from the top, sRGB-encoded, in the number format that the request's
    `reply_format` names (float32 where another `reply_space` is still to be made of it). `settings` make it again.
    `warnings` are what the artist should know about it.
    """

    name: str
    role: str
    x: int
    y: int
    picture: Shaped[Tensor, "h w 4"]
    settings: GenerationMetadata
    warnings: tuple[LayerWarning, ...] = ()


@dataclass(frozen=True, eq=False)
class GenerationProgress:
    """How far a job is: `step` of `steps` in this stage, over all its layers.

    `stage` is `loading`, `drawing` or `finishing`. `preview` is a small straight-alpha picture of the layer that is
    being drawn, with the target's proportions.
    """

    stage: str
    step: int
    steps: int
    seconds_left: float | None = None
    preview: UInt8[Tensor, "h w 4"] | None = None


@dataclass(frozen=True, eq=False)
class GenerationContext:
    """What a mode works with: a checked request, the way to do it, and the model in memory.

    `inputs` are the request's pictures by role and `controls` those of its controls, in order; all of them are as
    large as the target, straight alpha, sRGB-encoded, in [0, 1].
    """

    request: LayerRequest
    way: ModeRecipe
    model: DiffusionModel
    report: Callable[[GenerationProgress], None]
    inputs: Mapping[str, Float[Tensor, "4 h w"]] = field(default_factory=dict)
    controls: tuple[Float[Tensor, "4 h w"], ...] = ()
