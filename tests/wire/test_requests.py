"""Requests are read field by field; what is wrong is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import pytest
from acetate_wire.errors import AcetateError
from acetate_wire.limits import Limits
from acetate_wire.request import _CHECKS, Control, LayerRequest, Lora, PictureSpec, Rect, StackLayer, output_roles
from acetate_wire.request_codec import check_message, decode_request, encode_request

LIMITS = Limits()
MUST: dict[str, Any] = {"mode": "text", "canvas": [10, 10], "target": [0, 0, 4, 2], "prompt": ""}
PICTURE = {"frame": 0, "width": 4, "height": 2}
LAYER = {"mode": "refine", "inputs": {"layer": PICTURE}}


def parse(*sizes: int, **changes: Any) -> LayerRequest:
    """A request with these fields changed and frames of these sizes."""
    return received({**MUST, **changes}, sizes)


def received(source: object, sizes: Sequence[int]) -> LayerRequest:
    """The request in a message with frames of these sizes, checked as a daemon does."""
    request = decode_request(source)
    check_message(request, sizes, LIMITS)
    return request


def test_every_field_of_the_definition_is_checked() -> None:
    assert {*_CHECKS, "reply_profile_frame"} == {field.name for field in fields(LayerRequest)}


def test_a_full_request_survives_the_wire() -> None:
    request = LayerRequest(
        mode="inpaint",
        canvas=(640, 480),
        target=Rect(-5, 7, 32, 16),
        prompt="fog",
        negative="trees",
        layer_prompts={"background": "hills"},
        inputs={
            "layer": PictureSpec(0, 4, 2, "bgra16", "bottom-up", "icc", 3),
            "mask": PictureSpec(1, 4, 2, "gray8"),
        },
        controls=(Control("edge", PictureSpec(2, 4, 2), 0.5, 0.1, 0.9),),
        seed=2**64 - 1,
        count=2,
        steps=30,
        guidance=4.5,
        sampler="Euler a",
        passes=4,
        strength=0.4,
        transparency_weight=0.8,
        stop_at=0.9,
        loras=(Lora("ink", 0.7),),
        detail=0.35,
        returns=("layer",),
        preview=True,
        reply_format="rgbaf16",
        reply_rows="bottom-up",
        reply_space="icc",
        reply_profile_frame=3,
    )
    assert received(encode_request(request), [64, 8, 32, 100]) == request


def test_a_stack_survives_the_wire_and_brings_back_a_layer_each() -> None:
    stack = (StackLayer("a cat", Rect(0, 1, 2, 1)), StackLayer("a fish", Rect(1, 0, 3, 2)))
    request = LayerRequest("stack", (10, 10), Rect(0, 0, 4, 2), "fog", stack=stack)
    assert received(encode_request(request), []) == request
    assert output_roles(request) == ("background", "foreground", "foreground")
    over = LayerRequest(
        "stack", (10, 10), Rect(0, 0, 4, 2), "", inputs={"background": PictureSpec(0, 4, 2)}, stack=stack
    )
    assert output_roles(over) == ("foreground", "foreground")


def test_what_is_left_out_has_its_default() -> None:
    request = parse()
    assert request == LayerRequest("text", (10, 10), Rect(0, 0, 4, 2), "")
    assert set(encode_request(request)) == set(MUST)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown field": ({"promt": "x"}, "promt"),
    "an unknown mode": ({"mode": "dance"}, "mode"),
    "a canvas of one side": ({"canvas": [5]}, "canvas"),
    "a canvas without pixels": ({"canvas": [0, 5]}, "canvas"),
    "a target without pixels": ({"target": [0, 0, 0, 5]}, "target"),
    "a target far away": ({"target": [10**7, 0, 5, 5]}, "target"),
    "a prompt that is no text": ({"prompt": 5}, "prompt"),
    "a prompt without end": ({"prompt": "x" * 10_001}, "prompt"),
    "a negative seed": ({"seed": -1}, "seed"),
    "a seed over 64 bits": ({"seed": 2**64}, "seed"),
    "a seed that is true": ({"seed": True}, "seed"),
    "no picture asked for": ({"count": 0}, "count"),
    "no steps": ({"steps": 0}, "steps"),
    "endless guidance": ({"guidance": float("inf")}, "guidance"),
    "guidance that is no number": ({"guidance": float("nan")}, "guidance"),
    "three passes": ({"passes": 3}, "passes"),
    "too much strength": ({"strength": 1.5}, "strength"),
    "a preview of 1": ({"preview": 1}, "preview"),
    "an unknown format": ({"reply_format": "rgb8"}, "reply_format"),
    "a profile without icc": ({"reply_profile_frame": 0}, "reply_profile_frame"),
    "icc without a profile": ({"reply_space": "icc"}, "reply_profile_frame"),
    "an unknown role": ({"layer_prompts": {"sky": "x"}}, "layer_prompts"),
    "an input that is missing": ({"mode": "inpaint", "inputs": {"layer": PICTURE}}, "inputs.mask"),
    "an extract of nothing": ({"mode": "extract", "inputs": {"blend": PICTURE}}, "inputs"),
    "an extract of nothing new": (
        {"mode": "extract", "inputs": {"blend": PICTURE, "foreground": PICTURE, "background": PICTURE}},
        "inputs",
    ),
    "a stack of nothing": ({"mode": "stack"}, "stack"),
    "a stack in another mode": ({"stack": [{"prompt": "x", "target": [0, 0, 1, 1]}]}, "stack"),
    "a stacked layer without words": (
        {"mode": "stack", "stack": [{"prompt": " ", "target": [0, 0, 1, 1]}]},
        "stack[0].prompt",
    ),
    "a stacked layer without pixels": (
        {"mode": "stack", "stack": [{"prompt": "x", "target": [0, 0, 0, 1]}]},
        "stack[0].target",
    ),
    "a stacked layer outside": (
        {"mode": "stack", "stack": [{"prompt": "x", "target": [3, 0, 2, 1]}]},
        "stack[0].target",
    ),
    "too much detail": ({"detail": 1.5}, "detail"),
    "a role that the mode does not make": ({"returns": ["blend"]}, "returns"),
    "a layer back that was given": (
        {"mode": "extract", "inputs": {"blend": PICTURE, "foreground": PICTURE}, "returns": ["foreground"]},
        "returns",
    ),
    "a picture of nothing": ({**LAYER, "inputs": {"layer": {**PICTURE, "width": 0}}}, "inputs.layer.width"),
    "a picture without a frame": ({**LAYER, "inputs": {"layer": {**PICTURE, "frame": 1}}}, "inputs.layer.frame"),
    "a picture of another size": ({**LAYER, "inputs": {"layer": {**PICTURE, "height": 3}}}, "inputs.layer"),
    "a picture's unknown field": ({**LAYER, "inputs": {"layer": {**PICTURE, "x": 3}}}, "inputs.layer.x"),
    "a control that ends first": (
        {"controls": [{"kind": "edge", "picture": PICTURE, "start": 0.9, "end": 0.1}]},
        "controls[0].start",
    ),
    "a lora without a name": ({"loras": [{"weight": 1.0}]}, "loras[0].name"),
    "a request that is a list": ({}, "request"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_field_is_named_with_the_way_out(case: str) -> None:
    changes, field = WRONG[case]
    source: object = {**MUST, **changes} if field != "request" else [1]
    sizes = [32] if "inputs" in changes or "controls" in changes else []
    with pytest.raises(AcetateError) as caught:
        received(source, sizes)
    assert caught.value.code == "bad_request"
    assert caught.value.field == field
    assert caught.value.hint


@pytest.mark.parametrize("name", MUST)
def test_a_field_without_a_default_must_be_there(name: str) -> None:
    with pytest.raises(AcetateError, match=f"request has no {name}"):
        received({key: value for key, value in MUST.items() if key != name}, [])


TOO_LARGE: dict[str, tuple[dict[str, Any], str]] = {
    "a side over the limit": ({"target": [0, 0, 16385, 5]}, "target"),
    "a canvas over the limit": ({"canvas": [20000, 5]}, "canvas"),
    "eleven pictures": ({"count": 11}, "count"),
    "four scenes of three layers": ({"mode": "scene", "count": 4}, "count"),
    "layers over the limit of a job": ({"target": [0, 0, 8192, 8192], "count": 7}, "target"),
    "floats over the limit of a job": ({"target": [0, 0, 16384, 8192], "reply_format": "rgbaf32"}, "target"),
}


@pytest.mark.parametrize("case", TOO_LARGE)
def test_a_limit_is_named(case: str) -> None:
    changes, field = TOO_LARGE[case]
    with pytest.raises(AcetateError) as caught:
        parse(**changes)
    assert (caught.value.code, caught.value.field) == ("too_large", field)
    assert "limit of" in caught.value.message


def test_a_mode_brings_its_own_layers_back_or_those_that_were_asked_for() -> None:
    given = {"mode": "background", "inputs": {"foreground": PICTURE}}
    assert output_roles(parse(32, **given)) == ("background",)
    assert output_roles(parse(32, **given, returns=["blend"])) == ("blend",)
    assert output_roles(parse(32, **given, returns=["blend", "background"])) == ("background", "blend")
    assert output_roles(parse(mode="scene")) == ("background", "foreground", "blend")
    assert output_roles(parse(32, mode="extract", inputs={"blend": PICTURE, "background": PICTURE})) == ("foreground",)


def test_layers_that_are_not_asked_for_do_not_count() -> None:
    assert parse(mode="scene", returns=["foreground"], count=8).count == 8


def test_a_frame_that_nobody_names_is_refused() -> None:
    with pytest.raises(AcetateError, match="frame 1 belongs to no picture"):
        parse(32, 5, **LAYER)


def test_one_frame_may_serve_two_pictures() -> None:
    parse(32, mode="extract", inputs={"blend": PICTURE, "foreground": PICTURE})


VALUES: dict[str, tuple[Callable[[], object], str]] = {
    "a rectangle without pixels": (lambda: Rect(0, 0, 0, 5), "width"),
    "a rectangle between pixels": (lambda: Rect(0, 0.5, 4, 5), "y"),  # type: ignore[arg-type]
    "a picture of an unknown format": (lambda: PictureSpec(0, 4, 2, "rgb8"), "format"),
    "a picture without its profile": (lambda: PictureSpec(0, 4, 2, space="icc"), "profile_frame"),
    "a control that ends first": (lambda: Control("edge", PictureSpec(0, 4, 2), start=0.9, end=0.1), "start"),
    "a LoRA that is too strong": (lambda: Lora("ink", 5.0), "weight"),
    "a request without steps": (lambda: replace(parse(), steps=0), "steps"),
    "a request without its picture": (lambda: replace(parse(), mode="refine"), "inputs.layer"),
    "a request for what is not made": (lambda: replace(parse(), returns=("blend",)), "returns"),
}


@pytest.mark.parametrize("case", VALUES)
def test_a_value_that_is_wrong_cannot_be_made(case: str) -> None:
    make, field = VALUES[case]
    with pytest.raises(AcetateError) as caught:
        make()
    assert (caught.value.code, caught.value.field) == ("bad_request", field)
    assert caught.value.hint


def test_the_numbers_of_a_request_have_the_kinds_of_its_definition() -> None:
    request = replace(parse(), guidance=5, strength=1, canvas=[10, 10], returns=["layer"])  # type: ignore[arg-type]
    assert [type(request.guidance), type(request.strength)] == [float, float]
    assert (request.canvas, request.returns) == ((10, 10), ("layer",))
