"""What an editor's settings ask for."""

from __future__ import annotations

from typing import Any

import pytest
from acetate_editor.requests import layer_request
from acetate_wire.errors import AcetateError
from acetate_wire.request import LayerRequest, Lora, PictureSpec, Rect

PLACE: dict[str, Any] = {"canvas": (64, 64), "target": Rect(0, 0, 64, 64)}
EVERYTHING: dict[str, Any] = {
    **{"prompt": "a cat", "negative": "dogs", "layer_prompts": {"foreground": "a cat", "background": " "}},
    **{"count": 3, "layers": 4, "strength": 0.5, "steps": 9, "guidance": 0.0, "detail": 0.5, "stop_at": 0.5},
    **{"keep_matte": True, "loras": [["ink", 0.7]], "blending": "linear", "element": {"kind": "smoke", "frames": 8}},
    **{"what only an editor knows": 1},
}


def asked(mode: str, model: str = "starter", *inputs: str) -> LayerRequest:
    given = {role: PictureSpec(number, 64, 64) for number, role in enumerate(inputs)}
    return layer_request({"mode": mode, "model": model, **EVERYTHING}, inputs=given, **PLACE)


def test_a_mode_is_asked_for_what_it_takes_and_nothing_else() -> None:
    text = asked("text")
    assert (text.count, text.guidance, text.loras) == (3, 0.0, (Lora("ink", 0.7),))
    assert (text.layer_prompts, text.strength, text.layers, text.stop_at) == ({}, 1.0, None, None)
    assert (text.keep_matte, text.element, text.blending) == (False, None, "encoded")
    refine = asked("refine", "starter", "layer")
    assert (refine.strength, refine.keep_matte, refine.detail) == (0.5, True, 0.5)
    scene = asked("scene")
    assert (dict(scene.layer_prompts), scene.stop_at) == ({"foreground": "a cat"}, 0.5)
    split = asked("split", "starter", "blend")
    assert (split.count, split.layers, split.blending, split.detail) == (1, 4, "linear", 0.0)
    remove = asked("remove", "starter", "layer", "mask")
    assert (remove.prompt, remove.strength) == ("", 1.0)


def test_an_element_is_asked_for_nothing_that_only_a_network_takes() -> None:
    smoke = asked("text", "elements")
    assert (smoke.negative, smoke.steps, smoke.guidance, smoke.loras, smoke.detail) == ("", None, None, (), 0.0)
    assert smoke.element is not None and (smoke.element.kind, smoke.element.frames) == ("smoke", 8)


def test_a_value_that_no_request_takes_is_refused_by_its_field() -> None:
    with pytest.raises(AcetateError) as refused:
        layer_request({"mode": "text", "model": "starter", "prompt": "a cat", "steps": -1}, **PLACE)
    assert refused.value.field == "steps"
