"""Drawing a job: its parts one after the other, first near the model's size, then at the target's where asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
import torch
from acetate_wire.request import LayerRequest, output_roles
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import max_pool2d

from acetate.adapters.attach import ControlImage, Denoiser, adapted_model
from acetate.image.resample import to_dtype_hwc
from acetate.models.adapter_files import STYLE_KIND
from acetate.models.backbones.stable_diffusion.samplers import get_sampler
from acetate.models.recipes import AdapterSpec
from acetate.pipelines.context import GeneratedLayer, GenerationContext
from acetate.pipelines.latent_codec import decode, encode
from acetate.pipelines.opaque import STRIDE, TRIES, can_be_opaque, empty_warning, is_opaque, opaque_warning
from acetate.pipelines.outputs import output_layer, preview_image, reply_dtype
from acetate.pipelines.progress import ProgressTracker
from acetate.pipelines.prompts import all_loras, encode_frames, length_warning, lora_warnings
from acetate.pipelines.sampling import FrameBatch, InitLatents, SamplingParams, denoise, is_exact_together
from acetate.pipelines.validation import adapter_kind
from acetate.pipelines.working_size import WorkingSize
from acetate.transparency import Passes

SEED_RANGE = 2**64
VISIBLE_ALPHA = 1 / 255
DILATION_PX = 4
"""How far detail may go beyond what is visible of a transparent layer, in pixels."""
CONCAT_DPM_STOP = 0.62
"""Where a part that is given both a layer and the blend stops by itself with a DPM sampler: later its picture gets
dirty (LayerDiffuse's own users found this out).
"""
Merge: TypeAlias = Callable[[Tensor], Tensor]
"""What is done to a layer "4 th tw" in the target's size, whenever one is drawn."""


@dataclass(frozen=True, eq=False)
class InitImage:
    """A layer of the target to start from instead of noise; with `mask`, only where it is over 0 is drawn anew."""

    layer: Float[Tensor, "4 th tw"]
    mask: Float[Tensor, "th tw"] | None = None
    merge: Merge | None = None


@dataclass(eq=False)
class Sample:
    """One of the pictures that a request counts: its seed, its noise, and what is drawn of it so far.

    `pictures` are "4 h w" by role, as large as the present sheet; so are `init_images`, what the next drawing starts
    from. `opaque` tells that no seed gave it clear surroundings.
    """

    seed: int
    noise: torch.Generator
    pictures: dict[str, Tensor] = field(default_factory=dict)
    init_images: dict[str, Tensor] = field(default_factory=dict)
    opaque: bool = False


@dataclass(frozen=True, eq=False)
class LayerPipeline:
    """Draws the layers of a job."""

    context: GenerationContext
    init_image: InitImage | None = None

    def run(self) -> tuple[GeneratedLayer, ...]:
        """`count` times the layers that were asked for, from seeds that count up, in stacking order from below.

        A seed gives the same layers in any company: samples go through the network together only where that does not
        change a bit of them.
        """
        request = self.context.request
        render_passes = self._render_passes()
        samples = [_sample(((request.seed or 0) + index) % SEED_RANGE) for index in range(request.count)]
        for sample in samples:
            sample.init_images = self._init_image_at(render_passes[0].working_size)
        for number, present in enumerate(render_passes):
            following = render_passes[number + 1 :]
            present.run(samples, everything=bool(following))
            if number == 0 and self.init_image is None and can_be_opaque(request):
                samples = [self._with_clear_surroundings(sample, present, bool(following)) for sample in samples]
            for sample in samples if following else ():
                sample.init_images = {
                    role: following[0].working_size.to_working(self._on_target(picture, present.working_size))
                    for role, picture in sample.pictures.items()
                }
                sample.pictures.clear()
        return tuple(layer for sample in samples for layer in self._outputs(sample, render_passes[-1].working_size))

    @property
    def steps(self) -> int:
        """How many steps all of it takes."""
        return self._render_passes()[0].progress.steps

    def _with_clear_surroundings(self, sample: Sample, present: RenderPass, everything: bool) -> Sample:
        """The sample, or where that is opaque to its border, the first of a few other seeds that is not."""
        for attempt in range(TRIES + 1):
            tried = sample if attempt == 0 else _sample((sample.seed + attempt * STRIDE) % SEED_RANGE)
            if attempt > 0:
                present.progress.more(present.steps)
                present.run([tried], everything)
            if not is_opaque(tried.pictures["foreground"]):
                return tried
        sample.opaque = True
        return sample

    def _render_passes(self) -> list[RenderPass]:
        """One at the model's size, and with detail another at that of a larger target."""
        request, learned = self.context.request, self.context.model.spec.learned
        working_sizes = [WorkingSize.base(request, learned)]
        strengths = [1.0 if self.init_image is None else request.strength]
        size = working_sizes[0].size
        if request.detail > 0 and request.target.width * request.target.height > size.width * size.height:
            working_sizes.append(WorkingSize.hires(working_sizes[0].target, learned.side))
            strengths.append(request.detail)
        params_of_passes = [sampling_params(request, strength) for strength in strengths]
        progress = ProgressTracker(self.context.report, 0, request.preview)
        mask = None if self.init_image is None else self.init_image.mask
        render_passes = [
            RenderPass(self.context, working_size, params, progress, mask)
            for params, working_size in zip(params_of_passes, working_sizes, strict=True)
        ]
        progress.more(request.count * sum(each.steps for each in render_passes))
        return render_passes

    def _init_image_at(self, working_size: WorkingSize) -> dict[str, Tensor]:
        return {} if self.init_image is None else {"foreground": working_size.to_working(self.init_image.layer)}

    def _on_target(self, picture: Float[Tensor, "4 h w"], working_size: WorkingSize) -> Float[Tensor, "4 th tw"]:
        placed = working_size.to_target(self._upscaled(picture, working_size), torch.float32).permute(2, 0, 1)
        return placed if self.init_image is None or self.init_image.merge is None else self.init_image.merge(placed)

    def _upscaled(self, picture: Float[Tensor, "4 h w"], working_size: WorkingSize) -> Float[Tensor, "4 kh kw"]:
        """What was drawn, in more detail where the target has more pixels and the model can enlarge."""
        return self.context.model.upscale(picture) if working_size.needs_upscale else picture

    def _outputs(self, sample: Sample, working_size: WorkingSize) -> list[GeneratedLayer]:
        layers, request, model = [], self.context.request, self.context.model
        common = [length_warning(request, model), *lora_warnings(request, model)]
        for role in output_roles(request):
            picture = sample.pictures.pop("foreground" if role == "layer" else role)
            empty = empty_warning(request, picture)
            dtype = reply_dtype(request)
            if self.init_image is None or self.init_image.merge is None:
                pixels = working_size.to_target(self._upscaled(picture, working_size), dtype)
            else:
                pixels = to_dtype_hwc(self._on_target(picture, working_size), dtype)
            layer = output_layer(self.context, role, sample.seed, pixels)
            found = [*common, empty]
            if sample.opaque:
                found.append(opaque_warning(request, model.vocabulary))
            layers.append(replace(layer, warnings=tuple(each for each in found if each is not None)))
        return layers


@dataclass(frozen=True, eq=False)
class RenderPass:
    """One time through the parts of a job, on one sheet."""

    context: GenerationContext
    working_size: WorkingSize
    params: SamplingParams
    progress: ProgressTracker
    mask: Float[Tensor, "th tw"] | None = None

    @property
    def steps(self) -> int:
        """How many steps it takes for one sample."""
        return len(self.context.way.adapters) * self.params.active_steps * self.working_size.tile_count

    def run(self, samples: Sequence[Sample], everything: bool) -> None:
        """Draw the pictures of the samples: those that are asked for and those that later parts are given, or all."""
        parts = self.context.way.adapters
        made: set[str] = set()
        for number, part in enumerate(parts):
            wanted = {role for later in parts[number + 1 :] for role in later.inputs} | self._requested_roles
            roles = [role for role in part.roles if everything or role in wanted]
            if made & set(part.inputs) - set(self.context.inputs):
                for sample in samples:
                    self._run_adapter(part, roles, [sample], sample.pictures)
            else:
                self._run_adapter(part, roles, samples, {})
            made |= set(part.roles)

    @property
    def _requested_roles(self) -> set[str]:
        return {"foreground" if role == "layer" else role for role in output_roles(self.context.request)}

    def _run_adapter(
        self, part: AdapterSpec, roles: Collection[str], samples: Sequence[Sample], drawn: Mapping[str, Tensor]
    ) -> None:
        with self._adapted_model(part, drawn) as predictor:
            frames = self._frame_batch(part)
            params = _with_stop_at(self.params, part, self.context.request)
            for together in self._batches(part, predictor, frames, samples):
                self.progress.start_stage(params.active_steps * self.working_size.tile_count * len(together))
                starts = [self._init_latents(part, frames, sample) for sample in together]
                noise = [sample.noise for sample in together]
                on_step = self._on_step(part, frames)
                latents = denoise(self.context.model, predictor, params, frames, noise, on_step, starts)
                self.progress.finish_stage()
                for sample, latent in zip(together, latents, strict=True):
                    for index, frame in enumerate(frames.generated):
                        if part.roles[frame] in roles:
                            sample.pictures[part.roles[frame]] = self._decode(part, frame, latent[index : index + 1])

    def _batches(
        self, part: AdapterSpec, predictor: Denoiser, frames: FrameBatch, samples: Sequence[Sample]
    ) -> Iterator[Sequence[Sample]]:
        """The samples that go through the network at a time: several where that does not change their bits."""
        most = self._batch if frames.tiles is None else 1
        for start in range(0, len(samples), most):
            together = samples[start : start + most]
            if len(together) == 1 or is_exact_together(self.context.model, part, predictor, frames, len(together)):
                yield together
            else:
                yield from ([sample] for sample in together)

    @property
    def _batch(self) -> int:
        """How many samples or tiles go through the network at a time; one where an artist's adapters are attached."""
        request = self.context.request
        return 1 if request.controls or all_loras(request) else self.context.model.batch

    def _adapted_model(self, part: AdapterSpec, drawn: Mapping[str, Tensor]) -> AbstractContextManager[Denoiser]:
        request = self.context.request
        given = {}
        if part.conditioning in ("control", "concat"):
            given = {role: drawn[role] if role in drawn else self._inputs[role] for role in part.inputs}
        controls = [
            ControlImage(
                control.kind,
                picture if adapter_kind(control) == STYLE_KIND else self.working_size.to_working(picture),
                control.weight,
                control.start,
                control.end,
            )
            for control, picture in zip(request.controls, self.context.controls, strict=True)
        ]
        return adapted_model(
            self.context.model,
            part,
            given,
            transparency_weight=request.transparency_weight,
            loras=all_loras(request),
            controls=controls,
        )

    @cached_property
    def _inputs(self) -> dict[str, Tensor]:
        """The given layers, as they lie on the sheet."""
        taken = {role for part in self.context.way.adapters for role in part.inputs} & set(self.context.inputs)
        return {role: self.working_size.to_working(self.context.inputs[role]) for role in taken}

    def _frame_batch(self, part: AdapterSpec) -> FrameBatch:
        """The frames of a part; given layers that enter as frames stay clean."""
        given = set(self.context.inputs) if part.conditioning == "frame" else set()
        clean = {
            frame: encode(self.context.model, self._inputs[role], role == part.transparent, self.working_size.tiles)
            for frame, role in enumerate(part.roles)
            if role in given
        }
        embeds = encode_frames(self.context.request, self.context.model, part)
        return FrameBatch(len(part.roles), self.working_size.size, embeds, clean, self.working_size.tiles, self._batch)

    def _init_latents(self, part: AdapterSpec, frames: FrameBatch, sample: Sample) -> InitLatents | None:
        roles = [part.roles[frame] for frame in frames.generated]
        if not set(roles) <= set(sample.init_images):
            return None
        latents = [
            encode(self.context.model, sample.init_images[role], role == part.transparent, self.working_size.tiles)
            for role in roles
        ]
        masks = [_latent_mask(self._inpaint_mask(part, role, sample), latents[0]) for role in roles]
        return InitLatents(torch.cat(latents), torch.cat(masks))

    def _inpaint_mask(self, part: AdapterSpec, role: str, sample: Sample) -> Float[Tensor, "1 h w"] | None:
        """Where something of a layer is to be drawn; None for everywhere."""
        if role != part.transparent or self.working_size.tiles is None:
            return self._working_mask
        # In a tile of a clear part, the model would draw the whole prompt once more.
        visible = _dilate(sample.init_images[role][3:])
        return visible if self._working_mask is None else visible * self._working_mask

    @cached_property
    def _working_mask(self) -> Float[Tensor, "1 h w"] | None:
        return None if self.mask is None else self.working_size.to_working(self.mask.expand(4, -1, -1))[3:]

    def _decode(self, part: AdapterSpec, frame: int, latent: Tensor) -> Tensor:
        transparent = part.roles[frame] == part.transparent
        passes: Passes = self.context.request.passes  # type: ignore[assignment]  # checked
        return decode(self.context.model, latent, transparent, passes, self.working_size.tiles)

    def _on_step(self, part: AdapterSpec, frames: FrameBatch) -> Callable[[float, Callable[[], Tensor] | None], None]:
        shown, picture_of = _preview_frame(part, frames), self.context.model.preview
        transparent = part.roles[frames.generated[shown]] == part.transparent

        def on_step(share: float, predict_x0: Callable[[], Tensor] | None) -> None:
            def preview() -> UInt8[np.ndarray, "h w 4"]:
                assert predict_x0 is not None and picture_of is not None
                latent = predict_x0()[shown : shown + 1]
                return preview_image(picture_of(latent, transparent), self.working_size)

            self.progress.step(share, preview if predict_x0 is not None and picture_of is not None else None)

        return on_step


def _latent_mask(mask: Float[Tensor, "1 h w"] | None, like: Tensor) -> Float[Tensor, "1 1 h/8 w/8"]:
    """1 wherever a latent has anything of the mask under it; without a mask, everywhere."""
    if mask is None:
        return torch.ones_like(like[:, :1])
    return (max_pool2d(mask[None], 8) > VISIBLE_ALPHA).to(like)


def _dilate(alpha: Float[Tensor, "1 h w"]) -> Float[Tensor, "1 h w"]:
    """The alpha of a layer, a little wider than it is."""
    return max_pool2d(alpha[None], 2 * DILATION_PX + 1, stride=1, padding=DILATION_PX)[0]


def _sample(seed: int) -> Sample:
    return Sample(seed, torch.Generator("cpu").manual_seed(seed))


def sampling_params(request: LayerRequest, strength: float = 1.0) -> SamplingParams:
    """The sampling parameters of a request out of `resolve_request`. Raises ValueError for another."""
    if request.steps is None or request.guidance is None or request.sampler is None:
        raise ValueError("the request is not checked: steps, guidance and sampler are still open")
    return SamplingParams(get_sampler(request.sampler), request.steps, request.guidance, strength)


def _with_stop_at(params: SamplingParams, part: AdapterSpec, request: LayerRequest) -> SamplingParams:
    """The course with the share at which this part stops."""
    second = part.conditioning == "concat" and "blend" in part.inputs and params.sampler.name.startswith("DPM")
    stop_at = (CONCAT_DPM_STOP if second else 1.0) if request.stop_at is None else request.stop_at
    return SamplingParams(params.sampler, params.steps, params.guidance, params.strength, stop_at)


def _preview_frame(part: AdapterSpec, frames: FrameBatch) -> int:
    """Which of the drawn frames a preview shows: the blend, which shows all, else the transparent one."""
    roles = [part.roles[frame] for frame in frames.generated]
    return roles.index(next((role for role in ("blend", part.transparent) if role in roles), roles[0]))
