# SPDX-License-Identifier: GPL-3.0-or-later
"""Depth and normals of the scene as the camera sees it, found by rays: no render, no engine, no window.

Our own planes are transparent to the rays, so that layers never shape the next one.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import bpy
import numpy as np
from acetate_wire.request import Rect
from mathutils import Vector

from ..insert import plane
from ..insert.camera import CameraView, quad
from ..pictures import resize
from ..pictures.images import ImagePixels

LONGEST_SIDE = 512
"""Structure steers coarsely; the picture is scaled to the target."""
FLAT = 1e-4
"""Below this share of its distance a difference in depth is rounding."""
_RAYS = 400
"""Rays between two yields, some milliseconds."""


def read(
    scene: Any, view: CameraView, target: Rect, canvas: tuple[int, int], kind: str
) -> Generator[None, None, ImagePixels]:
    """What the camera sees in `target` as a grey depth picture (near is white) or as camera-space normals.

    Depth runs from white at the nearest to near-black at the farthest hit; where nothing is hit it is black.
    Normals map -1..1 to 0..255: red to the right, green up, blue towards the camera; nothing is (128, 128, 255).
    """
    scale = min(1.0, LONGEST_SIDE / max(target.width, target.height))
    width, height = max(1, round(target.width * scale)), max(1, round(target.height * scale))
    graph = bpy.context.evaluated_depsgraph_get()
    shape = quad(view, target, canvas, (view.near + view.far) / 2)
    bottom_left, bottom_right, _, top_left = (shape.matrix @ corner for corner in shape.corners)
    eye = view.matrix_world
    to_camera = eye.inverted().to_3x3()
    forward = eye.to_3x3() @ Vector((0.0, 0.0, -1.0))
    depths = np.full((height, width), np.inf, np.float32)
    normals = np.tile(np.array((0.0, 0.0, 1.0), np.float32), (height, width, 1))
    for n in range(width * height):
        row, column = divmod(n, width)
        through = (
            bottom_left
            + (bottom_right - bottom_left) * ((column + 0.5) / width)
            + (top_left - bottom_left) * ((row + 0.5) / height)
        )
        if view.is_orthographic:
            direction = forward
            start = through - forward * (through - eye.translation).dot(forward)
        else:
            direction, start = (through - eye.translation).normalized(), eye.translation
        hit = _first_hit(scene, graph, start + direction * view.near, direction)
        if hit is not None:
            point, normal = hit
            depths[row, column] = (point - eye.translation).dot(forward)
            seen = to_camera @ normal
            normals[row, column] = seen if seen.z >= 0 else -seen
        if n % _RAYS == _RAYS - 1:
            yield
    seen_there = ImagePixels(_grey(depths) if kind == "depth" else _colours(normals))
    return (yield from resize.resized(seen_there, target.width, target.height))


def _first_hit(scene: Any, graph: Any, start: Any, direction: Any) -> Any:
    """Point and normal of the first surface that is not one of our planes; None when there is none."""
    while True:
        hit, point, normal, _, obj, _ = scene.ray_cast(graph, start, direction)
        if not hit:
            return None
        if not plane.is_plane(obj.original):
            return point, normal
        start = point + direction * 1e-4


def _grey(depths: Any) -> Any:
    found = np.isfinite(depths)
    out = np.zeros((*depths.shape, 4), np.uint8)
    out[..., 3] = 255
    if found.any():
        # Nearness rather than distance, as the models that read depth expect.
        nearness = np.where(found, 1 / np.maximum(depths, 1e-6), 0)
        low, high = nearness[found].min(), nearness[found].max()
        share = (nearness - low) / (high - low) if high - low > FLAT * high else np.ones_like(nearness)
        out[..., :3] = np.where(found, np.rint(10 + 245 * share), 0)[..., None]
    return out


def _colours(normals: Any) -> Any:
    out = np.full((*normals.shape[:2], 4), 255, np.uint8)
    out[..., :3] = np.clip(np.rint((normals + 1) * 127.5), 0, 255)
    return out
