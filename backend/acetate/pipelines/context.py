"""A job: what a mode works with, and the layers that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from acetate.generation import GenerationProgress, LayerOutput

if TYPE_CHECKING:
    from acetate_wire.events import LayerWarning
    from acetate_wire.request import LayerRequest
    from jaxtyping import Float, Shaped
    from torch import Tensor

    from acetate.models.diffusion_model import DiffusionModel
    from acetate.models.recipes import ModeRecipe
    from acetate.pipelines.metadata import GenerationMetadata


@dataclass(frozen=True, eq=False)
class GeneratedLayer(LayerOutput):
    """A layer in the number format that the request's `reply_format` names (float32 where another `reply_space` is
    still to be made of it). `settings` make it again; `warnings` are what the artist should know about it.
    """

    picture: Shaped[Tensor, "h w 4"]
    settings: GenerationMetadata
    warnings: tuple[LayerWarning, ...] = ()


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
