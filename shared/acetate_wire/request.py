"""What an editor asks for: the one typed definition of a request, used on both sides of the socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional, Tuple

MODES = ("text", "refine", "inpaint", "remove", "scene", "background", "foreground", "extract")
ROLES = ("foreground", "background", "blend", "layer", "mask")
FORMATS = {"rgba8": 4, "bgra8": 4, "rgba16": 8, "bgra16": 8, "rgbaf16": 8, "rgbaf32": 16, "gray8": 1}
"""Pixel formats and their bytes a pixel. Alpha is straight."""
ROWS = ("top-down", "bottom-up")
SPACES = ("srgb", "linear", "icc")
PASSES = (1, 2, 4, 8)
"""How many turned and mirrored views the transparent decoder takes the median of."""
REQUIRED_INPUTS = {
    "text": (),
    "refine": ("layer",),
    "inpaint": ("layer", "mask"),
    "remove": ("layer", "mask"),
    "scene": (),
    "background": ("foreground",),
    "foreground": ("background",),
    "extract": ("blend",),
}
"""The input roles that a mode cannot do without; `extract` also takes the one layer that it is not to find.
"""
OUTPUT_ROLES = {
    "text": ("layer",),
    "refine": ("layer",),
    "inpaint": ("layer",),
    "remove": ("layer",),
    "scene": ("background", "foreground", "blend"),
    "background": ("background",),
    "foreground": ("foreground",),
    "extract": ("background", "foreground"),
}
"""The roles that one picture of a mode brings back, in stacking order from below; `extract` only the one that it was
not given.
"""
OPTIONAL_OUTPUTS = {"background": ("blend",), "foreground": ("blend",)}
"""What a mode makes besides, and brings back when `returns` names it."""


@dataclass(frozen=True)
class Rect:
    """A pixel rectangle, top-left origin; width and height are positive."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class PictureSpec:
    """How one raw pixel frame is to be read; `space` is `srgb`, `linear` or `icc` (then `profile_frame`
    holds it).
    """

    frame: int
    width: int
    height: int
    format: str = "rgba8"
    rows: str = "top-down"
    space: str = "srgb"
    profile_frame: Optional[int] = None


@dataclass(frozen=True)
class Control:
    """A structure picture that steers the steps from `start` to `end` (shares of the schedule, 0 to 1)."""

    kind: str
    picture: PictureSpec
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class Lora:
    """A LoRA file by name or path, and how strongly it applies."""

    name: str
    weight: float = 1.0


@dataclass(frozen=True)
class LayerRequest:
    """One job: what to make, where it goes on the canvas, and with which settings.

    `target` is in canvas pixels and may reach beyond the canvas. `steps`, `guidance`, `sampler`, `passes` and
    `stop_at` fall back to the model's own defaults when None; `seed` None means that the daemon draws one. `fill`
    says that a layer from words alone is to fill the target, whatever its shape; otherwise it is drawn at a shape
    that the model learned, centred in the target, and the rest stays clear. `detail` is how
    strongly a target over the model's size is drawn over once more at its own size, 0 for not at all. `returns`
    are the roles that come back; without any, those of `OUTPUT_ROLES`. Layers come back as `reply_format`,
    `reply_rows` and `reply_space` say (`icc` needs `reply_profile_frame`).
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
    passes: Optional[int] = None
    fill: bool = False
    strength: float = 1.0
    transparency_weight: float = 1.0
    stop_at: Optional[float] = None
    loras: Tuple[Lora, ...] = ()
    detail: float = 0.0
    returns: Tuple[str, ...] = ()
    preview: bool = False
    reply_format: str = "rgba8"
    reply_rows: str = "top-down"
    reply_space: str = "srgb"
    reply_profile_frame: Optional[int] = None


def possible_roles(request: LayerRequest) -> Tuple[str, ...]:
    """Every role that this request's mode could bring back, in stacking order from below."""
    own = OUTPUT_ROLES[request.mode] + OPTIONAL_OUTPUTS.get(request.mode, ())
    return tuple(role for role in own if request.mode != "extract" or role not in request.inputs)


def output_roles(request: LayerRequest) -> Tuple[str, ...]:
    """The roles that one picture of this request brings back, in stacking order from below."""
    own = OUTPUT_ROLES[request.mode]
    return tuple(role for role in possible_roles(request) if role in (request.returns or own))
