"""The request that an editor's settings make: what the mode or the model has no use for is left out."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Mapping

from acetate_wire.element import ELEMENTS
from acetate_wire.modes import MODES, UNASKED
from acetate_wire.request import LayerRequest, Lora

from .elements import element_of

FIELDS = tuple(entry.name for entry in fields(LayerRequest))
OF_NETWORKS = (
    *("negative", "steps", "guidance", "sampler", "clip_skip", "passes", "strength", "transparency_weight"),
    *("stop_at", "detail", "loras", "controls"),
)
"""What an element has no use for."""


def layer_request(settings: Mapping[str, Any], **given: Any) -> LayerRequest:
    """Make a request of settings, whose names are those of LayerRequest's fields (others are passed over).

    What is `given` comes to them, or in their place. `loras` are names with weights; `element` is as `element_of` takes
    it. Raises AcetateError `bad_request`.
    """
    values = {**{name: settings[name] for name in FIELDS if name in settings}, **given}
    mode, is_element = values["mode"], values["model"] == ELEMENTS
    spec = MODES[mode]
    unused = {
        "layer_prompts": mode != "scene",
        "strength": not spec.takes_strength,
        "count": spec.splits,
        "layers": not spec.splits,
        "blending": not spec.splits,
        "detail": spec.splits,
        "stack": not spec.stacks,
        "stop_at": "layer" in spec.outputs,
        "keep_matte": mode != "refine",
    }
    values["prompt"] = "" if spec.prompt == UNASKED else values["prompt"]
    values["layer_prompts"] = {role: text for role, text in values.get("layer_prompts", {}).items() if text.strip()}
    values["loras"] = tuple(Lora(str(name), float(weight)) for name, weight in values.get("loras", ()))
    values["element"] = element_of(values["model"], values.get("element") or {})
    kept = {name for name in values if not unused.get(name) and not (is_element and name in OF_NETWORKS)}
    return LayerRequest(**{name: values[name] for name in kept})
