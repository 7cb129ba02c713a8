# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist has set in the docker: one value that presets, history and requests are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from acetate_editor.requests import layer_request
from acetate_wire.element import ELEMENTS
from acetate_wire.request import Control, LayerRequest, PictureSpec, Rect, StackLayer

from .color import WireFormat
from .modes import mode_named

STRUCTURE = "structure"
"""With a number behind it, stands beside the roles of a mode's inputs for a layer that the drawing follows."""
PRESET_FIELDS = (
    *("mode", "model", "negative", "count", "layers", "strength", "steps", "guidance", "sampler"),
    *("clip_skip", "loras", "structures", "detail", "keep_matte", "element"),
)
"""What a preset holds: everything but the words and the seed, which belong to one picture."""


@dataclass(frozen=True)
class GenerationSettings:
    """The settings of the docker; see LayerRequest for their ranges.

    `fill` asks for the whole canvas where the mode would work on less. `seed` is None when it is random; `loras`
    are names with weights. `structures` have a `kind` of control, its `weight`, and the shares of the steps, `start` to
    `end`, in which it steers. `stack` are layers from below: a `prompt`, and the `region` that it stands in, which is
    the id of a layer, a rectangle `[x, y, width, height]`, or None for the whole canvas. `element` has the `kind` of
    the model `elements`, the `parameters` that were moved, `frames`, and whether it grows `along` the selection.
    `layers` is how many a picture is split into, None for as many as are found.
    """

    mode: str = "text"
    model: str = "starter"
    prompt: str = ""
    negative: str = ""
    layer_prompts: Mapping[str, str] = field(default_factory=dict)
    count: int = 1
    layers: int | None = None
    strength: float = 0.6
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    clip_skip: int | None = None
    loras: Sequence[Sequence[Any]] = ()
    structures: Sequence[Mapping[str, Any]] = ()
    stack: Sequence[Mapping[str, Any]] = ()
    detail: float = 0.0
    fill: bool = False
    keep_matte: bool = False
    however_long: bool = False
    element: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_element(self) -> bool:
        """Whether it is drawn by formula."""
        return self.model == ELEMENTS

    @property
    def along(self) -> bool:
        """Whether it is an element that grows along the selection, where there is one."""
        return self.is_element and self.mode == "text" and bool(self.element.get("along"))

    def to_map(self) -> dict[str, Any]:
        """All settings, for a file of JSON."""
        return asdict(self)

    @classmethod
    def from_map(cls, values: Mapping[str, Any]) -> GenerationSettings:
        """The settings out of a file; what it lacks is as in a new docker, what this version lacks is left out."""
        known = {entry.name for entry in fields(cls)}
        if values.get("structure"):
            # As one structure was written down when there was no more than one.
            former = {"kind": values["structure"], "weight": values.get("structure_weight", 1.0)}
            values = {"structures": [former], **values}
        return cls(**{name: value for name, value in values.items() if name in known})


def request(
    form: GenerationSettings,
    canvas: Rect,
    target: Rect,
    inputs: Mapping[str, PictureSpec],
    way: WireFormat,
    regions: Sequence[Rect] = (),
) -> LayerRequest:
    """The request that these settings make, answered in the document's own kind of pixels.

    The pictures of the roles STRUCTURE and a number steer the drawing; the others are the mode's inputs. `regions` are
    those of the stack's layers.
    """
    mode = mode_named(form.mode)
    return layer_request(
        vars(form),
        canvas=(canvas.width, canvas.height),
        target=target,
        inputs={role: picture for role, picture in inputs.items() if not role.startswith(STRUCTURE)},
        controls=tuple(
            Control(picture=inputs[f"{STRUCTURE}{number}"], **structure)
            for number, structure in enumerate(form.structures)
        ),
        stack=tuple(StackLayer(str(row["prompt"]), region) for row, region in zip(form.stack, regions)),
        fill=form.fill and mode.fills,
        # Krita blends the numbers that a layer holds.
        blending="linear" if way.space == "linear" else "encoded",
        preview=True,
        reply_format=way.format,
        reply_space=way.space,
    )
