"""A request from the wire, checked field by field against `LayerRequest`, and back into a map.

Every refusal names the field, the limit and the way out. `LayerRequest` is the one definition: a field that
it does not have is rejected by name, and each of its fields has exactly one reader here.
"""

from __future__ import annotations

from dataclasses import MISSING, asdict, fields
from typing import Any, Callable, Dict, List, Sequence, Set, Tuple, Type

from . import field_readers
from .errors import AcetateError
from .limits import Limits
from .pictures import check_frames, picture_to_map
from .request import (
    FORMATS,
    MODES,
    PASSES,
    REQUIRED_INPUTS,
    ROLES,
    ROWS,
    SPACES,
    Control,
    LayerRequest,
    Lora,
    PictureSpec,
    Rect,
    output_roles,
    possible_roles,
)

LONGEST_NAME = 60
"""How much of an unknown field's name a refusal repeats."""
MAX_OFFSET = 1_000_000
"""How far from the canvas's corner a target may start, in pixels."""


def decode_request(source: object, frame_sizes: Sequence[int], limits: Limits) -> LayerRequest:
    """The request in a `submit` header. `frame_sizes` are the bytes of the message's frames.

    Raises AcetateError `bad_request` or `too_large`, naming the field.
    """
    given = _record(source, LayerRequest, "request")
    request = LayerRequest(**{name: _READERS[name](value, name, limits) for name, value in given.items()})
    _check_inputs(request)
    _check_returns(request)
    _check_frames(request, frame_sizes)
    _check_answer(request, limits)
    return request


def encode_request(request: LayerRequest) -> Dict[str, Any]:
    """A request as it stands in a `submit` header; fields at their defaults are left out."""
    out: Dict[str, Any] = {}
    for entry in fields(request):
        value = getattr(request, entry.name)
        default = entry.default_factory() if entry.default_factory is not MISSING else entry.default
        if default is MISSING or value != default:
            out[entry.name] = value
    out["canvas"] = list(request.canvas)
    target = request.target
    out["target"] = [target.x, target.y, target.width, target.height]
    if "layer_prompts" in out:
        out["layer_prompts"] = dict(request.layer_prompts)
    if "inputs" in out:
        out["inputs"] = {role: picture_to_map(picture) for role, picture in request.inputs.items()}
    if "controls" in out:
        out["controls"] = [{**asdict(c), "picture": picture_to_map(c.picture)} for c in request.controls]
    if "returns" in out:
        out["returns"] = list(request.returns)
    if "loras" in out:
        out["loras"] = [asdict(lora) for lora in request.loras]
    return out


def _record(source: object, kind: Type[Any], where: str) -> Dict[str, Any]:
    """A map that has all fields of `kind` without a default, and none that `kind` does not have."""
    given = field_readers.mapping(source, where)
    known = {entry.name: entry for entry in fields(kind)}
    for name in given:
        if name not in known:
            raise AcetateError(
                "bad_request",
                f"{where} has no field {name[:LONGEST_NAME]!r}",
                field=name[:LONGEST_NAME] if where == "request" else f"{where}.{name[:LONGEST_NAME]}",
                hint=f"leave it out; known are {', '.join(known)}",
            )
    for name, entry in known.items():
        if entry.default is MISSING and entry.default_factory is MISSING and name not in given:
            raise AcetateError(
                "bad_request",
                f"{where} has no {name}",
                field=name if where == "request" else f"{where}.{name}",
                hint="it has no default, so it must be given",
            )
    return given


def _canvas(value: object, where: str, limits: Limits) -> Tuple[int, int]:
    width, height = field_readers.listing(value, where, 2, 2)
    return _side(width, f"{where} width", where, limits), _side(height, f"{where} height", where, limits)


def _target(value: object, where: str, limits: Limits) -> Rect:
    x, y, width, height = field_readers.listing(value, where, 4, 4)
    return Rect(
        field_readers.whole(x, f"{where} x", -MAX_OFFSET, MAX_OFFSET, field=where),
        field_readers.whole(y, f"{where} y", -MAX_OFFSET, MAX_OFFSET, field=where),
        _side(width, f"{where} width", where, limits),
        _side(height, f"{where} height", where, limits),
    )


def _side(value: object, name: str, field: str, limits: Limits) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > limits.side:
        raise AcetateError(
            "too_large",
            f"{name} {value} is over this daemon's limit of {limits.side}",
            field=field,
            hint="choose a smaller selection, or generate at half size and scale up",
        )
    return field_readers.whole(value, name, 1, limits.side, field=field)


def _picture(value: object, where: str, limits: Limits) -> PictureSpec:
    given = _record(value, PictureSpec, where)
    picture = PictureSpec(
        frame=field_readers.whole(given["frame"], f"{where}.frame", 0, limits.frames - 1),
        width=_side(given["width"], f"{where}.width", f"{where}.width", limits),
        height=_side(given["height"], f"{where}.height", f"{where}.height", limits),
        format=field_readers.one_of(given.get("format", "rgba8"), f"{where}.format", tuple(FORMATS)),
        rows=field_readers.one_of(given.get("rows", "top-down"), f"{where}.rows", ROWS),
        space=field_readers.one_of(given.get("space", "srgb"), f"{where}.space", SPACES),
        profile_frame=_frame_or_none(given.get("profile_frame"), f"{where}.profile_frame", limits),
    )
    _check_profile(picture.space, picture.profile_frame, f"{where}.profile_frame")
    return picture


def _check_profile(space: str, frame: object, where: str) -> None:
    if (space == "icc") != (frame is not None):
        raise AcetateError(
            "bad_request",
            f"{where} is {'missing' if frame is None else 'given'}, but the space is {space}",
            field=where,
            hint="an ICC profile goes with the space icc, in a frame of its own",
        )


def _frame_or_none(value: object, where: str, limits: Limits) -> Any:
    return None if value is None else field_readers.whole(value, where, 0, limits.frames - 1)


def _inputs(value: object, where: str, limits: Limits) -> Dict[str, PictureSpec]:
    given = field_readers.mapping(value, where)
    return {
        field_readers.one_of(role, where, ROLES): _picture(p, f"{where}.{role}", limits) for role, p in given.items()
    }


def _layer_prompts(value: object, where: str, limits: Limits) -> Dict[str, str]:
    given = field_readers.mapping(value, where)
    return {
        field_readers.one_of(role, where, ROLES): _prompt(t, f"{where}.{role}", limits) for role, t in given.items()
    }


def _controls(value: object, where: str, limits: Limits) -> Tuple[Control, ...]:
    return tuple(
        _control(item, f"{where}[{n}]", limits) for n, item in enumerate(field_readers.listing(value, where, 0, 8))
    )


def _control(value: object, where: str, limits: Limits) -> Control:
    given = _record(value, Control, where)
    control = Control(
        kind=field_readers.text(given["kind"], f"{where}.kind", 64),
        picture=_picture(given["picture"], f"{where}.picture", limits),
        weight=field_readers.number(given.get("weight", 1.0), f"{where}.weight", 0.0, 4.0),
        start=field_readers.number(given.get("start", 0.0), f"{where}.start", 0.0, 1.0),
        end=field_readers.number(given.get("end", 1.0), f"{where}.end", 0.0, 1.0),
    )
    if control.start > control.end:
        raise AcetateError(
            "bad_request",
            f"{where}.start {control.start} is after its end {control.end}",
            field=f"{where}.start",
            hint="start and end are shares of the steps, 0 to 1",
        )
    return control


def _loras(value: object, where: str, limits: Limits) -> Tuple[Lora, ...]:
    loras: List[Lora] = []
    for n, item in enumerate(field_readers.listing(value, where, 0, 16)):
        given = _record(item, Lora, f"{where}[{n}]")
        name = field_readers.text(given["name"], f"{where}[{n}].name", 1024)
        loras.append(Lora(name, field_readers.number(given.get("weight", 1.0), f"{where}[{n}].weight", -4.0, 4.0)))
    return tuple(loras)


def _returns(value: object, where: str, limits: Limits) -> Tuple[str, ...]:
    return tuple(
        field_readers.one_of(role, where, ROLES) for role in field_readers.listing(value, where, 0, len(ROLES))
    )


def _prompt(value: object, where: str, limits: Limits) -> str:
    return field_readers.text(value, where, limits.prompt_characters)


def _optional(read: Callable[[Any, str, Limits], Any]) -> Callable[[Any, str, Limits], Any]:
    return lambda value, where, limits: None if value is None else read(value, where, limits)


def _count(value: object, where: str, limits: Limits) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > limits.pictures:
        raise _too_many(value, limits)
    return field_readers.whole(value, where, 1, limits.pictures)


def _passes(value: object, where: str, limits: Limits) -> int:
    if value not in PASSES or isinstance(value, bool):
        raise AcetateError(
            "bad_request",
            f"{where} is {value!r}",
            field=where,
            hint=f"it must be one of {', '.join(map(str, PASSES))}: more is slower and cleaner",
        )
    return int(str(value))


_READERS: Dict[str, Callable[[Any, str, Limits], Any]] = {
    "mode": lambda value, where, limits: field_readers.one_of(value, where, MODES),
    "canvas": _canvas,
    "target": _target,
    "prompt": _prompt,
    "model": lambda value, where, limits: field_readers.text(value, where, 1024),
    "negative": _prompt,
    "layer_prompts": _layer_prompts,
    "inputs": _inputs,
    "controls": _controls,
    "seed": _optional(lambda value, where, limits: field_readers.whole(value, where, 0, 2**64 - 1)),
    "count": _count,
    "steps": _optional(lambda value, where, limits: field_readers.whole(value, where, 1, 1000)),
    "guidance": _optional(lambda value, where, limits: field_readers.number(value, where, 0.0, 100.0)),
    "sampler": _optional(lambda value, where, limits: field_readers.text(value, where, 64)),
    "passes": _optional(_passes),
    "fill": lambda value, where, limits: field_readers.flag(value, where),
    "strength": lambda value, where, limits: field_readers.number(value, where, 0.0, 1.0),
    "transparency_weight": lambda value, where, limits: field_readers.number(value, where, 0.0, 2.0),
    "stop_at": _optional(lambda value, where, limits: field_readers.number(value, where, 0.0, 1.0)),
    "loras": _loras,
    "detail": lambda value, where, limits: field_readers.number(value, where, 0.0, 1.0),
    "returns": _returns,
    "preview": lambda value, where, limits: field_readers.flag(value, where),
    "reply_format": lambda value, where, limits: field_readers.one_of(value, where, tuple(FORMATS)),
    "reply_rows": lambda value, where, limits: field_readers.one_of(value, where, ROWS),
    "reply_space": lambda value, where, limits: field_readers.one_of(value, where, SPACES),
    "reply_profile_frame": _frame_or_none,
}


def _check_inputs(request: LayerRequest) -> None:
    for role in REQUIRED_INPUTS[request.mode]:
        if role not in request.inputs:
            raise AcetateError(
                "bad_request",
                f"the mode {request.mode} needs a picture for the role {role}",
                field=f"inputs.{role}",
                hint="choose the layer that it is to work on",
            )
    if request.mode == "extract" and len({"foreground", "background"} & set(request.inputs)) != 1:
        raise AcetateError(
            "bad_request",
            "the mode extract needs the foreground or the background beside the blend, and finds the other",
            field="inputs",
            hint="choose the one layer that is already there",
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


def _check_frames(request: LayerRequest, sizes: Sequence[int]) -> None:
    _check_profile(request.reply_space, request.reply_profile_frame, "reply_profile_frame")
    pictures = [(f"inputs.{role}", picture) for role, picture in request.inputs.items()]
    pictures += [(f"controls[{n}].picture", control.picture) for n, control in enumerate(request.controls)]
    used: Set[int] = set()
    for where, picture in pictures:
        check_frames(picture, sizes, where)
        used.add(picture.frame)
        if picture.profile_frame is not None:
            used.add(picture.profile_frame)
    if request.reply_profile_frame is not None:
        if request.reply_profile_frame >= len(sizes):
            raise AcetateError(
                "bad_request",
                f"reply_profile_frame is {request.reply_profile_frame}, but the message has {len(sizes)} frames",
                field="reply_profile_frame",
                hint="put the ICC profile into a frame of its own",
            )
        used.add(request.reply_profile_frame)
    unused = sorted(set(range(len(sizes))) - used)
    if unused:
        raise AcetateError(
            "bad_request",
            f"frame {unused[0]} belongs to no picture of the request",
            field="inputs",
            hint="send only the frames that the request names",
        )


def _check_answer(request: LayerRequest, limits: Limits) -> None:
    """Refuse a job whose layers would not fit into one `done` message."""
    pictures = request.count * len(output_roles(request))
    if pictures > limits.pictures:
        raise _too_many(pictures, limits)
    pixels = request.target.width * request.target.height
    size = pictures * pixels * FORMATS[request.reply_format]
    if size > limits.message_bytes:
        raise AcetateError(
            "too_large",
            f"{pictures} layers of {request.target.width} x {request.target.height} "
            f"{request.reply_format} are {size} bytes, over the limit of {limits.message_bytes}",
            field="target",
            hint="choose a smaller selection, fewer pictures at once, or an 8-bit format",
        )


def _too_many(pictures: int, limits: Limits) -> AcetateError:
    return AcetateError(
        "too_large",
        f"{pictures} pictures out of one job are over this daemon's limit of {limits.pictures}",
        field="count",
        hint="ask for fewer at once and submit again",
    )
