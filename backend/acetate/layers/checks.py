"""What a model can be asked for, checked before it is loaded."""

from __future__ import annotations

import secrets
from dataclasses import replace

from acetate_wire.errors import WireError
from acetate_wire.limits import Limits
from acetate_wire.request import LayerRequest
from acetate_wire.validate import parse_request, request_map

from acetate.models.catalogue import Catalogue, ModelEntry, missing_model
from acetate.models.samplers import sampler_named
from acetate.models.text import prompt_length

DRAWN_SEEDS = 2**32
"""Seeds that are drawn stay below this, so that they are short enough to be typed again."""
NOT_IN_TEXT = {
    "inputs": "pictures",
    "controls": "structure pictures",
    "layer_prompts": "prompts for single layers",
    "loras": "LoRA files",
    "strength": "a strength",
    "transparency_weight": "a transparency weight",
    "stop_at": "an early stop of transparency",
}
"""Fields that the mode `text` has no use for, in words."""


def check(request: LayerRequest, catalogue: Catalogue, limits: Limits | None = None) -> LayerRequest:
    """The request with every default filled in, seed included, ready to be drawn.

    Loads no model. Raises WireError naming the field, the limit and the way out.
    """
    if not request.inputs and not request.controls:
        parse_request(request_map(request), (), limits or Limits())
    entry = catalogue.entry(request.model)
    entry.way(request.mode, request.inputs)
    _check_unused(request)
    if not request.prompt.strip():
        raise WireError("bad_request", "the prompt is empty", field="prompt", hint="say what the layer is to show")
    _check_length(entry, "prompt", request.prompt)
    _check_length(entry, "negative", request.negative)
    family = entry.family
    return replace(
        request,
        seed=secrets.randbelow(DRAWN_SEEDS) if request.seed is None else request.seed,
        steps=family.steps if request.steps is None else request.steps,
        guidance=family.guidance if request.guidance is None else request.guidance,
        sampler=sampler_named(family.sampler if request.sampler is None else request.sampler).name,
    )


def _check_unused(request: LayerRequest) -> None:
    """Refuse what would be passed over in silence."""
    plain = LayerRequest(request.mode, request.canvas, request.target, request.prompt)
    for name, meaning in NOT_IN_TEXT.items():
        if getattr(request, name) != getattr(plain, name):
            raise WireError(
                "mode_unsupported",
                f"the mode {request.mode} of {request.model} does not take {meaning}",
                field=name,
                hint="leave it out",
            )
    if request.reply_format == "gray8":
        raise WireError(
            "bad_request",
            "reply_format gray8 cannot hold a layer's colours",
            field="reply_format",
            hint="ask for rgba8",
        )


def _check_length(entry: ModelEntry, field: str, text: str) -> None:
    try:
        length = prompt_length(entry.folder, text)
    except (OSError, ValueError) as error:
        raise missing_model(f"the model {entry.name} cannot be read ({error})") from error
    if length.pieces > length.limit:
        raise WireError(
            "bad_request",
            f"the {field} has {length.pieces} word pieces, over this model's limit of {length.limit}",
            field=field,
            hint="make it shorter; the model reads a word as one or more pieces",
        )
