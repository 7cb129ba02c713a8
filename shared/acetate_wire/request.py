"""What an editor asks for: the one typed definition of a request, used on both sides of the socket."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from .element import Element
from .errors import AcetateError
from .field_readers import flag, listing, mapping, number, one_of, text, whole
from .geometry import Rect as Rect
from .modes import MODES

ROLES = ("foreground", "background", "blend", "layer", "mask")
FORMATS = {"rgba8": 4, "bgra8": 4, "rgba16": 8, "bgra16": 8, "rgbaf16": 8, "rgbaf32": 16, "gray8": 1}
"""Pixel formats and their bytes a pixel. Alpha is straight."""
ROWS = ("top-down", "bottom-up")
SPACES = ("srgb", "linear", "icc")
BLENDINGS = ("encoded", "linear")
"""How an editor blends layers: as their colours are encoded, or in linear light."""
PASSES = (1, 2, 4, 8)
"""How many turned and mirrored views the transparent decoder takes the median of."""
RANDOM_SEED_RANGE = 2**32
"""Random seeds stay below this, so that they are short enough to be typed again."""
MOST_STACKED = 16
"""How many layers one stack can have; how many a daemon makes at once, its limits say."""
MOST_SPLIT = 10
"""How many layers a picture can be split into."""
FOUND_LAYERS = 6
"""How many layers a picture is split into at most where nothing is said."""
MOST_CLIP_SKIP = 48
"""The largest `clip_skip`; how many layers the text encoder of a model has, `welcome` says."""
MAX_OFFSET = 1_000_000
"""How far from the canvas's corner a target may start, in pixels."""


@dataclass(frozen=True)
class PictureSpec:
    """How one raw pixel frame is to be read; `space` is `srgb`, `linear` or `icc` (then `profile_frame`
    holds it). Raises AcetateError `bad_request`.
    """

    frame: int
    width: int
    height: int
    format: str = "rgba8"
    rows: str = "top-down"
    space: str = "srgb"
    profile_frame: Optional[int] = None

    def __post_init__(self) -> None:
        """Check every field."""
        whole(self.frame, "frame", 0)
        whole(self.width, "width", 1)
        whole(self.height, "height", 1)
        one_of(self.format, "format", tuple(FORMATS))
        one_of(self.rows, "rows", ROWS)
        one_of(self.space, "space", SPACES)
        _check_profile(self.space, self.profile_frame, "profile_frame")


@dataclass(frozen=True)
class Control:
    """A structure picture that steers the steps from `start` to `end` (shares of the schedule, 0 to 1).

    Raises AcetateError `bad_request`.
    """

    kind: str
    picture: PictureSpec
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        """Check every field."""
        text(self.kind, "kind", 64)
        for name, most in (("weight", 4.0), ("start", 1.0), ("end", 1.0)):
            object.__setattr__(self, name, number(getattr(self, name), name, 0.0, most))
        if self.start > self.end:
            raise AcetateError(
                "bad_request",
                f"start {self.start} is after its end {self.end}",
                field="start",
                hint="start and end are shares of the steps, 0 to 1",
            )


@dataclass(frozen=True)
class Lora:
    """A LoRA file by name or path, and how strongly it applies, -4 to 4. Raises AcetateError `bad_request`."""

    name: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Check every field."""
        text(self.name, "name", 1024)
        object.__setattr__(self, "weight", number(self.weight, "weight", -4.0, 4.0))


@dataclass(frozen=True)
class StackLayer:
    """One layer of a stack: what it shows, and the rectangle of the canvas that it stands in, in pixels.

    Raises AcetateError `bad_request`.
    """

    prompt: str
    target: Rect

    def __post_init__(self) -> None:
        """Check every field."""
        if not text(self.prompt, "prompt").strip():
            raise AcetateError("bad_request", "prompt is empty", field="prompt", hint="say what the layer is to show")
        _target(self.target, "target")


@dataclass(frozen=True)
class LayerRequest:
    """One job: what to make, where it goes on the canvas, and with which settings.

    `target` is in canvas pixels and may reach beyond the canvas. `steps`, `guidance`, `sampler`, `clip_skip`,
    `passes` and `stop_at` fall back to the model's own defaults when None; `seed` None means that the daemon draws
    one. `clip_skip` counts the text encoder's layers from the last one, 1. `fill` says that a layer from words alone
    is to fill the target, whatever its shape; otherwise it is drawn at a shape that the model learned, centred in the
    target, and the rest stays clear. `detail` is how strongly a target over the model's size is drawn over once more
    at its own size, 0 for not at all. `returns` are the roles that come back; without any, those that the mode makes.
    `stack` are the layers of a mode that stacks, from below, each inside the target; `prompt` is then what the
    background shows, where none is given. `element` is for the model `elements` alone. With `keep_matte` a refined
    layer has the alpha of the given one, bit for bit, and only its colours are drawn. `layers` is how many
    a picture is split into, None for as many as are found; `blending` says how the editor blends them. What takes hours
    is only drawn with `however_long`. Layers come back as `reply_format`, `reply_rows` and `reply_space` say (`icc`
    needs `reply_profile_frame`).

    Raises AcetateError `bad_request` naming the field and the way out; what a daemon's Limits allow is not checked.
    """

    mode: str
    canvas: Tuple[int, int]
    target: Rect
    prompt: str
    model: str = "starter"
    negative: str = ""
    layer_prompts: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, PictureSpec] = field(default_factory=dict)
    controls: Tuple[Control, ...] = ()
    seed: Optional[int] = None
    count: int = 1
    steps: Optional[int] = None
    guidance: Optional[float] = None
    sampler: Optional[str] = None
    clip_skip: Optional[int] = None
    passes: Optional[int] = None
    fill: bool = False
    strength: float = 1.0
    transparency_weight: float = 1.0
    stop_at: Optional[float] = None
    loras: Tuple[Lora, ...] = ()
    detail: float = 0.0
    returns: Tuple[str, ...] = ()
    stack: Tuple[StackLayer, ...] = ()
    element: Optional[Element] = None
    keep_matte: bool = False
    layers: Optional[int] = None
    blending: str = "encoded"
    however_long: bool = False
    preview: bool = False
    reply_format: str = "rgba8"
    reply_rows: str = "top-down"
    reply_space: str = "srgb"
    reply_profile_frame: Optional[int] = None

    def __post_init__(self) -> None:
        """Check every field."""
        for name, check in _CHECKS.items():
            given = getattr(self, name)
            value = check(given, name)
            if value is not given:
                object.__setattr__(self, name, value)
        _check_inputs(self)
        _check_stack(self)
        _check_mode_fields(self)
        _check_split(self)
        _check_returns(self)
        _check_profile(self.reply_space, self.reply_profile_frame, "reply_profile_frame")

    @property
    def frames(self) -> int:
        """How many pictures each layer consists of: those of an element's loop, else 1."""
        return 1 if self.element is None else self.element.frames

    def with_seed(self) -> LayerRequest:
        """This request with a random seed, unless it has one."""
        return self if self.seed is not None else replace(self, seed=secrets.randbelow(RANDOM_SEED_RANGE))


def possible_roles(request: LayerRequest) -> Tuple[str, ...]:
    """Every role that this request's mode could bring back, in stacking order from below."""
    spec = MODES[request.mode]
    made = spec.outputs + spec.optional_outputs
    if spec.stacks:
        made = tuple(role for role in made[:-1] if role not in request.inputs) + made[-1:] * len(request.stack)
    if spec.splits:
        made = made[:-1] + made[-1:] * ((request.layers or FOUND_LAYERS) - 1)
    return tuple(role for role in made if role not in spec.one_of or role not in request.inputs) * request.frames


def output_roles(request: LayerRequest) -> Tuple[str, ...]:
    """The roles that one picture of this request brings back, in stacking order from below; a loop's frames in turn."""
    wanted = request.returns or MODES[request.mode].outputs
    return tuple(role for role in possible_roles(request) if role in wanted)


def _canvas(value: object, where: str) -> Tuple[int, int]:
    width, height = listing(value, where, 2, 2)
    return whole(width, f"{where} width", 1, field=where), whole(height, f"{where} height", 1, field=where)


def _target(value: Rect, where: str) -> Rect:
    whole(value.x, f"{where} x", -MAX_OFFSET, MAX_OFFSET, field=where)
    whole(value.y, f"{where} y", -MAX_OFFSET, MAX_OFFSET, field=where)
    return value


def _roles(value: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    for role in value:
        one_of(role, where, ROLES)
    return value


def _layer_prompts(value: object, where: str) -> Mapping[str, str]:
    given = mapping(value, where)
    for role, prompt in _roles(given, where).items():
        text(prompt, f"{where}.{role}")
    return given


def _passes(value: object, where: str) -> int:
    if value not in PASSES or isinstance(value, bool):
        raise AcetateError(
            "bad_request",
            f"{where} is {value!r}",
            field=where,
            hint=f"it must be one of {', '.join(map(str, PASSES))}: more is slower and cleaner",
        )
    return int(str(value))


def _element(value: object, where: str) -> Element:
    if not isinstance(value, Element):
        raise AcetateError("bad_request", f"{where} is no element", field=where, hint="give its kind or its parameters")
    return value


def _optional(check: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    return lambda value, where: None if value is None else check(value, where)


def _share(value: object, where: str) -> float:
    return number(value, where, 0.0, 1.0)


_CHECKS: Dict[str, Callable[[Any, str], Any]] = {
    "mode": lambda value, where: one_of(value, where, tuple(MODES)),
    "canvas": _canvas,
    "target": _target,
    "prompt": text,
    "model": lambda value, where: text(value, where, 1024),
    "negative": text,
    "layer_prompts": _layer_prompts,
    "inputs": _roles,
    "controls": lambda value, where: tuple(listing(value, where, 0, 8)),
    "seed": _optional(lambda value, where: whole(value, where, 0, 2**64 - 1)),
    "count": lambda value, where: whole(value, where, 1),
    "steps": _optional(lambda value, where: whole(value, where, 1, 1000)),
    "guidance": _optional(lambda value, where: number(value, where, 0.0, 100.0)),
    "sampler": _optional(lambda value, where: text(value, where, 64)),
    "clip_skip": _optional(lambda value, where: whole(value, where, 1, MOST_CLIP_SKIP)),
    "passes": _optional(_passes),
    "fill": flag,
    "strength": _share,
    "transparency_weight": lambda value, where: number(value, where, 0.0, 2.0),
    "stop_at": _optional(_share),
    "loras": lambda value, where: tuple(listing(value, where, 0, 16)),
    "detail": _share,
    "returns": lambda value, where: tuple(one_of(role, where, ROLES) for role in listing(value, where, 0, len(ROLES))),
    "stack": lambda value, where: tuple(listing(value, where, 0, MOST_STACKED)),
    "element": _optional(_element),
    "keep_matte": flag,
    "layers": _optional(lambda value, where: whole(value, where, 1, MOST_SPLIT)),
    "blending": lambda value, where: one_of(value, where, BLENDINGS),
    "however_long": flag,
    "preview": flag,
    "reply_format": lambda value, where: one_of(value, where, tuple(FORMATS)),
    "reply_rows": lambda value, where: one_of(value, where, ROWS),
    "reply_space": lambda value, where: one_of(value, where, SPACES),
}
"""What each field of a request must be, as the value that it gets."""


def _check_profile(space: str, frame: Optional[int], where: str) -> None:
    if frame is not None:
        whole(frame, where, 0)
    if (space == "icc") != (frame is not None):
        raise AcetateError(
            "bad_request",
            f"{where} is {'missing' if frame is None else 'given'}, but the space is {space}",
            field=where,
            hint="an ICC profile goes with the space icc, in a frame of its own",
        )


def _check_inputs(request: LayerRequest) -> None:
    spec = MODES[request.mode]
    for role in spec.inputs:
        if role not in request.inputs:
            raise AcetateError(
                "bad_request",
                f"the mode {request.mode} needs a picture for the role {role}",
                field=f"inputs.{role}",
                hint="choose the layer that it is to work on",
            )
    if spec.one_of and len(set(spec.one_of) & set(request.inputs)) != 1:
        raise AcetateError(
            "bad_request",
            f"the mode {request.mode} needs the {' or the '.join(spec.one_of)} beside the {spec.inputs[0]}, "
            "and finds the other",
            field="inputs",
            hint="choose the one layer that is already there",
        )


def _check_stack(request: LayerRequest) -> None:
    if MODES[request.mode].stacks != bool(request.stack):
        raise AcetateError(
            "bad_request",
            "the stack has no layer" if not request.stack else f"the mode {request.mode} draws no stack",
            field="stack",
            hint="name at least one layer" if not request.stack else "leave it out, or use the mode stack",
        )
    for index, layer in enumerate(request.stack):
        if not request.target.contains(layer.target):
            raise AcetateError(
                "bad_request",
                f"stack[{index}].target reaches beyond the target of the request",
                field=f"stack[{index}].target",
                hint="cut it to what lies inside",
            )


def _check_mode_fields(request: LayerRequest) -> None:
    """Fields that one mode alone has a use for are given in no other."""
    for name, given, mode in (
        ("element", request.element is not None, "text"),
        ("keep_matte", request.keep_matte, "refine"),
        ("layers", request.layers is not None, "split"),
        ("blending", request.blending != "encoded", "split"),
    ):
        if given and request.mode != mode:
            raise AcetateError(
                "bad_request",
                f"{name} means nothing in the mode {request.mode}",
                field=name,
                hint=f"leave it out, or use the mode {mode}",
            )


def _check_split(request: LayerRequest) -> None:
    if MODES[request.mode].splits and request.layers is None and request.count > 1:
        raise AcetateError(
            "bad_request",
            f"{request.count} pictures, each of as many layers as are found, cannot be told apart",
            field="count",
            hint="say how many layers each is to have, or ask for one",
        )


def _check_returns(request: LayerRequest) -> None:
    possible = possible_roles(request)
    for role in request.returns:
        if role not in possible:
            raise AcetateError(
                "bad_request",
                f"the mode {request.mode} makes no {role} out of this",
                field="returns",
                hint=f"choose from {', '.join(possible)}",
            )
