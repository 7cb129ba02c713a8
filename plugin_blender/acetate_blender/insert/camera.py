# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a rectangle of the rendered picture lies in space, at a given depth before the camera.

Blender's own images-as-planes ignores a shifted lens and mistakes the size of an orthographic view;
`Camera.view_frame` knows both, and the pixel aspect too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from acetate_wire.errors import AcetateError
from acetate_wire.request import Rect
from mathutils import Matrix, Vector

from ..i18n import tr


@dataclass(frozen=True)
class Quad:
    """Four corners (bottom left, bottom right, top right, top left) about the middle, and where that stands.

    `corners` and `matrix` are in metres; the quad faces the camera.
    """

    corners: tuple[Any, Any, Any, Any]
    matrix: Any


def picture_size(scene: Any) -> tuple[int, int]:
    """The size in pixels of what this scene renders."""
    render = scene.render
    share = render.resolution_percentage / 100
    return max(1, int(render.resolution_x * share)), max(1, int(render.resolution_y * share))


def quad(scene: Any, camera: Any, rect: Rect, canvas: tuple[int, int], depth: float) -> Quad:
    """The quad that covers `rect` (pixels of the `canvas`) of the camera's frame, at `depth` metres before it.

    Raises AcetateError when the camera cannot show a plane there.
    """
    check_camera(camera, depth)
    _, bottom_right, bottom_left, top_left = _frame(scene, camera.data, depth)
    right, up = bottom_right - bottom_left, top_left - bottom_left
    width, height = canvas
    x0, x1 = rect.x / width, (rect.x + rect.width) / width
    y0, y1 = 1 - (rect.y + rect.height) / height, 1 - rect.y / height
    corners = [bottom_left + right * u + up * v for u, v in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    middle = (corners[0] + corners[2]) / 2
    # A scaled camera sees as an unscaled one does.
    matrix = camera.matrix_world.normalized() @ Matrix.Translation(middle)
    bl, br, tr_, tl = (corner - middle for corner in corners)
    return Quad((bl, br, tr_, tl), matrix)


def check_camera(camera: Any, depth: float) -> None:
    """Raise AcetateError when this camera shows nothing flat at that depth."""
    data = camera.data
    if data.type == "PANO":
        raise AcetateError(
            "bad_request",
            tr("The camera is panoramic, and a flat plane cannot fill its frame"),
            field="camera",
            hint=tr("choose a perspective or orthographic camera"),
        )
    if not data.clip_start < depth < data.clip_end:
        raise AcetateError(
            "bad_request",
            tr("A plane {depth:g} m away is outside what the camera shows ({near:g} m to {far:g} m)").format(
                depth=depth, near=data.clip_start, far=data.clip_end
            ),
            field="distance",
            hint=tr("change the distance, or the camera's clipping"),
        )


def _frame(scene: Any, data: Any, depth: float) -> tuple[Any, Any, Any, Any]:
    """The frame's corners (top right, bottom right, bottom left, top left) at that depth, in camera space."""
    frame = data.view_frame(scene=scene)
    if data.type == "ORTHO":
        a, b, c, d = (Vector((v.x, v.y, -depth)) for v in frame)
    else:
        a, b, c, d = (v * (depth / -v.z) for v in frame)
    return a, b, c, d
