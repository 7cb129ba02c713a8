"""Strokes with exact edges: round joints, any width, tapering; many fine ones at once, or few thick ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.numbers import Field, Reals, exp

CHUNK = 1 << 16
"""About how many samples of fine strokes are laid at a time."""


@dataclass(frozen=True)
class Strokes:
    """`n` polylines of `k` points each, in pixels as (column, row).

    `points` (n, k, 2); `radii`, `weights` and `shades` are (n, k) or broadcast to it. A weight is an opacity in [0, 1]
    or a brightness; a shade is any number that a painter makes a colour of. `soft`
    is the share of a fine stroke's width over which its edge fades, besides the pixel that every edge has.
    """

    points: Reals
    radii: Reals
    weights: Reals
    shades: Reals | None = None
    soft: float = 0.0


def capsules(picture: Field, strokes: Strokes) -> None:
    """Lay thick strokes into a picture (height, width): the greatest weight that covers a pixel stays."""
    height, width = picture.shape
    count, length, _ = strokes.points.shape
    radii = np.broadcast_to(strokes.radii, (count, length))
    weights = np.broadcast_to(strokes.weights, (count, length))
    for points, radius, weight in zip(strokes.points, radii, weights, strict=True):
        for i in range(length - 1):
            (ax, ay), (bx, by) = points[i], points[i + 1]
            most = max(radius[i], radius[i + 1]) + 1
            left, right = int(max(min(ax, bx) - most, 0)), int(min(max(ax, bx) + most + 1, width))
            top, bottom = int(max(min(ay, by) - most, 0)), int(min(max(ay, by) + most + 1, height))
            if left >= right or top >= bottom:
                continue
            x = (np.arange(left, right) + 0.5 - ax).astype(np.float32)[None]
            y = (np.arange(top, bottom) + 0.5 - ay).astype(np.float32)[:, None]
            dx, dy = np.float32(bx - ax), np.float32(by - ay)
            share = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, np.float32(1e-9)), np.float32(0), np.float32(1))
            distance = np.sqrt((x - share * dx) ** 2 + (y - share * dy) ** 2)
            thick = np.float32(radius[i]) + share * np.float32(radius[i + 1] - radius[i])
            # A stroke thinner than a pixel covers only a part of it.
            cover = np.clip(thick - distance + np.float32(0.5), np.float32(0), np.minimum(thick * 2, np.float32(1)))
            cover *= np.float32(weight[i]) + share * np.float32(weight[i + 1] - weight[i])
            window = picture[top:bottom, left:right]
            np.maximum(window, cover, out=window)


def dots(picture: Field, points: Reals, radii: Reals, weights: Reals, soft: float) -> None:
    """Add round dots (n) to a picture: flat within, with an edge of `soft` (in (0, 2]) of their radius."""
    height, width = picture.shape
    for (column, row), radius, weight in zip(points, radii, weights, strict=True):
        edge = max(soft * radius, 1.0)
        reach = max(radius, 0.5) + edge / 2
        left, right = int(max(column - reach, 0)), int(min(column + reach + 1, width))
        top, bottom = int(max(row - reach, 0)), int(min(row + reach + 1, height))
        if left >= right or top >= bottom:
            continue
        x = (np.arange(left, right) + 0.5 - column).astype(np.float32)[None]
        y = (np.arange(top, bottom) + 0.5 - row).astype(np.float32)[:, None]
        t = np.clip((np.float32(reach) - np.sqrt(x * x + y * y)) / np.float32(edge), np.float32(0), np.float32(1))
        share = min(radius / 0.5, 1.0) ** 2
        picture[top:bottom, left:right] += t * t * (3 - 2 * t) * np.float32(weight * share)


def fine(depth: Field, strokes: Strokes, shaded: Field | None = None) -> None:
    """Lay many fine strokes: add their optical depth, and the depth times shade, to pictures (height, width).

    Each is sampled once a pixel along its longer direction, and covers the pixels across with a smooth edge. Depths
    add up, so the order does not matter: alpha is 1 - exp(-depth), the mean shade is their quotient.
    """
    count, length, _ = strokes.points.shape
    fields = (strokes.radii, strokes.weights, 0.0 if strokes.shades is None else strokes.shades)
    radii, weights, shades = (np.broadcast_to(value, (count, length)) for value in fields)
    start, end = strokes.points[:, :-1].reshape(-1, 2), strokes.points[:, 1:].reshape(-1, 2)
    ends = [(value[:, :-1].ravel(), value[:, 1:].ravel()) for value in (radii, weights, shades)]
    reach = np.abs(end - start)
    steep = reach[:, 1] >= reach[:, 0]
    for upright in (True, False):
        chosen = np.nonzero(steep == upright)[0]
        major = 1 if upright else 0
        spans = np.ceil(reach[chosen, major]).astype(np.intp) + 1
        limits = np.searchsorted(np.cumsum(spans), np.arange(0, int(spans.sum()) + CHUNK, CHUNK))
        for low, high in zip(limits, [*limits[1:], len(chosen)], strict=False):
            part = chosen[low:high]
            if len(part):
                values = [(a[part], b[part]) for a, b in ends]
                _lay(depth, shaded, start[part], end[part], values, major, strokes.soft)


def _lay(
    depth: Field,
    shaded: Field | None,
    start: Reals,
    end: Reals,
    values: list[tuple[Reals, Reals]],
    major: int,
    soft: float,
) -> None:
    """Lay segments that advance by rows (major 1) or by columns (major 0)."""
    swap = start[:, major] > end[:, major]
    first = np.where(swap[:, None], end, start)
    last = np.where(swap[:, None], start, end)
    # Pixel centres in [first, last): the next segment of the polyline begins where this one ends.
    begin = np.ceil(first[:, major] - 0.5).astype(np.intp)
    spans = np.maximum(np.ceil(last[:, major] - 0.5).astype(np.intp) - begin, 0)
    owner = np.repeat(np.arange(len(first)), spans)
    if not len(owner):
        return
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(spans) - spans, spans)
    line = begin[owner] + offset
    run = last - first
    length = np.maximum(run[:, major], 1e-9)
    share = (line + 0.5 - first[owner, major]) / length[owner]
    place = first[owner, 1 - major] + share * run[owner, 1 - major]
    along = np.where(swap[owner], 1 - share, share)
    radius, weight, shade = (a[owner] + (b[owner] - a[owner]) * along for a, b in values)
    # Across the stroke distances shrink by the cosine of its slope.
    slope = length / np.sqrt(run[:, 0] ** 2 + run[:, 1] ** 2 + 1e-18)
    lean = slope[owner]
    half = np.maximum(radius, 0.5)
    thin = weight * np.minimum(radius / 0.5, 1.0)
    edge = 1.0 + soft * half
    lanes = int(np.ceil(2 * (half / lean).max() + 1)) if len(owner) else 0
    lowest = np.floor(place - half / lean - 0.5).astype(np.intp)
    shape, flat = depth.shape, depth.reshape(-1)
    lines, across = (shape[0], shape[1]) if major == 1 else (shape[1], shape[0])
    inside = (line >= 0) & (line < lines)
    for lane in range(lanes + 1):
        cell = lowest + lane
        cover = np.clip((half - np.abs(cell + 0.5 - place) * lean + 0.5) / edge, 0, 1)
        cover = cover * cover * (3 - 2 * cover) * thin if soft else cover * thin
        seen = inside & (cell >= 0) & (cell < across) & (cover > 0)
        cover = np.minimum(cover[seen], 0.999)
        # -log(1 - c) by a series that only the strongest covers need to the end.
        amount = (cover / (1 - cover * (0.5 + 0.48 * cover * cover))).astype(np.float32)
        index = line[seen] * across + cell[seen] if major == 1 else cell[seen] * lines + line[seen]
        np.add.at(flat, index, amount)
        if shaded is not None:
            np.add.at(shaded.reshape(-1), index, amount * shade[seen].astype(np.float32))


def opacity(depth: Field) -> Field:
    """Alpha of an optical depth."""
    return np.float32(1) - exp(-depth)
