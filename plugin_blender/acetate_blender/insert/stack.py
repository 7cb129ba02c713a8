# SPDX-License-Identifier: GPL-3.0-or-later
"""At which depths layers stand before the camera, so that each lies where it belongs among the others."""

from __future__ import annotations

from collections.abc import Sequence

IN_FRONT_OF_ALL = "TOP"
INSTEAD = "INSTEAD"
BEHIND = "BEHIND"
IN_FRONT = "FRONT"
AUTOMATIC = "AUTO"
BEHIND_ALL = "BACK"
AT_DISTANCE = "DISTANCE"
"""What the artist chooses: as `ORDERS` has it, behind all that is there, or just at the distance."""
SAME = 1e-4
"""Depths nearer to each other than this share of them are the same."""
ORDERS = {
    **dict.fromkeys(("refine", "inpaint", "remove", "split"), INSTEAD),
    "background": BEHIND,
    "foreground": IN_FRONT,
}
"""Where a mode's layers go, about the layer that it works on."""


def depths(
    count: int,
    existing: Sequence[float],
    *,
    distance: float,
    gap: float,
    where: str = IN_FRONT_OF_ALL,
    anchor: float | None = None,
) -> list[float]:
    """Depths in metres for `count` layers, from the lowest (farthest) to the topmost.

    `gap` is the share of the distance between two layers (0 to 1, exclusive). The first layers of an empty
    stack begin at `distance`, and so do all that are to stand `AT_DISTANCE`. `anchor` is the depth of the layer that
    `where` is about: instead of it, behind it or in front of it, before whatever else is there.
    """
    nearer = 1 - gap
    if where == AT_DISTANCE:
        return [_apart(distance * nearer**n, existing) for n in range(count)]
    if where == BEHIND_ALL and existing:
        return [max(existing) / nearer ** (count - n) for n in range(count)]
    if anchor is None or where in (IN_FRONT_OF_ALL, BEHIND_ALL):
        start = min(existing) * nearer if existing else distance
        return [start * nearer**n for n in range(count)]
    if where == INSTEAD:
        # Several in one layer's place share the room up to the next one.
        return _between(anchor, _next_nearer(anchor, existing), count + 1, nearer)[:count] if count > 1 else [anchor]
    if where == BEHIND:
        beyond = min((depth for depth in existing if depth > anchor * (1 + 1e-6)), default=None)
        if beyond is None:
            return [anchor / nearer ** (count - n) for n in range(count)]
        return _between(beyond, anchor, count + 1, nearer)[1:]
    return _between(anchor, _next_nearer(anchor, existing), count + 1, nearer)[1:]


def with_hidden(shown: Sequence[float], hidden: Sequence[bool], gap: float) -> list[float]:
    """Depths for all of a job's layers, `shown` being those of the ones that are not `hidden`.

    The hidden ones take no room: they stand just before the shown one below them, within the gap.
    """
    step, left, found = gap / (len(hidden) + 1), list(shown), []
    below = shown[0] * (1 + gap)
    for is_hidden in hidden:
        below = below * (1 - step) if is_hidden else left.pop(0)
        found.append(below)
    return found


def _apart(depth: float, existing: Sequence[float]) -> float:
    """`depth`, or a little nearer where a layer stands already."""
    while any(abs(depth - other) <= SAME * other for other in existing):
        depth *= 1 - 10 * SAME
    return depth


def _next_nearer(anchor: float, existing: Sequence[float]) -> float | None:
    return max((depth for depth in existing if depth < anchor * (1 - 1e-6)), default=None)


def _between(far: float, near: float | None, steps: int, nearer: float) -> list[float]:
    """`steps` depths from `far` towards `near` without reaching it, each the same share nearer than the last."""
    share = nearer if near is None else max(nearer, (near / far) ** (1 / steps))
    return [far * share**n for n in range(steps)]
