"""Two or three things in one clear frame, placed as the words between them say.

Pictures that are put together are premultiplied RGBA (h, w, 4), float32 in [0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from acetate_lab.synthetic.soft.paint import Field, Picture

Premultiplied = NDArray[np.float32]

EDGE = 0.05
"""The clear margin of a group, of the frame's side."""


def cut_out(picture: Picture, tall: float, wide: float, mirror: bool = False) -> Premultiplied:
    """What is visible of uint8 straight RGBA, premultiplied and scaled to fit `tall` x `wide` pixels."""
    rows, columns = np.nonzero(picture[..., 3] > 4)
    part = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = min(tall / part.shape[0], wide / part.shape[1])
    size = (max(2, round(part.shape[1] * scale)), max(2, round(part.shape[0] * scale)))
    # "RGBa" is Pillow's premultiplied mode: colour under clear pixels must not bleed into the edge.
    image = Image.fromarray(np.ascontiguousarray(part[:, ::-1] if mirror else part)).convert("RGBa")
    resampling = Image.Resampling.BOX if scale < 0.5 else Image.Resampling.BICUBIC
    return np.asarray(image.resize(size, resampling), dtype=np.float32) / np.float32(255)


def clear(size: int) -> Premultiplied:
    """A clear frame of `size` x `size` pixels."""
    return np.zeros((size, size, 4), np.float32)


def over(frame: Premultiplied, thing: Premultiplied, left: float, top: float) -> None:
    """Blend a thing over the frame, in place, its corner at (left, top); what lies outside is cut off."""
    x, y = round(left), round(top)
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + thing.shape[1], frame.shape[1]), min(y + thing.shape[0], frame.shape[0])
    if x1 > x0 and y1 > y0:
        part = thing[y0 - y : y1 - y, x0 - x : x1 - x]
        frame[y0:y1, x0:x1] = part + frame[y0:y1, x0:x1] * (1 - part[..., 3:])


def straight(frame: Premultiplied) -> Picture:
    """Premultiplied colours as uint8 straight RGBA."""
    alpha = np.rint(np.clip(frame[..., 3:], 0, 1) * 255)
    made = np.zeros(frame.shape, np.uint8)
    scale = np.where(alpha > 0, 255 / np.maximum(frame[..., 3:], 1e-6), 0)
    made[..., :3] = np.rint(np.clip(frame[..., :3] * scale, 0, 255))
    made[..., 3:] = alpha
    return made


def in_a_row(pictures: Sequence[Picture], size: int, rng: np.random.Generator, overlap: float = 0.0) -> Picture:
    """Things side by side from left to right, each in an equal share of the frame, standing on one line or not.

    With `overlap` they come that much (of a share) closer and larger, later ones in front.
    """
    count = len(pictures)
    inner = size * (1 - 2 * EDGE)
    share = inner / (count - (count - 1) * overlap)
    tall = inner * rng.uniform(0.62, 0.8) if count > 2 else inner * rng.uniform(0.75, 0.95)
    frame = clear(size)
    level = rng.random() < 0.6
    things = [cut_out(each, tall, share * rng.uniform(0.82, 0.97)) for each in pictures]
    highest = max(thing.shape[0] for thing in things)
    base = size / 2 + highest / 2
    for number, thing in enumerate(things):
        middle = size * EDGE + share * (0.5 + number * (1 - overlap))
        top = base - thing.shape[0] if level else size / 2 - thing.shape[0] / 2 + rng.uniform(-0.06, 0.06) * size
        top = float(np.clip(top, size * EDGE, size * (1 - EDGE) - thing.shape[0]))
        over(frame, thing, middle - thing.shape[1] / 2, top)
    return straight(frame)


def copies(picture: Picture, count: int, size: int, rng: np.random.Generator) -> Picture:
    """Two or three of a thing that hardly overlap, each of its own size and some mirrored."""
    inner = size * (1 - 2 * EDGE)
    frame = clear(size)
    cell = inner * (0.48 if count == 2 else 0.46)
    spots = ((0.27, 0.5), (0.73, 0.5)) if count == 2 else ((0.5, 0.27), (0.27, 0.73), (0.73, 0.73))
    if count == 2 and rng.random() < 0.3:
        spots = ((0.32, 0.3), (0.68, 0.7))
    if count == 3 and rng.random() < 0.3:
        spots, cell = ((0.18, 0.5), (0.5, 0.5), (0.82, 0.5)), inner * 0.32
    for across, down in spots:
        side = cell * rng.uniform(0.8, 1.0)
        thing = cut_out(picture, side, side, mirror=bool(rng.random() < 0.4))
        left = size * EDGE + inner * across + rng.uniform(-0.015, 0.015) * size - thing.shape[1] / 2
        top = size * EDGE + inner * down + rng.uniform(-0.015, 0.015) * size - thing.shape[0] / 2
        over(
            frame,
            thing,
            float(np.clip(left, size * 0.02, size * 0.98 - thing.shape[1])),
            float(np.clip(top, size * 0.02, size * 0.98 - thing.shape[0])),
        )
    return straight(frame)


def stacked(upper: Picture, lower: Picture, size: int, rng: np.random.Generator) -> Picture:
    """One thing on another: above it and touching it, its foot on the lower one's top edge."""
    return _piled(upper, lower, size, (rng.uniform(0.4, 0.5), rng.uniform(0.48, 0.56)), rng.uniform(-0.12, 0.12))


def wearing(hat: Picture, wearer: Picture, size: int, rng: np.random.Generator) -> Picture:
    """A thing on the highest part of another, covering it a little, as a hat on a head."""
    return _piled(hat, wearer, size, (rng.uniform(0.26, 0.33), rng.uniform(0.72, 0.78)), None)


def _piled(upper: Picture, lower: Picture, size: int, shares: tuple[float, float], aside: float | None) -> Picture:
    """`upper` on `lower`, with shares of the frame's height; `aside` of the lower one's middle, None for its peak."""
    inner = size * (1 - 2 * EDGE)
    under = cut_out(lower, inner * shares[1], inner * 0.96)
    above = cut_out(upper, inner * shares[0], min(inner * 0.8, under.shape[1] * 0.9))
    crest = _crest(under)
    if aside is None:
        peak = np.nonzero(crest <= crest.min() + 0.06 * under.shape[0])[0]
        foot, sunk = float(peak.mean()), 0.2 * above.shape[0]
    else:
        foot, sunk = under.shape[1] * (0.5 + aside), 0.05 * above.shape[0]
    near = np.clip(np.arange(-3, 4) + round(foot), 0, under.shape[1] - 1)
    height = above.shape[0] - sunk + under.shape[0] - float(crest[near].min())
    top = (size - max(height, under.shape[0])) / 2
    under_top = top + max(height, under.shape[0]) - under.shape[0]
    left = (size - under.shape[1]) / 2
    frame = clear(size)
    over(frame, under, left, under_top)
    at = under_top + float(crest[near].min()) + sunk - above.shape[0]
    over(frame, above, left + foot - above.shape[1] / 2, at)
    return straight(frame)


def _crest(thing: Premultiplied) -> Field:
    """For each column, the row of its highest pixel that is more than half covered."""
    solid = thing[..., 3] > 0.5
    crest: Field = np.where(solid.any(axis=0), solid.argmax(axis=0), thing.shape[0] - 1).astype(np.float64)
    return crest


def held(holder: Picture, held_thing: Picture, size: int, rng: np.random.Generator) -> Picture:
    """A thing with a smaller one in front of it, which covers part of its lower left or right."""
    inner = size * (1 - 2 * EDGE)
    back = cut_out(holder, inner * 0.95, inner * 0.86)
    front = cut_out(held_thing, inner * rng.uniform(0.38, 0.48), inner * 0.46)
    right = rng.random() < 0.5
    frame = clear(size)
    back_left = size * EDGE + (0 if right else inner - back.shape[1])
    middle = back_left + back.shape[1] * (0.80 if right else 0.20)
    left = float(np.clip(middle - front.shape[1] / 2, size * EDGE, size * (1 - EDGE) - front.shape[1]))
    back_top = (size - back.shape[0]) / 2
    over(frame, back, back_left, back_top)
    over(frame, front, left, back_top + back.shape[0] - front.shape[0])
    return straight(frame)
