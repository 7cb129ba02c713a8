"""The networks of Qwen-Image-2.1, called as diffusers' pipeline does.

That pipeline needs a processor of pictures, which needs torchvision; from text alone the tokenizer is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from acetate.image.sizes import Size
from acetate.models.backbones.flow_schedule import FlowSchedule
from acetate.models.backbones.qwen_networks import QwenNetworks
from acetate.models.backbones.stable_diffusion.samplers import Sampler
from acetate.models.prompt_embeds import PromptEmbeds

SYSTEM = "<|im_start|>system\nComprehend and analyze the provided prompt.<|im_end|>\n"
"""What the text encoder reads first; its states are left out."""
CHAT = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
WORDING = "This is an RGBA image with transparency. {}. The image has alpha channel and the background is transparent."
"""How its authors ask for a transparent picture."""
SLOT = 4
"""Positions of a latent that stand for one picture token of the text encoder: 2 x 2."""


@dataclass(eq=False)
class QwenImage21(QwenNetworks):
    """A position of a latent is a token, and stands for 16 x 16 pixels. It draws one frame, without given pictures."""

    scale: int = 16

    @property
    def channels(self) -> int:
        """How many channels a latent has."""
        return int(self.transformer.config.in_channels)

    @property
    def _pipeline(self) -> Any:
        """diffusers' pipeline, of which only the functions that need no networks are called."""
        from diffusers import QwenImage21Pipeline

        return QwenImage21Pipeline

    def worded(self, prompt: str) -> str:
        """The caption that asks for a transparent picture, as its authors write it."""
        return prompt if "rgba" in prompt.lower() else WORDING.format(prompt.rstrip(" ."))

    @torch.inference_mode()
    def encode_text(self, texts: Sequence[str]) -> PromptEmbeds:
        """The states of captions, one row each; where one is shorter than another, its last tokens are masked.

        The transformer was trained on the states before the text encoder's last normalisation.
        """
        left_out = len(self.tokenizer(SYSTEM).input_ids)
        tokens = self.tokenizer(
            [SYSTEM + CHAT.format(text or self.nothing) for text in texts],
            padding=True,
            padding_side="left",
            return_tensors="pt",
        ).to(self.device)
        norm = self.text_encoder.model.language_model.norm
        hook = norm.register_forward_hook(lambda module, given, answer: given[0])
        try:
            answer = self.text_encoder(**tokens, output_hidden_states=True, logits_to_keep=1)
        finally:
            hook.remove()
        states = answer.hidden_states[-1]
        rows = [row[mask.bool()][left_out:] for row, mask in zip(states.float(), tokens.attention_mask, strict=True)]
        lengths = torch.tensor([len(row) for row in rows], device=states.device)
        mask = torch.arange(int(lengths.max()), device=states.device) < lengths[:, None]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return PromptEmbeds(padded, mask=None if bool(mask.all()) else mask)

    def schedule(self, sampler: Sampler, steps: int, size: Size, generator: torch.Generator) -> FlowSchedule:
        """The noise levels of Euler's method; larger pictures have more noise for longer."""
        from diffusers.pipelines.qwenimage21.pipeline_qwenimage21 import calculate_shift

        names = {"base_image_seq_len": 256, "max_image_seq_len": 4096, "base_shift": 0.5, "max_shift": 1.15}
        tokens = (size.height // self.scale) * (size.width // self.scale)
        mu = calculate_shift(tokens, *(self.scheduler_config.get(name, usual) for name, usual in names.items()))
        sigmas = np.linspace(1.0, 1 / steps, steps).tolist()
        return FlowSchedule.of(self.scheduler_config, sigmas, mu, self.device)

    def predict(
        self,
        noisy: Float[Tensor, "n c h w"],
        timestep: Float[Tensor, "..."],
        embeds: PromptEmbeds,
        conditioning: Sequence[Float[Tensor, "1 c h w"]] = (),
        **inputs: Any,
    ) -> Float[Tensor, "n c h w"]:
        """The velocity of each frame, float32; `embeds` has a row for each, or one for all.

        Raises ValueError for `conditioning`.
        """
        if conditioning:
            raise ValueError("Qwen-Image-2.1 reads given pictures with its text encoder too, which is not built")
        count, _, height, width = noisy.shape
        rows = embeds.to(self.device, self.dtype)
        states = rows.prompt_embeds.expand(count, -1, -1)
        text = torch.zeros(count, states.shape[1], dtype=torch.bool, device=self.device)
        answer: Tensor = self.transformer(
            hidden_states=noisy.flatten(2).transpose(1, 2).to(self.device, self.dtype),
            timestep=timestep.expand(count).to(self.device, self.dtype) / 1000,
            encoder_hidden_states=states,
            encoder_hidden_states_mask=None if rows.mask is None else rows.mask.expand(count, -1),
            img_shapes=[[(1, height, width)]] * count,
            img_mask=torch.cat([text, text.new_ones(count, height * width // SLOT)], dim=1),
            return_dict=False,
            **inputs,
        )[0]
        return answer[:, -height * width :].transpose(1, 2).reshape(noisy.shape).float()
