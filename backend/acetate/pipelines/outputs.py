"""What a pipeline hands out: finished layers in the number format that was asked for, and previews."""

from __future__ import annotations

import numpy as np
import torch
from acetate_wire.prompt import plain_words
from acetate_wire.request import LayerRequest, output_roles
from jaxtyping import Float, UInt8
from torch import Tensor

from acetate.image.sizes import Size
from acetate.pipelines.context import GeneratedLayer, GenerationContext
from acetate.pipelines.metadata import GenerationMetadata, picture_hash
from acetate.pipelines.working_size import WorkingSize

MAX_PREVIEW_SIDE = 256
REPLY_DTYPES = {
    "rgba8": torch.uint8,
    "bgra8": torch.uint8,
    "rgba16": torch.uint16,
    "bgra16": torch.uint16,
    "rgbaf16": torch.float16,
    "rgbaf32": torch.float32,
}
"""The number format of each reply format."""


def reply_dtype(request: LayerRequest) -> torch.dtype:
    """The number format of a request's finished layers."""
    return REPLY_DTYPES[request.reply_format] if request.reply_space == "srgb" else torch.float32


def output_layer(context: GenerationContext, role: str, seed: int, pixels: Tensor) -> GeneratedLayer:
    """A layer with its name, its place, and the settings that make it again."""
    request = context.request
    own = request.layer_prompts.get(role, "")
    alone = [role] == [other for other in output_roles(request) if other != "blend"]
    return GeneratedLayer(
        name=plain_words(own or (request.prompt if alone else "")) or role,
        role=role,
        x=request.target.x,
        y=request.target.y,
        picture=pixels,
        settings=GenerationMetadata.of(
            request,
            seed,
            role,
            {name: picture_hash(given) for name, given in context.inputs.items()},
            [picture_hash(given) for given in context.controls],
            context.model.library,
        ),
    )


def preview_image(rgba: Float[Tensor, "4 h w"], working_size: WorkingSize) -> UInt8[np.ndarray, "h w 4"]:
    """A preview of what is drawn, in the target's proportions and no larger than `MAX_PREVIEW_SIDE`."""
    target = working_size.target
    scale = min(1.0, MAX_PREVIEW_SIDE / max(target.width, target.height))
    size = Size(max(1, round(target.width * scale)), max(1, round(target.height * scale)))
    preview: UInt8[np.ndarray, "h w 4"] = working_size.to_target(rgba, torch.uint8, size).cpu().numpy()
    return preview
