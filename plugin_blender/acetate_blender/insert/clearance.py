# SPDX-License-Identifier: GPL-3.0-or-later
"""How near the first layer must stand so that no object pokes through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import bpy
from acetate_wire.request import Rect
from mathutils import Vector

from . import plane
from .camera import CameraView, Quad, quad

SOLID = ("MESH", "CURVE", "SURFACE", "META", "FONT", "CURVES", "POINTCLOUD", "VOLUME")
NEAREST_SHARE = 0.5
"""What reaches nearer than this share of the distance is a floor or a room, in which a layer stands."""


def before_what_it_cuts(
    scene: Any, view: CameraView, rects: Sequence[Rect], canvas: tuple[int, int], distance: float, gap: float
) -> float:
    """`distance`, or less where layers on these rectangles would stand in the middle of an object.

    The layers then stand before that object by the share `gap` of its own distance.
    """
    nearest_allowed = max(distance * NEAREST_SHARE, view.near / (1 - gap) * (1 + 1e-6))
    shape = quad(view, _around(rects), canvas, distance)
    found = [span for span in _spans(scene, view, shape) if span[0] >= nearest_allowed]
    depth = distance
    for near, far in sorted(found, reverse=True):
        if near <= depth <= far:
            depth = near * (1 - gap)
    return depth


def _around(rects: Sequence[Rect]) -> Rect:
    left, top = min(rect.x for rect in rects), min(rect.y for rect in rects)
    right, bottom = max(rect.x + rect.width for rect in rects), max(rect.y + rect.height for rect in rects)
    return Rect(left, top, right - left, bottom - top)


def _spans(scene: Any, view: CameraView, shape: Quad) -> Iterator[tuple[float, float]]:
    """The nearest and the farthest depth of each rendered object that is seen where the shape is."""
    to_camera = view.matrix_world.inverted()
    frame = [to_camera @ (shape.matrix @ corner) for corner in shape.corners]
    in_perspective = not view.is_orthographic
    low, high = _extent(frame, in_perspective)
    for obj in _solid(scene):
        corners = [to_camera @ (obj.matrix_world @ Vector(corner)) for corner in obj.bound_box]
        depths = [-corner.z for corner in corners]
        if max(depths) <= 0 or (in_perspective and min(depths) <= 0):
            continue
        left_bottom, right_top = _extent(corners, in_perspective)
        if all(left_bottom[axis] < high[axis] and right_top[axis] > low[axis] for axis in (0, 1)):
            yield min(depths), max(depths)


def _extent(points: Iterable[Any], in_perspective: bool) -> tuple[tuple[float, float], tuple[float, float]]:
    seen = [(point.x / -point.z, point.y / -point.z) if in_perspective else (point.x, point.y) for point in points]
    return (min(x for x, _ in seen), min(y for _, y in seen)), (max(x for x, _ in seen), max(y for _, y in seen))


def _solid(scene: Any) -> Iterator[Any]:
    graph = bpy.context.evaluated_depsgraph_get()
    for obj in scene.objects:
        if obj.type in SOLID and not obj.hide_render and not plane.is_plane(obj):
            yield obj.evaluated_get(graph)
