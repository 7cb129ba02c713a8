"""The layer modes: what each takes and makes, once for the editors, the command line and the backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Tuple

NEEDED, OPTIONAL, UNASKED = "needed", "optional", "unasked"
"""What a mode does with the prompt."""


@dataclass(frozen=True)
class ModeSpec:
    """What a mode takes and makes, in roles of pictures.

    `inputs` are the pictures that it cannot do without; where there is `one_of`, it takes exactly one of these too, and
    makes the other. `outputs` are the layers that come back in stacking order from below, `optional_outputs` those that
    come back when `returns` names them. `prompt` is NEEDED, OPTIONAL or UNASKED, `takes_strength` says that `strength`
    means something, and `fills_target` that the result is as wide as the target, whatever its shape. A mode that
    `stacks` draws the last of its `outputs` once for each layer of the request's `stack`; one that `splits` brings
    back the first and the last of its `outputs`, the last as often as the request's `layers` say.
    """

    inputs: Tuple[str, ...] = ()
    outputs: Tuple[str, ...] = ("layer",)
    one_of: Tuple[str, ...] = ()
    optional_outputs: Tuple[str, ...] = ()
    prompt: str = NEEDED
    takes_strength: bool = False
    fills_target: bool = False
    stacks: bool = False
    splits: bool = False

    @property
    def several(self) -> bool:
        """Whether it brings back several layers of one role, each with a name and a place of its own."""
        return self.stacks or self.splits

    @property
    def changes_layer(self) -> bool:
        """Whether it draws from a layer, which its result replaces."""
        return "layer" in self.inputs

    @property
    def makes_lone_layer(self) -> bool:
        """Whether it draws one layer from nothing but a prompt."""
        return not self.inputs and self.outputs == ("layer",)


MODES: Dict[str, ModeSpec] = {
    "text": ModeSpec(),
    "refine": ModeSpec(("layer",), prompt=OPTIONAL, takes_strength=True),
    "inpaint": ModeSpec(("layer", "mask"), prompt=OPTIONAL, takes_strength=True),
    "remove": ModeSpec(("layer", "mask"), prompt=UNASKED),
    "scene": ModeSpec(outputs=("background", "foreground", "blend"), fills_target=True),
    "stack": ModeSpec(outputs=("background", "foreground"), prompt=OPTIONAL, fills_target=True, stacks=True),
    "background": ModeSpec(("foreground",), ("background",), optional_outputs=("blend",), fills_target=True),
    "foreground": ModeSpec(("background",), ("foreground",), optional_outputs=("blend",)),
    "extract": ModeSpec(("blend",), ("background", "foreground"), one_of=("foreground", "background"), prompt=OPTIONAL),
    "split": ModeSpec(("blend",), ("background", "foreground"), prompt=OPTIONAL, fills_target=True, splits=True),
}
"""Every mode by its name, in the order in which they are offered."""
