"""The mode `text`: a transparent layer from a prompt (LayerDiffuse, section 3.2)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from acetate_wire.request import LayerRequest
from jaxtyping import Float
from torch import Tensor

from acetate.layers.job import Layer, Progress
from acetate.layers.settings import Settings
from acetate.models.loaded import LoadedModel
from acetate.models.prepare import Predictor
from acetate.models.samplers import Sampler, Scheduler, make_scheduler, sampler_named
from acetate.models.states import TextStates
from acetate.placement.resample import place
from acetate.placement.sizes import Size, model_size
from acetate.transparency import Passes

PREVIEW_SIDE = 256
PREVIEW_SHARE = 0.2
"""Previews take at most about this share of the time."""
SEEDS = 2**64
PIXELS = {
    "rgba8": torch.uint8,
    "bgra8": torch.uint8,
    "rgba16": torch.uint16,
    "bgra16": torch.uint16,
    "rgbaf16": torch.float16,
    "rgbaf32": torch.float32,
}
"""The number format of each reply format."""


def draw(
    request: LayerRequest,
    inputs: Mapping[str, Tensor],
    model: LoadedModel,
    report: Callable[[Progress], None],
) -> tuple[Layer, ...]:
    """`request.count` layers from seeds that count up from `request.seed`, one after the other.

    Each is computed alone, so that a seed gives the same layer in any company. `inputs` stay unused.
    """
    first = Settings.of(request, request.seed or 0)
    target = Size(request.target.width, request.target.height)
    sampler = sampler_named(first.sampler)
    part = model.entry.way("text").parts[0]
    pace = _Pace(report, request.count, first.steps, target if request.preview else None)
    dtype = PIXELS[request.reply_format] if request.reply_space == "srgb" else torch.float32
    layers = []
    with model.prepared(part) as predictor:
        drawing = Drawing(
            model=model,
            predictor=predictor,
            states=_states(model, first),
            guidance=first.guidance,
            size=model_size(target, model.entry.native_size),
        )
        for index in range(request.count):
            settings = Settings.of(request, (first.seed + index) % SEEDS)
            rgba = drawing.layer(sampler, settings, pace)
            layers.append(
                Layer(
                    name=request.prompt,
                    role="layer",
                    x=request.target.x,
                    y=request.target.y,
                    picture=place(rgba, target, dtype),
                    settings=settings,
                )
            )
    return tuple(layers)


@torch.inference_mode()
def _states(model: LoadedModel, settings: Settings) -> TextStates:
    """What the UNet reads: the negative prompt, then the prompt."""
    return model.text.encode((settings.negative, settings.prompt))


@dataclass
class _Pace:
    """Counts steps over all layers of a job, guesses the time left, and decides when a preview is due."""

    report: Callable[[Progress], None]
    layers: int
    steps: int
    preview_for: Size | None
    layers_done: int = 0
    started: float = field(default_factory=time.monotonic)
    next_preview: float = 0.0

    def step(self, share: float, preview: Callable[[], Tensor]) -> None:
        """A step is over and `share` of this layer's drawing; `preview` makes "4 h w" as it stands."""
        now = time.monotonic()
        done = self.layers_done + share
        left = (now - self.started) / done * (self.layers - done)
        picture = None
        if self.preview_for is not None and share < 1 and now >= self.next_preview:
            picture = _small(preview(), self.preview_for)
            spent = time.monotonic() - now
            self.next_preview = now + spent / PREVIEW_SHARE
        self._tell("drawing", done, left, picture)

    def drawn(self) -> None:
        """A layer's last step is over; what is left is to decode it."""
        self.layers_done += 1
        self._tell("finishing", self.layers_done)

    def _tell(self, stage: str, done: float, left: float | None = None, preview: Tensor | None = None) -> None:
        steps = self.layers * self.steps
        self.report(Progress(stage, round(done * self.steps), steps, left, preview))


def _small(rgba: Float[Tensor, "4 h w"], target: Size) -> Tensor:
    scale = min(1.0, PREVIEW_SIDE / max(target.width, target.height))
    size = Size(max(1, round(target.width * scale)), max(1, round(target.height * scale)))
    return place(rgba, size, torch.uint8)


@dataclass(frozen=True, eq=False)
class Drawing:
    """Draws layers with one prompt, guidance and model size."""

    model: LoadedModel
    predictor: Predictor
    states: TextStates
    guidance: float
    size: Size

    @torch.inference_mode()
    def layer(self, sampler: Sampler, settings: Settings, pace: _Pace) -> Float[Tensor, "4 h w"]:
        """One layer at the model's size, straight alpha in [0, 1]."""
        latent = self._denoise(sampler, settings, pace)
        pace.drawn()
        passes: Passes = settings.passes  # type: ignore[assignment]  # checked with the request
        return self._decode(latent, passes)

    def _denoise(self, sampler: Sampler, settings: Settings, pace: _Pace) -> Float[Tensor, "1 c h w"]:
        model = self.model
        scheduler = make_scheduler(sampler, model.scheduler_config, settings.steps, model.device)
        # Noise from the processor is the same on every device.
        generator = torch.Generator("cpu").manual_seed(settings.seed)
        shape = (1, model.latent_channels, self.size.height // 8, self.size.width // 8)
        noise = torch.randn(shape, generator=generator).to(model.device)
        latent: Tensor = noise * scheduler.init_noise_sigma
        options: dict[str, Any] = {"generator": generator} if sampler.adds_noise else {}
        last = len(scheduler.timesteps)
        for number, timestep in enumerate(scheduler.timesteps, start=1):
            seen = scheduler.scale_model_input(latent, timestep)
            prediction = self._predict(seen, timestep, (number - 1) / last)
            latent = scheduler.step(prediction, timestep, latent, return_dict=False, **options)[0]
            pace.step(number / last, partial(self._so_far, scheduler, seen, prediction, timestep))
        return latent

    def _predict(self, seen: Float[Tensor, "1 c h w"], timestep: Tensor, share: float) -> Float[Tensor, "1 c h w"]:
        """The UNet's answer with classifier-free guidance, float32; guidance 1 needs only the prompt's half."""
        states = self.states.rows([1]) if self.guidance == 1 else self.states
        answers = self.predictor(seen.expand(len(states), -1, -1, -1), timestep, states, share)
        without, with_prompt = answers[:1], answers[-1:]
        return without + self.guidance * (with_prompt - without)

    def _decode(self, latent: Float[Tensor, "1 c h w"], passes: Passes) -> Float[Tensor, "4 h w"]:
        return self.model.decode_transparent(latent, passes)[0]

    def _so_far(
        self, scheduler: Scheduler, seen: Tensor, prediction: Tensor, timestep: Tensor
    ) -> Float[Tensor, "4 h w"]:
        """The picture that a step is heading for, out of what the UNet saw and answered."""
        kept = scheduler.alphas_cumprod[int(timestep.round())].to(seen.device)
        signal, noise = kept.sqrt(), (1 - kept).sqrt()
        if scheduler.config["prediction_type"] == "v_prediction":
            return self._decode(signal * seen - noise * prediction, passes=1)
        return self._decode((seen - noise * prediction) / signal, passes=1)
