"""Qwen-Image-Layered's own caption of a picture, written by its text encoder, which reads pictures too."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

IMAGE_TOKEN = "<|image_pad|>"
LONGEST = 512
"""Tokens of a caption at most, as in diffusers."""


@torch.inference_mode()
def caption(
    encoder: Any,
    tokenizer: Any,
    instruction: str,
    picture: Float[Tensor, "4 h w"],
    device: torch.device,
    on_token: Callable[[], None],
) -> str:
    """What a straight-alpha picture shows, in the syntax of prompts; the same picture always has the same caption.

    Always the likeliest token is taken. `instruction` has one image token. The picture is laid over white, and made
    ready for the encoder without torchvision. `on_token` is called before each token and may end it.
    """
    from PIL import Image
    from transformers import Qwen2VLImageProcessorPil, StoppingCriteriaList

    vision = encoder.config.vision_config
    merge = vision.spatial_merge_size
    processor: Any = Qwen2VLImageProcessorPil(
        patch_size=vision.patch_size,
        merge_size=merge,
        temporal_patch_size=vision.temporal_patch_size,
        min_pixels=(2 * merge * vision.patch_size) ** 2,
    )
    shown = picture[:3] * picture[3:] + 1 - picture[3:]
    pixels = (255 * shown).round().to(torch.uint8).movedim(0, -1).cpu().numpy()
    seen = processor(images=[Image.fromarray(pixels)], return_tensors="pt")
    count = int(seen["image_grid_thw"][0].prod()) // merge**2
    ids = tokenizer(instruction.replace(IMAGE_TOKEN, IMAGE_TOKEN * count), return_tensors="pt").input_ids.to(device)

    def look(tokens: Tensor, scores: Any, **more: Any) -> Tensor:
        on_token()
        return torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)

    written = encoder.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        mm_token_type_ids=(ids == tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)).int(),
        pixel_values=seen["pixel_values"].to(device, encoder.dtype),
        image_grid_thw=seen["image_grid_thw"].to(device),
        max_new_tokens=LONGEST,
        do_sample=False,
        num_beams=1,
        stopping_criteria=StoppingCriteriaList([look]),
    )
    return as_prompt(tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True))


def as_prompt(text: str) -> str:
    """Plain text in the syntax of prompts: brackets weigh nothing, and name no LoRA."""
    words = " ".join(re.sub(r"[<>\0]", " ", text).split())
    return re.sub(r"([\\()\[\]])", r"\\\1", words)
