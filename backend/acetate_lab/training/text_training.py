"""Training of a text-conditioned UNet together with its text encoder, from nothing (the starter's way).

v-prediction with zero terminal signal-to-noise ratio (Lin et al. 2023).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from acetate_lab.training.diffusion import InitLatents, Predict, Samples, sample_latents, train_diffusion
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.objectives import DiffusionObjective
from acetate_lab.training.optimizer import OptimizerConfig
from acetate_lab.training.trainer import Log, TrainerConfig

NOISE_STEPS = 1000
FRESH_WORD = 0.02
"""The deviation of a new token's embedding, as CLIP's are initialised."""


def noise_scheduler() -> DDIMScheduler:
    """The forward process that training and every sampler share."""
    return DDIMScheduler(
        num_train_timesteps=NOISE_STEPS,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
    )


def reading(unet: Callable[..., Any], text_encoder: CLIPTextModel) -> Predict[Tensor]:
    """Calls the UNet with the embeds of tokens, encoded at every step."""

    def predict(noisy: Tensor, times: Tensor, tokens: Tensor, control: Tensor | None) -> Tensor:
        context = text_encoder(tokens.to(noisy.device)).last_hidden_state
        # What CUDA graphs computed in the step before may be overwritten from here on.
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        answer: Tensor = unet(noisy, times, context).sample
        return answer

    return predict


@torch.no_grad()
def take_words(text_encoder: CLIPTextModel, before: CLIPTokenizer, after: CLIPTokenizer) -> None:
    """Make a text encoder read another tokenizer's tokens: those that both know keep what they mean to it.

    The other tokenizer is cut to the encoder's length.
    """
    after.model_max_length = text_encoder.config.max_position_embeddings
    learnt = text_encoder.get_input_embeddings().weight
    chance = torch.Generator().manual_seed(0)
    table = FRESH_WORD * torch.randn(len(after), learnt.shape[1], generator=chance)
    rows = before.get_vocab()
    for token, row in after.get_vocab().items():
        if token in rows:
            table[row] = learnt[rows[token]]
    embedding = nn.Embedding(*table.shape)
    embedding.weight.copy_(table)
    text_encoder.set_input_embeddings(embedding)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(text_encoder.config, name, getattr(after, name))
    text_encoder.config.vocab_size = len(after)


def compiled(unet: UNet2DConditionModel, compiler: str) -> Callable[..., Any]:
    """The UNet for calls of one shape, its weights shared; on a graphics card, `inductor` records CUDA graphs.

    The first step then takes minutes; in later ones the processor has hardly anything to do.
    """
    graphs = compiler == "inductor" and unet.device.type == "cuda"
    return torch.compile(unet, dynamic=False, backend=compiler, mode="reduce-overhead" if graphs else None)


def train_text(
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    draw: Callable[[int], Samples[Tensor]],
    log_samples: Callable[[Path], None],
    folder: Path,
    settings: TrainerConfig,
    learning: OptimizerConfig,
    hardware: Distributed,
    log: Log,
) -> None:
    """Train both models in place to their averages over the run; `draw` gives tokens as words."""
    both = nn.ModuleList([unet, text_encoder])
    both.to(hardware.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    objective = DiffusionObjective(noise_scheduler().config)
    called = unet if settings.compiler is None else compiled(unet, settings.compiler)
    train_diffusion(
        both, reading(called, text_encoder), objective, draw, log_samples, folder, settings, learning, hardware, log
    )


@torch.no_grad()
def sample_prompts(
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    tokens: Int[Tensor, "n t"],
    empty: Int[Tensor, "m t"],
    shape: tuple[int, int, int],
    hardware: Distributed,
    steps: int = 20,
    guidance: float = 4.0,
    seed: int = 1,
    start: InitLatents | None = None,
) -> Float[Tensor, "n c h w"]:
    """Scaled latents of one frame a prompt, from noise or from a `start`; `empty` has one row for all, or one each."""
    both = torch.cat([empty.expand(len(tokens), -1), tokens])
    # The prompts are read once, not at every step.
    states = text_encoder(both.to(hardware.device)).last_hidden_state
    objective = DiffusionObjective(noise_scheduler().config)
    return sample_latents(
        _asking(unet), objective, states, len(tokens), shape, hardware, None, steps, guidance, seed, start
    )


def _asking(unet: UNet2DConditionModel) -> Predict[Tensor]:
    """Calls the UNet with prompt embeds."""

    def predict(noisy: Tensor, times: Tensor, states: Tensor, control: Tensor | None) -> Tensor:
        answer: Tensor = unet(noisy, times, states).sample
        return answer

    return predict
