"""Elements: smoke, fire, rain, light and hair drawn by formula, at any size, with exact alpha; no neural network."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from acetate.elements.frame import Canvas, Layer, no_progress
from acetate.elements.kinds import KINDS
from acetate.elements.numbers import Numbers
from acetate.elements.outline import Mask, Outline
from acetate.elements.params import Choice, Number
from acetate.elements.style import REALISTIC, styled
from acetate.elements.words import Understood, understand

__all__ = ["KINDS", "Understood", "paint", "sample", "understand"]


def paint(
    kind: str,
    values: Mapping[str, object],
    width: int,
    height: int,
    seed: int,
    frame: int = 0,
    frames: int = 1,
    on_progress: Callable[[float], None] | None = None,
    mask: Mask | None = None,
) -> Layer:
    """Paint an element: (height, width, 4) float32, straight alpha, sRGB-encoded, in [0, 1].

    `values` are parameters of the kind by name. `frame` is one of a loop's `frames`; frame number `frames` is the first
    again. `on_progress` gets the share that is done; what it raises ends the work and is passed on. A kind that is
    `outlined` grows along the outline of a `mask`, (rows, columns) from 0 to 255 in the shape of the frame. Raises
    ValueError naming what the kind has not, the limit that a value is over, or a mask without an outline.
    """
    chosen = KINDS.get(kind)
    if chosen is None:
        raise ValueError(f"no element {kind!r}: there are {', '.join(KINDS)}")
    if frames > 1 and not chosen.loops:
        raise ValueError(f"{chosen.label} does not move: ask for one frame")
    if mask is not None and not chosen.outlined:
        along = ", ".join(each.label for each in KINDS.values() if each.outlined)
        raise ValueError(f"{chosen.label} does not grow along an outline: there are {along}")
    params = chosen.build(values)
    outline = None if mask is None else Outline.of(mask)
    canvas = Canvas(width, height, Numbers(seed), (frame % frames) / frames, on_progress or no_progress, outline)
    layer = styled(canvas, chosen.paint(canvas, params), getattr(params, "style", REALISTIC), chosen.brush)
    for band in canvas.bands():
        part = layer[band.place]
        part[..., :3] /= np.maximum(part[..., 3:], np.float32(1e-12))
        np.clip(part, 0, 1, out=part)
    return layer


def sample(kind: str, seed: int) -> dict[str, object]:
    """Plausible values of all parameters but colours, near their defaults: the same for the same seed."""
    numbers = Numbers(seed)
    values: dict[str, object] = {}
    for parameter in KINDS[kind].parameters():
        spin = numbers.one(f"sample.{parameter.name}")
        if isinstance(parameter, Number):
            near = parameter.default + (spin - 0.5) * 0.6 * (parameter.high - parameter.low)
            value = min(max(near, parameter.low), parameter.high)
            values[parameter.name] = round(value) if parameter.whole else value
        elif isinstance(parameter, Choice):
            values[parameter.name] = list(parameter.options)[int(spin * len(parameter.options))]
    return values
