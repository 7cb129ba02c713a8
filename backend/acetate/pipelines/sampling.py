"""From noise to latents, step by step: what all modes share (LayerDiffuse, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.adapters.attach import Denoiser, adapted_model
from acetate.image.sizes import Size
from acetate.models.backbones.stable_diffusion.samplers import Sampler, get_sampler
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.finite import finite
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.models.recipes import AdapterSpec
from acetate.transparency.tiling import Span, blend_tiles, crop_latents, spans

OnStep: TypeAlias = Callable[[float, Callable[[], Tensor] | None], None]
"""Called with (fraction of the steps done, function for the x0 prediction or None); None between tiles."""


@dataclass(frozen=True)
class SamplingParams:
    """Sampling parameters.

    `strength` in (0, 1] is the fraction of the steps that run, the last ones, as in image-to-image. `stop_at` in [0, 1]
    is the fraction of the trained timesteps, from the noisiest, after which the adapter is disabled. `guidance` is the
    scale of classifier-free guidance; 1 disables it.
    """

    sampler: Sampler
    steps: int
    guidance: float
    strength: float = 1.0
    stop_at: float = 1.0

    @property
    def active_steps(self) -> int:
        """The steps that are done."""
        return max(1, round(self.steps * self.strength))

    def adapts(self, timestep: float, trained: int) -> bool:
        """Whether the adapter is enabled at a timestep of a model with `trained` ones.

        The noise level there is compared with that at `stop_at`, as the published implementation for Forge does, so
        that a sampler's spacing does not move the place; sigma rises with the timestep, so timesteps are compared.
        """
        return self.stop_at > 0 and timestep >= (1 - self.stop_at) * (trained - 1)


@dataclass(frozen=True, eq=False)
class InitLatents:
    """Latents of the drawn frames to start from instead of pure noise, as the backbone sees them.

    Anything is drawn only where `mask` is 1; the rest stays what it was.
    """

    latent: Float[Tensor, "drawn c h w"]
    mask: Float[Tensor, "drawn 1 h w"]


@dataclass(frozen=True)
class TileSpec:
    """Overlapping parts in which a picture over the model's size is drawn; both in pixels, multiples of 64."""

    size: int
    overlap: int

    def count(self, size: Size) -> int:
        """How many of them cover a picture."""
        return len(spans(size.height, self.size, self.overlap)) * len(spans(size.width, self.size, self.overlap))


@dataclass(frozen=True, eq=False)
class FrameBatch:
    """The pictures that are drawn side by side, as one sample.

    `prompt_embeds` has the texts that the backbone reads, a row for each frame; first those without the prompt and then
    those with it, or only the latter where guidance is 1. `conditioning` are the latents of frames that are given, by
    their number: they stay as they are, at time step 0, and the others see them. With `tiles` the backbone sees the
    frames in overlapping parts at every step, and its answers are blended before the sampler takes the step.
    """

    count: int
    size: Size
    prompt_embeds: PromptEmbeds
    conditioning: Mapping[int, Float[Tensor, "1 c h w"]] = field(default_factory=dict)
    tiles: TileSpec | None = None

    @property
    def generated(self) -> tuple[int, ...]:
        """The frames that are drawn."""
        return tuple(frame for frame in range(self.count) if frame not in self.conditioning)


@torch.inference_mode()
def default_latents(
    model: DiffusionModel, part: AdapterSpec, prompts: Sequence[str], seed: int
) -> Float[Tensor, "frames c h w"]:
    """The latents of a part's frames, a prompt for each, with the family's own settings at the model's own size.

    For checks of a model and for what is fitted to it; jobs go through `LayerPipeline`. Raises AcetateError.
    """
    family, side = model.spec.family, model.spec.native_size
    texts = ["" for _ in prompts] + list(prompts)
    if model.vocabulary is not None:
        marks = [model.vocabulary.mark(role) for role in part.roles] * 2
        texts = [f"{mark} {text}".strip() for mark, text in zip(marks, texts, strict=True)]
    params = SamplingParams(get_sampler(family.sampler), family.steps, family.guidance)
    with adapted_model(model, part) as denoiser:
        frames = FrameBatch(len(prompts), Size(side, side), model.backbone.encode_text(texts))
        noise = torch.Generator().manual_seed(seed)
        return denoise(model, denoiser, params, frames, noise, lambda share, predict_x0: None)


def denoise(
    model: DiffusionModel,
    predictor: Denoiser,
    params: SamplingParams,
    frames: FrameBatch,
    generator: torch.Generator,
    on_step: OnStep,
    start: InitLatents | None = None,
) -> Float[Tensor, "drawn c h w"]:
    """The latents of the drawn frames, as the backbone sees them.

    Noise comes from `generator`, on the processor, so that it is the same on every device. Raises NotANumberError at
    the first step where a prediction is not a number.
    """
    schedule = model.backbone.schedule(params.sampler, params.steps, frames.size, generator)
    timesteps, scale = schedule.timesteps, model.backbone.scale
    shape = (len(frames.generated), model.latent_channels, frames.size.height // scale, frames.size.width // scale)
    noise = torch.randn(shape, generator=generator).to(model.device)
    first, latent = 0, schedule.start(noise)
    if start is not None:
        first = (params.steps - params.active_steps) * schedule.order
        latent = schedule.add_noise(start.latent, noise, first)
    last = len(timesteps)
    for index in range(first, last):
        timestep = timesteps[index]
        # Only the network changes: the sampler and what it remembers of earlier steps go on.
        predictor.set_enabled(params.adapts(float(timestep), schedule.trained))
        model_input = schedule.scale_input(latent, index)

        def on_part(part: float, done: int = index - first) -> None:
            on_step((done + part) / (last - first), None)

        ask = GuidedDenoiser(predictor, params.guidance, frames, timestep, index / last)
        if frames.tiles is None:
            prediction = ask.predict(model_input)
        else:
            prediction = ask.predict_tiled(model_input, frames.tiles, on_part, None if start is None else start.mask)
        finite(prediction, model.backbone.denoiser_name)
        latent = schedule.step(prediction, index, latent)
        if start is not None:
            around = start.latent if index + 1 == last else schedule.add_noise(start.latent, noise, index + 1)
            latent = torch.where(start.mask > 0, latent, around)
        on_step((index + 1 - first) / (last - first), partial(schedule.predict_x0, model_input, prediction, index))
    predictor.set_enabled(True)
    return latent


@dataclass(frozen=True, eq=False)
class GuidedDenoiser:
    """The denoiser with classifier-free guidance, at one timestep."""

    denoiser: Denoiser
    guidance: float
    frames: FrameBatch
    timestep: Tensor
    share: float

    def predict(self, model_input: Float[Tensor, "drawn c h w"]) -> Float[Tensor, "drawn c h w"]:
        """The guided prediction for the generated frames."""
        return self._predict(model_input, self.frames.conditioning, None)

    def predict_tiled(
        self,
        model_input: Float[Tensor, "drawn c h w"],
        tiles: TileSpec,
        on_part: Callable[[float], None],
        mask: Float[Tensor, "drawn 1 h w"] | None = None,
    ) -> Float[Tensor, "drawn c h w"]:
        """The same, blended from overlapping tiles; `on_part` gets the fraction of tiles done after each but the last.

        Tiles outside the mask are skipped; their prediction is 0.
        """
        count, size = tiles.count(self.frames.size), self.frames.size
        done = 0

        def answer(row: Span, column: Span) -> Tensor:
            nonlocal done
            part = crop_latents(model_input, row, column)
            if mask is None or bool(crop_latents(mask, row, column).any()):
                clean = {frame: crop_latents(latent, row, column) for frame, latent in self.frames.conditioning.items()}
                part = self._predict(part, clean, (row, column))
            else:
                part = torch.zeros_like(part)
            done += 1
            if done < count:
                on_part(done / count)
            return part

        return blend_tiles(answer, size.height, size.width, tiles.size, tiles.overlap, scale=8)

    def _predict(self, model_input: Tensor, clean: Mapping[int, Tensor], tile: tuple[Span, Span] | None) -> Tensor:
        """Rows are (half, frame) with the frame fastest: first without the prompt, then with it."""
        frames = self.frames
        drawn = iter(model_input[:, None])
        sample = torch.cat([clean[frame] if frame in clean else next(drawn) for frame in range(frames.count)])
        timestep = self.timestep
        if clean:
            still = torch.tensor([frame in clean for frame in range(frames.count)], device=timestep.device)
            timestep = torch.where(still, torch.zeros_like(timestep), timestep)
        halves = len(frames.prompt_embeds) // frames.count
        if halves > 1:
            sample, timestep = torch.cat([sample] * halves), timestep.repeat(halves) if clean else timestep
        prompted = [half + 1 == halves for half in range(halves) for _ in range(frames.count)]
        answers = self.denoiser(sample, timestep, frames.prompt_embeds, self.share, tile, prompted)
        chosen = answers.view(halves, frames.count, *answers.shape[1:])[:, list(frames.generated)]
        without, with_prompt = chosen[0], chosen[-1]
        return without + self.guidance * (with_prompt - without)
