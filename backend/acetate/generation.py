"""What a job hands out, in the pipelines and in every engine: its progress, its layers, and that it was cancelled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import UInt8


class JobCancelled(Exception):  # noqa: N818  # it is an answer, no error
    """Raised by the callback that progress is reported to when nobody wants the job any more; nothing is kept of it."""


@dataclass(frozen=True, eq=False)
class GenerationProgress:
    """How far a job is: `step` of `steps` in this stage, over all its layers.

    `stage` is `loading`, `drawing` or `finishing`. `preview` is a small straight-alpha picture of the layer that is
    being drawn, with the target's proportions.
    """

    stage: str
    step: int
    steps: int
    seconds_left: float | None = None
    preview: UInt8[np.ndarray, "h w 4"] | None = None


@dataclass(frozen=True, eq=False)
class LayerOutput:
    """A finished layer and where its top-left corner belongs on the canvas, in pixels.

    `picture` is "h w 4", an array or tensor: RGBA with straight alpha, rows from the top, sRGB-encoded, as floats in
    [0, 1] or in whole numbers whose largest means 1. `blend` is `normal`, or `add` for light, which is added to what is
    below.
    """

    name: str
    role: str
    x: int
    y: int
    picture: Any
    blend: str = field(default="normal", kw_only=True)
