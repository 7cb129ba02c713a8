"""Drawing a job: its parts one after the other, first near the model's size, then at the target's where asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

import torch
from acetate_wire.request import LayerRequest, output_roles
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import max_pool2d

from acetate.adapters.attach import ControlPicture, Predictor
from acetate.image.resample import to_dtype_hwc
from acetate.image.sizes import Size
from acetate.models.adapter_files import STYLE
from acetate.models.prompt_embeds import TextStates
from acetate.models.recipes import Part
from acetate.models.samplers import sampler_named
from acetate.pipelines.context import Job, Layer
from acetate.pipelines.latent_codec import decode, encode
from acetate.pipelines.metadata import Settings, picture_hash
from acetate.pipelines.opaque import STRIDE, TRIES, can_be_opaque, is_opaque, opaque_warning
from acetate.pipelines.progress import Pace
from acetate.pipelines.sampling import Course, Frames, Start, denoise
from acetate.pipelines.validation import adapter_kind
from acetate.pipelines.working_size import Sheet
from acetate.transparency import Passes

SEEDS = 2**64
VISIBLE = 1 / 255
MARGIN = 4
"""How far detail may go beyond what is visible of a transparent layer, in pixels."""
PREVIEW_SIDE = 256
SECOND_STEP_STOP = 0.62
"""Where a part that is given both a layer and the blend stops by itself with a DPM sampler: later its picture gets
dirty (LayerDiffuse's own users found this out).
"""
PIXELS = {
    "rgba8": torch.uint8,
    "bgra8": torch.uint8,
    "rgba16": torch.uint16,
    "bgra16": torch.uint16,
    "rgbaf16": torch.float16,
    "rgbaf32": torch.float32,
}
"""The number format of each reply format."""

Merge: TypeAlias = Callable[[Tensor], Tensor]
"""What is done to a layer "4 th tw" in the target's size, whenever one is drawn."""


@dataclass(frozen=True, eq=False)
class Origin:
    """A layer of the target to start from instead of noise; with `mask`, only where it is over 0 is drawn anew."""

    layer: Float[Tensor, "4 th tw"]
    mask: Float[Tensor, "th tw"] | None = None
    merge: Merge | None = None


@dataclass(eq=False)
class Sample:
    """One of the pictures that a request counts: its seed, its noise, and what is drawn of it so far.

    `pictures` are "4 h w" by role, as large as the present sheet; so are `starts`, what the next drawing starts from.
    `opaque` tells that no seed gave it clear surroundings.
    """

    seed: int
    noise: torch.Generator
    pictures: dict[str, Tensor] = field(default_factory=dict)
    starts: dict[str, Tensor] = field(default_factory=dict)
    opaque: bool = False


@dataclass(frozen=True, eq=False)
class Drawing:
    """Draws the layers of a job."""

    job: Job
    origin: Origin | None = None

    def layers(self) -> tuple[Layer, ...]:
        """`count` times the layers that were asked for, from seeds that count up, in stacking order from below.

        Each sample is computed alone, so that a seed gives the same layers in any company.
        """
        request = self.job.request
        rounds = self._rounds()
        samples = [_sample(((request.seed or 0) + index) % SEEDS) for index in range(request.count)]
        for sample in samples:
            sample.starts = self._origin_on(rounds[0].sheet)
        for number, present in enumerate(rounds):
            following = rounds[number + 1 :]
            present.draw(samples, everything=bool(following))
            if number == 0 and self.origin is None and can_be_opaque(request):
                samples = [self._with_clear_surroundings(sample, present, bool(following)) for sample in samples]
            for sample in samples if following else ():
                sample.starts = {
                    role: following[0].sheet.gathered(self._on_target(picture, present.sheet))
                    for role, picture in sample.pictures.items()
                }
                sample.pictures.clear()
        return tuple(layer for sample in samples for layer in self._finished(sample, rounds[-1].sheet))

    @property
    def steps(self) -> int:
        """How many steps all of it takes."""
        return self._rounds()[0].pace.steps

    def _with_clear_surroundings(self, sample: Sample, present: Round, everything: bool) -> Sample:
        """The sample, or where that is opaque to its border, the first of a few other seeds that is not."""
        for attempt in range(TRIES + 1):
            tried = sample if attempt == 0 else _sample((sample.seed + attempt * STRIDE) % SEEDS)
            if attempt > 0:
                present.pace.more(present.steps)
                present.draw([tried], everything)
            if not is_opaque(tried.pictures["foreground"]):
                return tried
        sample.opaque = True
        return sample

    def _rounds(self) -> list[Round]:
        """One at the model's size, and with detail another at that of a larger target."""
        request, learned = self.job.request, self.job.model.entry.learned
        sheets = [Sheet.native(request, learned)]
        strengths = [1.0 if self.origin is None else request.strength]
        size = sheets[0].size
        if request.detail > 0 and request.target.width * request.target.height > size.width * size.height:
            sheets.append(Sheet.full(sheets[0].target, learned.side))
            strengths.append(request.detail)
        courses = [_course(request, strength) for strength in strengths]
        pace = Pace(self.job.report, 0, request.preview)
        mask = None if self.origin is None else self.origin.mask
        rounds = [Round(self.job, sheet, course, pace, mask) for course, sheet in zip(courses, sheets, strict=True)]
        pace.more(request.count * sum(each.steps for each in rounds))
        return rounds

    def _origin_on(self, sheet: Sheet) -> dict[str, Tensor]:
        return {} if self.origin is None else {"foreground": sheet.gathered(self.origin.layer)}

    def _on_target(self, picture: Float[Tensor, "4 h w"], sheet: Sheet) -> Float[Tensor, "4 th tw"]:
        placed = sheet.placed(self._enlarged(picture, sheet), torch.float32).permute(2, 0, 1)
        return placed if self.origin is None or self.origin.merge is None else self.origin.merge(placed)

    def _enlarged(self, picture: Float[Tensor, "4 h w"], sheet: Sheet) -> Float[Tensor, "4 kh kw"]:
        """What was drawn, in more detail where the target has more pixels and the model can enlarge."""
        return self.job.model.enlarged(picture) if sheet.enlarges else picture

    def _finished(self, sample: Sample, sheet: Sheet) -> list[Layer]:
        layers = []
        for role in output_roles(self.job.request):
            picture = sample.pictures.pop("foreground" if role == "layer" else role)
            dtype = pixel_type(self.job.request)
            if self.origin is None or self.origin.merge is None:
                pixels = sheet.placed(self._enlarged(picture, sheet), dtype)
            else:
                pixels = to_dtype_hwc(self._on_target(picture, sheet), dtype)
            layer = finished(self.job, role, sample.seed, pixels)
            if sample.opaque:
                warning = opaque_warning(self.job.request, self.job.model.vocabulary)
                layer = replace(layer, warnings=(warning,))
            layers.append(layer)
        return layers


@dataclass(frozen=True, eq=False)
class Round:
    """One time through the parts of a job, on one sheet."""

    job: Job
    sheet: Sheet
    course: Course
    pace: Pace
    mask: Float[Tensor, "th tw"] | None = None

    @property
    def steps(self) -> int:
        """How many steps it takes for one sample."""
        return len(self.job.way.parts) * self.course.kept * self.sheet.parts

    def draw(self, samples: Sequence[Sample], everything: bool) -> None:
        """Draw the pictures of the samples: those that are asked for and those that later parts are given, or all."""
        parts = self.job.way.parts
        made: set[str] = set()
        for number, part in enumerate(parts):
            wanted = {role for later in parts[number + 1 :] for role in later.given} | self._asked
            roles = [role for role in part.frames if everything or role in wanted]
            if made & set(part.given) - set(self.job.inputs):
                for sample in samples:
                    self._draw_part(part, roles, [sample], sample.pictures)
            else:
                self._draw_part(part, roles, samples, {})
            made |= set(part.frames)

    @property
    def _asked(self) -> set[str]:
        return {"foreground" if role == "layer" else role for role in output_roles(self.job.request)}

    def _draw_part(
        self, part: Part, roles: Collection[str], samples: Sequence[Sample], drawn: Mapping[str, Tensor]
    ) -> None:
        with self._prepared(part, drawn) as predictor:
            frames = self._frames(part)
            course = _stopped(self.course, part, self.job.request)
            for sample in samples:
                self.pace.begin(course.kept * self.sheet.parts)
                start = self._start(part, frames, sample)
                latent = denoise(
                    self.job.model, predictor, course, frames, sample.noise, self._on_step(part, frames), start
                )
                self.pace.drawn()
                for index, frame in enumerate(frames.drawn):
                    if part.frames[frame] in roles:
                        sample.pictures[part.frames[frame]] = self._decoded(part, frame, latent[index : index + 1])

    def _prepared(self, part: Part, drawn: Mapping[str, Tensor]) -> AbstractContextManager[Predictor]:
        request = self.job.request
        given = {}
        if part.enters in ("control", "concat"):
            given = {role: drawn[role] if role in drawn else self._inputs[role] for role in part.given}
        controls = [
            ControlPicture(
                control.kind,
                picture if adapter_kind(control) == STYLE else self.sheet.gathered(picture),
                control.weight,
                control.start,
                control.end,
            )
            for control, picture in zip(request.controls, self.job.controls, strict=True)
        ]
        return self.job.model.prepared(
            part, given, transparency_weight=request.transparency_weight, loras=request.loras, controls=controls
        )

    @cached_property
    def _inputs(self) -> dict[str, Tensor]:
        """The given layers, as they lie on the sheet."""
        taken = {role for part in self.job.way.parts for role in part.given} & set(self.job.inputs)
        return {role: self.sheet.gathered(self.job.inputs[role]) for role in taken}

    def _frames(self, part: Part) -> Frames:
        """The frames of a part; given layers that enter as frames stay clean."""
        given = set(self.job.inputs) if part.enters == "frame" else set()
        clean = {
            frame: encode(self.job.model, self._inputs[role], role == part.transparent, self.sheet.tiles)
            for frame, role in enumerate(part.frames)
            if role in given
        }
        return Frames(len(part.frames), self.sheet.size, self._states(part), clean, self.sheet.tiles)

    @torch.inference_mode()
    def _states(self, part: Part) -> TextStates:
        """What the UNet reads: for every frame the negative prompt, then each frame's own or the common prompt.

        Where the model's captions had marks of their role, all of these have them too, so that even an empty prompt
        asks for a layer in a layer's frame.
        """
        request, vocabulary = self.job.request, self.job.model.vocabulary
        prompts = [request.layer_prompts.get(role, request.prompt) for role in part.frames]
        negatives = [request.negative] * len(prompts)
        if vocabulary is not None:
            prompts, negatives = (
                [vocabulary.marked(text, frame) for text, frame in zip(texts, part.frames, strict=True)]
                for texts in (prompts, negatives)
            )
        texts = list(dict.fromkeys([*negatives, *prompts]))
        states = self.job.model.text.encode(texts)
        asked = prompts if request.guidance == 1 else negatives + prompts
        return states.rows([texts.index(text) for text in asked])

    def _start(self, part: Part, frames: Frames, sample: Sample) -> Start | None:
        roles = [part.frames[frame] for frame in frames.drawn]
        if not set(roles) <= set(sample.starts):
            return None
        latents = [
            encode(self.job.model, sample.starts[role], role == part.transparent, self.sheet.tiles) for role in roles
        ]
        masks = [_latent_mask(self._reach(part, role, sample), latents[0]) for role in roles]
        return Start(torch.cat(latents), torch.cat(masks))

    def _reach(self, part: Part, role: str, sample: Sample) -> Float[Tensor, "1 h w"] | None:
        """Where something of a layer is to be drawn; None for everywhere."""
        if role != part.transparent or self.sheet.tiles is None:
            return self._mask_on_sheet
        # In a tile of a clear part, the model would draw the whole prompt once more.
        visible = _near(sample.starts[role][3:])
        return visible if self._mask_on_sheet is None else visible * self._mask_on_sheet

    @cached_property
    def _mask_on_sheet(self) -> Float[Tensor, "1 h w"] | None:
        return None if self.mask is None else self.sheet.gathered(self.mask.expand(4, -1, -1))[3:]

    def _decoded(self, part: Part, frame: int, latent: Tensor, passes: Passes | None = None) -> Tensor:
        transparent = part.frames[frame] == part.transparent
        chosen: Passes = self.job.request.passes if passes is None else passes  # type: ignore[assignment]  # checked
        return decode(self.job.model, latent, transparent, chosen, self.sheet.tiles)

    def _on_step(self, part: Part, frames: Frames) -> Callable[[float, Callable[[], Tensor] | None], None]:
        shown = _shown(part, frames)

        def preview(heading: Callable[[], Tensor]) -> UInt8[Tensor, "h w 4"]:
            latent = heading()[shown : shown + 1]
            return _small(self._decoded(part, frames.drawn[shown], latent, passes=1), self.sheet)

        def on_step(share: float, heading: Callable[[], Tensor] | None) -> None:
            whole = heading is not None and self.sheet.tiles is None
            self.pace.step(share, (lambda: preview(heading)) if whole and heading is not None else None)

        return on_step


def _latent_mask(mask: Float[Tensor, "1 h w"] | None, like: Tensor) -> Float[Tensor, "1 1 h/8 w/8"]:
    """1 wherever a latent has anything of the mask under it; without a mask, everywhere."""
    if mask is None:
        return torch.ones_like(like[:, :1])
    return (max_pool2d(mask[None], 8) > VISIBLE).to(like)


def _near(alpha: Float[Tensor, "1 h w"]) -> Float[Tensor, "1 h w"]:
    """The alpha of a layer, a little wider than it is."""
    return max_pool2d(alpha[None], 2 * MARGIN + 1, stride=1, padding=MARGIN)[0]


def pixel_type(request: LayerRequest) -> torch.dtype:
    """The number format of a request's finished layers."""
    return PIXELS[request.reply_format] if request.reply_space == "srgb" else torch.float32


def finished(job: Job, role: str, seed: int, pixels: Tensor) -> Layer:
    """A layer with its name, its place, and the settings that make it again."""
    request = job.request
    own = request.layer_prompts.get(role, "")
    alone = [role] == [other for other in output_roles(request) if other != "blend"]
    return Layer(
        name=own or (request.prompt if alone else "") or role,
        role=role,
        x=request.target.x,
        y=request.target.y,
        picture=pixels,
        settings=Settings.of(
            request,
            seed,
            role,
            {name: picture_hash(given) for name, given in job.inputs.items()},
            [picture_hash(given) for given in job.controls],
        ),
    )


def _sample(seed: int) -> Sample:
    return Sample(seed, torch.Generator("cpu").manual_seed(seed))


def _course(request: LayerRequest, strength: float) -> Course:
    if request.steps is None or request.guidance is None or request.sampler is None:
        raise ValueError("the request is not checked: steps, guidance and sampler are still open")
    return Course(sampler_named(request.sampler), request.steps, request.guidance, strength)


def _stopped(course: Course, part: Part, request: LayerRequest) -> Course:
    """The course with the share at which this part stops."""
    second = part.enters == "concat" and "blend" in part.given and course.sampler.name.startswith("DPM")
    stop_at = (SECOND_STEP_STOP if second else 1.0) if request.stop_at is None else request.stop_at
    return Course(course.sampler, course.steps, course.guidance, course.strength, stop_at)


def _shown(part: Part, frames: Frames) -> int:
    """Which of the drawn frames a preview shows: the blend, which shows all, else the transparent one."""
    roles = [part.frames[frame] for frame in frames.drawn]
    return roles.index(next((role for role in ("blend", part.transparent) if role in roles), roles[0]))


def _small(rgba: Float[Tensor, "4 h w"], sheet: Sheet) -> UInt8[Tensor, "h w 4"]:
    target = sheet.target
    scale = min(1.0, PREVIEW_SIDE / max(target.width, target.height))
    size = Size(max(1, round(target.width * scale)), max(1, round(target.height * scale)))
    return sheet.placed(rgba, torch.uint8, size)
