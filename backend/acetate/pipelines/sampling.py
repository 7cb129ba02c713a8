"""From noise to latents, step by step: what all modes share (LayerDiffuse, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.adapters.attach import Denoiser, Tile, adapted_model
from acetate.image.sizes import Size
from acetate.models.backbones.backbone import Schedule
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
    frames in overlapping parts at every step, and its answers are blended before the sampler takes the step. `batch`
    is how many tiles the backbone is given at a time.
    """

    count: int
    size: Size
    prompt_embeds: PromptEmbeds
    conditioning: Mapping[int, Float[Tensor, "1 c h w"]] = field(default_factory=dict)
    tiles: TileSpec | None = None
    batch: int = 1

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
        (latent,) = denoise(model, denoiser, params, frames, [noise], lambda share, predict_x0: None)
        return latent


@dataclass(eq=False)
class _Trajectory:
    """One sample on its way from noise to latents, with a schedule of its own."""

    schedule: Schedule
    noise: Tensor
    latent: Tensor
    start: InitLatents | None

    def step(self, prediction: Tensor, index: int, last: int) -> None:
        """Take a step of the sampler; outside of the mask of `start` it stays as it was."""
        self.latent = self.schedule.step(prediction, index, self.latent)
        if self.start is not None:
            around = self.start.latent
            if index + 1 < last:
                around = self.schedule.add_noise(around, self.noise, index + 1)
            self.latent = torch.where(self.start.mask > 0, self.latent, around)


def denoise(
    model: DiffusionModel,
    predictor: Denoiser,
    params: SamplingParams,
    frames: FrameBatch,
    generators: Sequence[torch.Generator],
    on_step: OnStep,
    starts: Sequence[InitLatents | None] = (),
) -> list[Float[Tensor, "drawn c h w"]]:
    """The latents of the drawn frames of each sample, as the backbone sees them.

    Noise comes from a sample's own generator, on the processor, so that it is the same on every device; without tiles,
    the backbone is given all samples at a time. `on_step` gets the first one's prediction. Raises NotANumberError at
    the first step where a prediction is not a number.
    """
    first = (params.steps - params.active_steps) if any(starts) else 0
    trajectories = [
        _trajectory(model, params, frames, generator, start, first)
        for generator, start in zip(generators, starts or [None] * len(generators), strict=True)
    ]
    leader = trajectories[0].schedule
    first, last = first * leader.order, len(leader.timesteps)
    for index in range(first, last):
        timestep = leader.timesteps[index]
        # Only the network changes: the sampler and what it remembers of earlier steps go on.
        predictor.set_enabled(params.adapts(float(timestep), leader.trained))
        inputs = [trajectory.schedule.scale_input(trajectory.latent, index) for trajectory in trajectories]
        ask = GuidedDenoiser(predictor, params.guidance, frames, timestep, index / last)

        def on_part(part: float, done: int = index - first) -> None:
            on_step((done + part) / (last - first), None)

        if frames.tiles is None:
            predictions = ask.predict_together(inputs)
        else:
            predictions = [
                ask.predict_tiled(
                    model_input, frames.tiles, on_part, None if trajectory.start is None else trajectory.start.mask
                )
                for trajectory, model_input in zip(trajectories, inputs, strict=True)
            ]
        for trajectory, prediction in zip(trajectories, predictions, strict=True):
            trajectory.step(finite(prediction, model.backbone.denoiser_name), index, last)
        on_step((index + 1 - first) / (last - first), partial(leader.predict_x0, inputs[0], predictions[0], index))
    predictor.set_enabled(True)
    return [trajectory.latent for trajectory in trajectories]


def _trajectory(
    model: DiffusionModel,
    params: SamplingParams,
    frames: FrameBatch,
    generator: torch.Generator,
    start: InitLatents | None,
    first: int,
) -> _Trajectory:
    schedule = model.backbone.schedule(params.sampler, params.steps, frames.size, generator)
    scale = model.backbone.scale
    shape = (len(frames.generated), model.latent_channels, frames.size.height // scale, frames.size.width // scale)
    noise = torch.randn(shape, generator=generator).to(model.device)
    latent = schedule.start(noise)
    if start is not None:
        latent = schedule.add_noise(start.latent, noise, first * schedule.order)
    return _Trajectory(schedule, noise, latent, start)


@torch.inference_mode()
def is_exact_together(
    model: DiffusionModel, part: AdapterSpec, predictor: Denoiser, frames: FrameBatch, count: int
) -> bool:
    """Whether the network answers bit for bit the same for so many samples at a time as for each alone.

    That depends on the kernels that the device has for a shape. It is found out once for each, on noise.
    """
    key = (
        part.name,
        model.library,
        count,
        frames.count,
        len(frames.prompt_embeds),
        frames.prompt_embeds.prompt_embeds.shape,
        frames.size,
    )
    if key not in model.exact_batches:
        scale, drawn = model.backbone.scale, len(frames.generated)
        shape = (count, drawn, model.latent_channels, frames.size.height // scale, frames.size.width // scale)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(model.device)
        ask = GuidedDenoiser(predictor, 2.0, frames, torch.tensor(500, device=model.device), 0.0)
        answers = zip(noise, ask.predict_together(list(noise)), strict=True)
        model.exact_batches[key] = all(torch.equal(ask.predict(each), answer) for each, answer in answers)
    return model.exact_batches[key]


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
        return self.predict_together([model_input])[0]

    def predict_together(
        self, model_inputs: Sequence[Float[Tensor, "drawn c h w"]]
    ) -> list[Float[Tensor, "drawn c h w"]]:
        """The same for several samples, in one call of the network."""
        return self._predict(model_inputs, [self.frames.conditioning] * len(model_inputs), ())

    def predict_tiled(
        self,
        model_input: Float[Tensor, "drawn c h w"],
        tiles: TileSpec,
        on_part: Callable[[float], None],
        mask: Float[Tensor, "drawn 1 h w"] | None = None,
    ) -> Float[Tensor, "drawn c h w"]:
        """The same, blended from overlapping tiles; `on_part` gets the fraction of tiles done between two calls.

        Tiles outside the mask are skipped; their prediction is 0.
        """
        size = self.frames.size
        wanted = [
            (row, column)
            for row in spans(size.height, tiles.size, tiles.overlap)
            for column in spans(size.width, tiles.size, tiles.overlap)
            if mask is None or bool(crop_latents(mask, row, column).any())
        ]
        answers: dict[Tile, Tensor] = {}
        for together in _chunks(wanted, self.frames.batch):
            parts = [crop_latents(model_input, *tile) for tile in together]
            clean = [
                {frame: crop_latents(latent, *tile) for frame, latent in self.frames.conditioning.items()}
                for tile in together
            ]
            answers |= dict(zip(together, self._predict(parts, clean, together), strict=True))
            if len(answers) < len(wanted):
                on_part(len(answers) / len(wanted))

        def answer(row: Span, column: Span) -> Tensor:
            found = answers.get((row, column))
            return torch.zeros_like(crop_latents(model_input, row, column)) if found is None else found

        return blend_tiles(answer, size.height, size.width, tiles.size, tiles.overlap, scale=8)

    def _predict(
        self, model_inputs: Sequence[Tensor], cleans: Sequence[Mapping[int, Tensor]], tiles: Sequence[Tile]
    ) -> list[Tensor]:
        """Rows are (half, item, frame) with the frame fastest: first without the prompt, then with it."""
        frames, items = self.frames, len(model_inputs)
        halves = len(frames.prompt_embeds) // frames.count
        rows = []
        for model_input, clean in zip(model_inputs, cleans, strict=True):
            drawn = iter(model_input[:, None])
            rows += [clean[frame] if frame in clean else next(drawn) for frame in range(frames.count)]
        sample, timestep = torch.cat(rows * halves), self.timestep
        if frames.conditioning:
            still = torch.tensor([frame in frames.conditioning for frame in range(frames.count)], device=sample.device)
            timestep = torch.where(still, torch.zeros_like(timestep), timestep).repeat(halves * items)
        numbers = [
            half * frames.count + frame for half in range(halves) for _ in range(items) for frame in range(frames.count)
        ]
        embeds = frames.prompt_embeds if items == 1 else frames.prompt_embeds.rows(numbers)
        prompted = [number // frames.count + 1 == halves for number in numbers]
        places = [tile for tile in tiles for _ in range(frames.count)] * halves
        answers = self.denoiser(sample, timestep, embeds, self.share, places, prompted)
        chosen = answers.view(halves, items, frames.count, *answers.shape[1:])[:, :, list(frames.generated)]
        without, with_prompt = chosen[0], chosen[-1]
        return list(without + self.guidance * (with_prompt - without))


def _chunks(tiles: Sequence[Tile], most: int) -> Iterator[tuple[Tile, ...]]:
    """Tiles of one size, at most so many at a time."""

    def size(tile: Tile) -> tuple[int, int]:
        row, column = tile
        return row.stop - row.start, column.stop - column.start

    for _, alike in groupby(sorted(tiles, key=size), key=size):
        same = tuple(alike)
        for start in range(0, len(same), most):
            yield same[start : start + most]
