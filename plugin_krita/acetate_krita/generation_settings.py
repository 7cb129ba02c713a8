# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist has set in the docker: one value that presets, history and requests are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from acetate_wire.request import Control, LayerRequest, Lora, PictureSpec, Rect

from .color import WireFormat
from .modes import UNASKED, mode_named

STRUCTURE = "structure"
"""Stands beside the roles of a mode's inputs for the layer that the drawing follows."""
PRESET_FIELDS = (
    *("mode", "model", "negative", "count", "strength", "steps", "guidance", "sampler"),
    *("loras", "structure", "structure_weight", "detail"),
)
"""What a preset holds: everything but the words and the seed, which belong to one picture."""


@dataclass(frozen=True)
class GenerationSettings:
    """The settings of the docker; see LayerRequest for their ranges.

    `fill` asks for the whole canvas where the mode would work on less. `seed` is None when it is random; `loras`
    are names with weights; `structure` is a kind of control, or empty.
    """

    mode: str = "text"
    model: str = "starter"
    prompt: str = ""
    negative: str = ""
    layer_prompts: Mapping[str, str] = field(default_factory=dict)
    count: int = 1
    strength: float = 0.6
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    loras: Sequence[Sequence[Any]] = ()
    structure: str = ""
    structure_weight: float = 1.0
    detail: float = 0.0
    fill: bool = False

    def to_map(self) -> dict[str, Any]:
        """All settings, for a file of JSON."""
        return asdict(self)

    @classmethod
    def from_map(cls, values: Mapping[str, Any]) -> GenerationSettings:
        """The settings out of a file; what it lacks is as in a new docker, what this version lacks is left out."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


def request(
    form: GenerationSettings,
    canvas: Rect,
    target: Rect,
    inputs: Mapping[str, PictureSpec],
    way: WireFormat,
) -> LayerRequest:
    """The request that these settings make, answered in the document's own kind of pixels.

    The picture of the role STRUCTURE steers the drawing; the others are the mode's inputs.
    """
    mode = mode_named(form.mode)
    given = {role: text for role, text in form.layer_prompts.items() if role in mode.prompts and text.strip()}
    extra: dict[str, Any] = {"strength": form.strength} if mode.strength else {}
    return LayerRequest(
        mode=form.mode,
        canvas=(canvas.width, canvas.height),
        target=target,
        prompt="" if mode.words == UNASKED else form.prompt,
        model=form.model,
        negative=form.negative,
        layer_prompts=given,
        inputs={role: picture for role, picture in inputs.items() if role != STRUCTURE},
        controls=tuple(
            Control(form.structure, picture, form.structure_weight)
            for role, picture in inputs.items()
            if role == STRUCTURE
        ),
        seed=form.seed,
        count=form.count,
        steps=form.steps,
        guidance=form.guidance,
        sampler=form.sampler,
        loras=tuple(Lora(str(name), float(weight)) for name, weight in form.loras),
        detail=form.detail,
        fill=form.fill and mode.fills,
        preview=True,
        reply_format=way.format,
        reply_space=way.space,
        **extra,
    )
