"""From typed options to a checked request, with the pictures that it works on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acetate_wire.element import ELEMENTS
from acetate_wire.errors import AcetateError
from acetate_wire.limits import Limits
from acetate_wire.modes import MODES
from acetate_wire.request import Control, LayerRequest, PictureSpec, Rect, StackLayer
from acetate_wire.request_codec import check_limits

import acetate
from acetate.cli.adapter_options import parse_controls, parse_lora
from acetate.cli.areas import Area
from acetate.cli.console import echo
from acetate.cli.elements import NO_ELEMENT, ElementOptions
from acetate.cli.options import Options
from acetate.cli.submit import ResultLayer
from acetate.i18n import tr as _
from acetate.models.registry import ModelRegistry
from acetate.models.vocabulary import load_vocabulary
from acetate.pipelines import resolve_request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from acetate.pipelines.metadata import GenerationMetadata

SIZE = re.compile(r"(\d{1,9})(?:[xX×](\d{1,9}))?")


@dataclass(frozen=True, eq=False)
class PreparedRequest:
    """A checked request and the pixels of its pictures, RGBA "h w 4": by role, and of its controls in order.

    Where only an area of the given pictures is worked on, `whole` are those pictures.
    """

    request: LayerRequest
    pictures: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    controls: tuple[NDArray[np.uint8], ...] = ()
    area: Area | None = None
    whole: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)

    @property
    def frames(self) -> list[Any]:
        """The pixels in the order in which the request's headers name them."""
        return [pixels.tobytes() for pixels in (*self.pictures.values(), *self.controls)]

    def placed(self, layers: Sequence[ResultLayer]) -> list[ResultLayer]:
        """The layers in the size of the given pictures."""
        area = self.area
        return list(layers) if area is None else [area.placed(layer, self.whole) for layer in layers]


def build_request(
    mode: str,
    options: Options,
    given: Mapping[str, Path | None],
    element: ElementOptions = NO_ELEMENT,
    **changes: Any,
) -> PreparedRequest:
    """The request that the options of a command mean.

    `given` are the files of the pictures that the mode works on, by role. `changes` are fields of the request that
    this mode has options for; None leaves a field as it is by default, or in the layer of `--like`. A `stack` is the
    prompts of its layers, each of which gets all of the canvas. Words that the model never saw are named on standard
    error. Raises AcetateError.
    """
    stacked: tuple[str, ...] = changes.pop("stack", ())
    catalogue = ModelRegistry()
    changes |= {
        "negative": options.negative,
        "seed": options.seed,
        "steps": options.steps,
        "guidance": options.guidance,
        "sampler": options.sampler,
        "clip_skip": options.clip_skip,
        "model": options.model,
        "passes": options.passes,
        "detail": options.detail,
        "fill": options.fill,
        "transparency_weight": options.transparency,
        "stop_at": options.stop_at,
        "however_long": options.however_long or None,
    }
    if options.lora:
        changes["loras"] = tuple(parse_lora(text) for text in options.lora)
    wanted = {name: value for name, value in changes.items() if value is not None}
    former, roles = (None, ()) if options.like is None else _former(options.like, mode)
    former_element = None if former is None else former.element
    wanted["element"] = element.element(former_element, "prompt" in wanted)
    whole = _read(given)
    fill = options.fill if former is None or options.fill is not None else former.fill
    area = None if fill or options.size is not None else _area(whole, former, catalogue, wanted)
    pictures = whole if area is None else {role: area.cut(picture) for role, picture in whole.items()}
    _check_former(given, pictures, former, options.like)
    steering = parse_controls(options, former)
    if area is not None:
        steering = tuple(area.cut_steering(control) for control in steering)
    steering_pixels = tuple(control.pixels for control in steering)
    headers = picture_headers([*pictures.values(), *steering_pixels])
    inputs = dict(zip(pictures, headers, strict=False))
    wanted["controls"] = tuple(
        Control(control.kind, header, control.weight)
        for control, header in zip(steering, headers[len(pictures) :], strict=True)
    )
    request = _base(mode, former, roles, inputs, catalogue, wanted, stacked)
    changed = {"count": options.count, **wanted}
    if options.size is not None:
        width, height = parse_size(options.size)
        target = Rect(0, 0, width, height)
        stack = tuple(StackLayer(prompt, target) for prompt in stacked)
        changed |= {"canvas": (width, height), "target": target, "stack": stack}
    request = replace(request, **changed)
    # What the daemon would refuse is refused before one is started; it fills in the defaults itself.
    check_limits(request, Limits())
    if request.model == ELEMENTS:
        from acetate.worker.element_engine import ElementEngine

        ElementEngine.resolve(request)
    else:
        resolve_request(request, catalogue)
        _warn_of_unknown_words(request, catalogue)
    return PreparedRequest(request, pictures, steering_pixels, area, whole)


def _area(
    pictures: Mapping[str, NDArray[np.uint8]],
    former: GenerationMetadata | None,
    catalogue: ModelRegistry,
    wanted: Mapping[str, Any],
) -> Area | None:
    """The part of the given pictures to work on: that of the former layer, or where there is something to do."""
    if not pictures or wanted.get("model") == ELEMENTS:
        return None
    if former is None:
        return Area.worked_on(pictures, catalogue.entry(wanted.get("model", "starter")))
    return None if former.area is None else Area.of_settings(former.area, pictures)


def picture_headers(pictures: Iterable[NDArray[np.uint8]]) -> list[PictureSpec]:
    """Headers for pictures, a frame each in their order."""
    return [PictureSpec(frame, pixels.shape[1], pixels.shape[0]) for frame, pixels in enumerate(pictures)]


def parse_size(text: str) -> tuple[int, int]:
    """Width and height out of `N` or `WxH`. Raises AcetateError when it is neither; ranges are checked later."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise AcetateError(
            "bad_request", f"size is {text!r}", field="size", hint="give one number, 512, or two, 640x480"
        )
    width = int(match[1])
    height = int(match[2] or width)
    for side in (width, height):
        if side < 1:
            raise AcetateError("bad_request", f"size {text} has no pixels", field="size", hint="give 1 or more")
    return width, height


def _base(
    mode: str,
    former: GenerationMetadata | None,
    roles: tuple[str, ...],
    inputs: Mapping[str, PictureSpec],
    catalogue: ModelRegistry,
    wanted: Mapping[str, Any],
    stacked: tuple[str, ...],
) -> LayerRequest:
    """The request that options change: another layer's, or one of the given pictures' or the model's own size."""
    if former is not None:
        # A picture that is split comes back whole, whichever of its layers the settings are from.
        return replace(former.request(inputs), returns=() if MODES[mode].splits else roles)
    if mode == "text" and "prompt" not in wanted:
        raise AcetateError(
            "bad_request",
            _("there is no prompt"),
            field="prompt",
            hint=_('say what the layer is to show, as in: acetate generate "a red apple" -o apple.png'),
        )
    name = wanted.get("model", "starter")
    if inputs:
        first = next(iter(inputs.values()))
        width, height = first.width, first.height
    else:
        width = height = _elements_size() if name == ELEMENTS else catalogue.entry(name).full_size
    target = Rect(0, 0, width, height)
    stack = tuple(StackLayer(prompt, target) for prompt in stacked)
    return LayerRequest(mode, (width, height), target, prompt="", model=name, inputs=inputs, stack=stack)


def _elements_size() -> int:
    from acetate.worker.element_engine import NATIVE_SIZE

    return NATIVE_SIZE


def _former(like: Path, mode: str) -> tuple[GenerationMetadata, tuple[str, ...]]:
    """The settings of the layers in a file, and the roles of those layers."""
    from acetate.cli.input_files import read_settings

    settings, roles = read_settings(like)
    if settings.mode != mode:
        command = "generate" if settings.mode == "text" else settings.mode
        raise AcetateError(
            "bad_request",
            f"{like} was made in the mode {settings.mode}",
            field="like",
            hint=f"use acetate {command} --like {like}",
        )
    if settings.version != acetate.__version__:
        echo(
            _("{file} was made by Acetate {version}; this version may draw it differently").format(
                file=like, version=settings.version
            ),
            err=True,
        )
    return settings, roles


def _read(given: Mapping[str, Path | None]) -> dict[str, NDArray[np.uint8]]:
    """The pixels of the given files by role."""
    from acetate.cli.input_files import read_pixels

    return {role: read_pixels(path, role) for role, path in given.items() if path is not None}


def _check_former(
    given: Mapping[str, Path | None],
    pictures: Mapping[str, NDArray[np.uint8]],
    former: GenerationMetadata | None,
    like: Path | None,
) -> None:
    """The pictures that a former layer was made from are there. Says so where they are other ones."""
    from acetate.cli.layer_png import pixels_digest

    for role, digest in ({} if former is None else former.inputs).items():
        if role not in pictures:
            raise AcetateError(
                "bad_request",
                f"{like} was made from a picture for the role {role}, which it does not hold",
                field=role,
                hint=f"give that picture again: --{role} FILE",
            )
        if pixels_digest(pictures[role]) != digest:
            echo(_("{file} is not the picture that {like} was made from").format(file=given[role], like=like), err=True)


def _warn_of_unknown_words(request: LayerRequest, catalogue: ModelRegistry) -> None:
    vocabulary = load_vocabulary(catalogue.entry(request.model).folder)
    if vocabulary is None:
        return
    prompts = [request.prompt, *request.layer_prompts.values(), *(layer.prompt for layer in request.stack)]
    for unknown in dict.fromkeys(unknown for prompt in prompts for unknown in vocabulary.unknown(prompt)):
        if unknown.nearest:
            text = _("{model} does not know: {word}; nearest: {nearest}")
        else:
            text = _("{model} does not know: {word}")
        echo(text.format(model=request.model, word=unknown.text, nearest=unknown.nearest), err=True)
