"""A request as the map that a message and the journal hold, and back.

`LayerRequest` is the one definition, and checks itself: here is only what a map or a message can have wrong.
"""

from __future__ import annotations

from dataclasses import MISSING, asdict, fields
from typing import Any, Callable, Dict, List, Sequence, Set, Tuple, Type

from .element import Element
from .errors import AcetateError
from .field_readers import listing, located, mapping, text
from .limits import Limits
from .pictures import check_frames, picture_to_map
from .request import FORMATS, MOST_STACKED, Control, LayerRequest, Lora, PictureSpec, Rect, StackLayer, output_roles

LONGEST_NAME = 60
"""How much of an unknown field's name a refusal repeats."""


def decode_request(source: object) -> LayerRequest:
    """The request that a map holds. Raises AcetateError `bad_request`, naming the field."""
    given = _record(source, LayerRequest, "request")
    return LayerRequest(**{name: _decode(name, value) for name, value in given.items()})


def check_message(request: LayerRequest, frame_sizes: Sequence[int], limits: Limits) -> None:
    """Refuse a request that does not fit its frames, by their bytes, or goes beyond a daemon's limits.

    Raises AcetateError `bad_request` or `too_large`, naming the field.
    """
    check_limits(request, limits)
    _check_frames(request, frame_sizes)


def encode_request(request: LayerRequest) -> Dict[str, Any]:
    """A request as it stands in a `submit` header; fields at their defaults are left out."""
    out: Dict[str, Any] = {}
    for entry in fields(request):
        value = getattr(request, entry.name)
        default = entry.default_factory() if entry.default_factory is not MISSING else entry.default
        if default is MISSING or value != default:
            out[entry.name] = value
    out["canvas"] = list(request.canvas)
    out["target"] = _sides(request.target)
    if "layer_prompts" in out:
        out["layer_prompts"] = dict(request.layer_prompts)
    if "inputs" in out:
        out["inputs"] = {role: picture_to_map(picture) for role, picture in request.inputs.items()}
    if "controls" in out:
        out["controls"] = [{**asdict(c), "picture": picture_to_map(c.picture)} for c in request.controls]
    if "stack" in out:
        out["stack"] = [{"prompt": layer.prompt, "target": _sides(layer.target)} for layer in request.stack]
    if "returns" in out:
        out["returns"] = list(request.returns)
    if "loras" in out:
        out["loras"] = [asdict(lora) for lora in request.loras]
    if request.element is not None:
        out["element"] = {**asdict(request.element), "parameters": dict(request.element.parameters)}
    return out


def _sides(rect: Rect) -> List[int]:
    return [rect.x, rect.y, rect.width, rect.height]


def _record(source: object, kind: Type[Any], where: str) -> Dict[str, Any]:
    """A map that has all fields of `kind` without a default, and none that `kind` does not have."""
    given = mapping(source, where)
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


def _decode(name: str, value: object) -> Any:
    decode = _DECODERS.get(name)
    return value if decode is None else decode(value, name)


def _target(value: object, where: str) -> Rect:
    x, y, width, height = listing(value, where, 4, 4)
    try:
        return Rect(x, y, width, height)
    except AcetateError as error:
        raise AcetateError(error.code, f"{where} {error.message}", field=where, hint=error.hint) from None


def _value(source: object, kind: Type[Any], where: str) -> Any:
    given = _record(source, kind, where)
    with located(where):
        return kind(**given)


def _picture(value: object, where: str) -> PictureSpec:
    picture: PictureSpec = _value(value, PictureSpec, where)
    return picture


def _inputs(value: object, where: str) -> Dict[str, PictureSpec]:
    return {role: _picture(picture, f"{where}.{role}") for role, picture in mapping(value, where).items()}


def _control(value: object, where: str) -> Control:
    given = _record(value, Control, where)
    picture = _picture(given["picture"], f"{where}.picture")
    with located(where):
        return Control(**{**given, "picture": picture})


def _controls(value: object, where: str) -> Tuple[Control, ...]:
    return tuple(_control(item, f"{where}[{n}]") for n, item in enumerate(listing(value, where, 0, 8)))


def _loras(value: object, where: str) -> Tuple[Lora, ...]:
    return tuple(_value(item, Lora, f"{where}[{n}]") for n, item in enumerate(listing(value, where, 0, 16)))


def _stack_layer(value: object, where: str) -> StackLayer:
    given = _record(value, StackLayer, where)
    target = _target(given["target"], f"{where}.target")
    with located(where):
        return StackLayer(given["prompt"], target)


def _stack(value: object, where: str) -> Tuple[StackLayer, ...]:
    layers = listing(value, where, 0, MOST_STACKED)
    return tuple(_stack_layer(item, f"{where}[{n}]") for n, item in enumerate(layers))


def _element(value: object, where: str) -> Any:
    return None if value is None else _value(value, Element, where)


_DECODERS: Dict[str, Callable[[object, str], object]] = {
    "target": _target,
    "inputs": _inputs,
    "controls": _controls,
    "loras": _loras,
    "stack": _stack,
    "element": _element,
}
"""The fields that are no plain values in a map."""


def _check_frames(request: LayerRequest, sizes: Sequence[int]) -> None:
    used: Set[int] = set()
    for where, picture in _pictures(request):
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


def check_limits(request: LayerRequest, limits: Limits) -> None:
    """Refuse what goes beyond a daemon's limits, the bytes of a job's layers among them.

    Raises AcetateError `bad_request` or `too_large`, naming the field.
    """
    prompts = {"prompt": request.prompt, "negative": request.negative}
    prompts.update({f"layer_prompts.{role}": prompt for role, prompt in request.layer_prompts.items()})
    prompts.update({f"stack[{number}].prompt": layer.prompt for number, layer in enumerate(request.stack)})
    for where, prompt in prompts.items():
        text(prompt, where, limits.prompt_characters)
    target = request.target
    for where, (width, height) in (("canvas", request.canvas), ("target", (target.width, target.height))):
        _check_side(width, f"{where} width", where, limits)
        _check_side(height, f"{where} height", where, limits)
    for where, picture in _pictures(request):
        _check_side(picture.width, f"{where}.width", f"{where}.width", limits)
        _check_side(picture.height, f"{where}.height", f"{where}.height", limits)
    layers = request.count * len(output_roles(request))
    pictures = layers // request.frames
    if request.frames > 1 and layers >= limits.frames:
        raise AcetateError(
            "too_large",
            f"{pictures} loops of {request.frames} frames are more than {limits.frames - 1} pictures",
            field="element.frames",
            hint="ask for fewer frames, or for fewer loops at once",
        )
    if pictures > limits.pictures:
        raise AcetateError(
            "too_large",
            f"{pictures} pictures out of one job are over this daemon's limit of {limits.pictures}",
            field="count",
            hint="ask for fewer at once and submit again",
        )
    size = reply_bytes(request)
    if size > limits.job_bytes:
        raise AcetateError(
            "too_large",
            f"{layers} layers of {target.width} x {target.height} "
            f"{request.reply_format} are {megabytes(size)} MB, over the limit of {megabytes(limits.job_bytes)} MB",
            field="target",
            hint="choose a smaller selection, fewer pictures at once, or an 8-bit format",
        )


def reply_bytes(request: LayerRequest) -> int:
    """The most bytes that a job's layers can have."""
    pixels = request.target.width * request.target.height
    return request.count * len(output_roles(request)) * pixels * FORMATS[request.reply_format]


def megabytes(size: int) -> int:
    """Bytes as a number of MB (2²⁰ bytes) for people, rounded up."""
    return -(-size >> 20)


def _check_side(pixels: int, name: str, field: str, limits: Limits) -> None:
    if pixels > limits.side:
        raise AcetateError(
            "too_large",
            f"{name} {pixels} is over this daemon's limit of {limits.side}",
            field=field,
            hint="choose a smaller selection, or generate at half size and scale up",
        )


def _pictures(request: LayerRequest) -> List[Tuple[str, PictureSpec]]:
    """The pictures of a request, each with the name of its field."""
    pictures = [(f"inputs.{role}", picture) for role, picture in request.inputs.items()]
    return pictures + [(f"controls[{n}].picture", control.picture) for n, control in enumerate(request.controls)]
