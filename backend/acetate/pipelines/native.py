"""Drawing with a model whose VAE has alpha: all frames of a drawing are one sequence of its transformer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from acetate_wire.limits import Limits
from acetate_wire.prompt import parse_prompt
from acetate_wire.request import LayerRequest
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d

from acetate.adapters.native_lora import apply_native_loras
from acetate.generation import GenerationProgress
from acetate.image.sizes import Cover, Size, cover
from acetate.models.adapter_files import lora_path
from acetate.models.backbones.qwen_layered.network import QwenLayered
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.finite import finite
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.pipelines.context import GeneratedLayer, GenerationContext
from acetate.pipelines.layer_pipeline import SEED_RANGE, sampling_params
from acetate.pipelines.outputs import output_layer, preview_image, reply_dtype
from acetate.pipelines.progress import ProgressTracker
from acetate.pipelines.prompts import all_loras
from acetate.pipelines.sampling import OnStep, SamplingParams
from acetate.pipelines.split_frames import SplitFrames
from acetate.pipelines.working_size import WorkingSize

MOST_CHARACTERS = Limits().prompt_characters
PREVIEW_CELLS = 32
"""A preview is decoded from a latent of about this many positions along its longer side."""


@dataclass(frozen=True, eq=False)
class NativeBatch:
    """The frames of one drawing. `embeds` are the prompt and, with guidance, the negative one behind it."""

    count: int
    size: Size
    embeds: Sequence[PromptEmbeds]
    conditioning: Sequence[Float[Tensor, "1 c h w"]] = ()


@torch.inference_mode()
def denoise_native(
    model: DiffusionModel, batch: NativeBatch, params: SamplingParams, generator: torch.Generator, on_step: OnStep
) -> Float[Tensor, "count c h w"]:
    """The latents of the frames. Noise comes from `generator`, on the processor.

    `on_step` is given a small picture "4 h w" of the last frame, and may end the drawing between two calls of the
    network. Raises NotANumberError at the first step where a prediction is not a number.
    """
    backbone = model.native
    schedule = backbone.schedule(params.sampler, params.steps, batch.size, generator)
    sides = batch.size.height // backbone.scale, batch.size.width // backbone.scale
    noise = torch.randn((batch.count, backbone.channels, *sides), generator=generator)
    latent = schedule.start(noise.to(model.device))
    last = len(schedule.timesteps)
    prompted, *negative = batch.embeds
    for index, timestep in enumerate(schedule.timesteps):
        model_input = schedule.scale_input(latent, index)
        prediction = backbone.predict(model_input, timestep, prompted, batch.conditioning)
        for embeds in negative:
            on_step((index + 0.5) / last, None)
            without = backbone.predict(model_input, timestep, embeds, batch.conditioning)
            prediction = backbone.guide(without, prediction, params.guidance)
        finite(prediction, backbone.denoiser_name)
        latent = schedule.step(prediction, index, latent)

        def preview(given: Tensor = model_input, answer: Tensor = prediction, step: int = index) -> Tensor:
            return _small(model, schedule.predict_x0(given, answer, step)[-1:])

        on_step((index + 1) / last, preview)
    return latent


@torch.inference_mode()
def _small(model: DiffusionModel, latent: Float[Tensor, "1 c h w"]) -> Float[Tensor, "4 H W"]:
    """A picture of a latent, decoded from fewer positions, which takes a fraction of a step's time."""
    cells = max(1, max(latent.shape[2:]) // PREVIEW_CELLS)
    return model.native.decode(avg_pool2d(latent, cells))[0]


def draw(context: GenerationContext) -> tuple[GeneratedLayer, ...]:
    """`count` times the layer of a mode, from its given pictures as references, with the mode's LoRA attached.

    Each sample is computed alone, so that a seed gives the same layer in any company.
    """
    request, model = context.request, context.model
    [part] = context.way.adapters
    params, size = sampling_params(request), WorkingSize.base(request, model.spec.learned)
    given = [model.native.encode(size.to_working(context.inputs[role])[None]) for role in part.inputs]
    progress = ProgressTracker(context.report, params.steps * request.count, request.preview)
    layers = []
    own = model.spec.files.get(part.name)
    with apply_native_loras(model, [*([] if own is None else [(own, 1.0)]), *_loras(request)]):
        batch = NativeBatch(1, size.size, encode_prompts(request, model, part.roles[0].capitalize()), given)
        for number in range(request.count):
            seed = ((request.seed or 0) + number) % SEED_RANGE
            progress.start_stage(params.steps)
            noise = torch.Generator("cpu").manual_seed(seed)
            latent = denoise_native(model, batch, params, noise, _report_to(progress, size))
            progress.finish_stage()
            pixels = size.to_target(model.native.decode(latent)[0], reply_dtype(request))
            layers.append(output_layer(context, part.roles[0], seed, pixels))
    return tuple(layers)


def _loras(request: LayerRequest) -> list[tuple[Path, float]]:
    return [(lora_path(lora.name), lora.weight) for lora in all_loras(request)]


def _report_to(progress: ProgressTracker, size: WorkingSize) -> OnStep:
    def on_step(share: float, preview: Callable[[], Tensor] | None) -> None:
        progress.step(share, None if preview is None else lambda: preview_image(preview(), size))

    return on_step


@dataclass(frozen=True, eq=False)
class NativeSplitter:
    """Splits pictures with a model that does nothing else (Qwen-Image-Layered).

    It draws the whole picture once more, as the first frame, and its layers from the lowest.
    """

    context: GenerationContext

    def cover(self, target: Size) -> Cover:
        """A size that the published pipeline would not resize."""
        return cover(target, self.context.model.spec.learned)

    def described(self, picture: Float[Tensor, "4 h w"]) -> GenerationContext:
        """With the model's own caption of a picture as the prompt, where the request has none."""
        request, backbone = self.context.request, self.context.model.native
        if parse_prompt(request.prompt).plain or not isinstance(backbone, QwenLayered):
            return self.context
        told = GenerationProgress("drawing", 0, request.steps or 1)
        found = backbone.caption(picture, lambda: self.context.report(told))
        return replace(self.context, request=replace(request, prompt=f"{request.prompt}{found}"[:MOST_CHARACTERS]))

    def split(
        self, picture: Float[Tensor, "4 h w"], count: int, generator: torch.Generator, on_step: OnStep
    ) -> SplitFrames:
        """`count` layers of a picture in the size of its `cover`. Raises NotANumberError."""
        request, model = self.context.request, self.context.model
        given = model.native.encode(picture[None])
        size = Size(picture.shape[2], picture.shape[1])
        batch = NativeBatch(count + 1, size, encode_prompts(request, model), (given,))
        with apply_native_loras(model, _loras(request)):
            latents = denoise_native(model, batch, sampling_params(request), generator, on_step)
        composite, *layers = model.native.decode(latents).cpu()
        return SplitFrames(tuple(layers), composite)


def encode_prompts(request: LayerRequest, model: DiffusionModel, usual: str = " ") -> list[PromptEmbeds]:
    """The prompt, the `usual` one where it is empty, and with guidance the negative one behind it.

    Raises NotANumberError.
    """
    texts = [model.native.worded(parse_prompt(request.prompt).plain or usual)]
    if request.guidance != 1:
        texts.append(parse_prompt(request.negative).plain or model.native.nothing)

    def encoded(text: str) -> tuple[Tensor | None, ...]:
        embeds = model.native.encode_text([text])
        finite(embeds.prompt_embeds, "text encoder")
        return embeds.tensors

    return [
        PromptEmbeds.of(model.features.get(("prompt", text), model.device, partial(encoded, text))) for text in texts
    ]
