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
    width, height = (side * render.resolution_percentage // 100 for side in (render.resolution_x, render.resolution_y))
    return max(1, width), max(1, height)


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
    scale = 1.0 if data.type == "ORTHO" else depth / -frame[0].z
    top_right, bottom_left = frame[0] * scale, frame[2] * scale
    x, y = (top_right.x + bottom_left.x) / 2, (top_right.y + bottom_left.y) / 2
    width, height = _as_rendered(scene, data, top_right.x - bottom_left.x, top_right.y - bottom_left.y)
    right, left, top, bottom = x + width / 2, x - width / 2, y + height / 2, y - height / 2
    corners = (Vector((right, top, -depth)), Vector((right, bottom, -depth)))
    return (*corners, Vector((left, bottom, -depth)), Vector((left, top, -depth)))


def _as_rendered(scene: Any, data: Any, width: float, height: float) -> tuple[float, float]:
    """The frame's size when its proportions are those of the whole pixels that are rendered.

    `view_frame` takes those of the full resolution, of which a percentage may be no whole number of pixels.
    Source: BKE_camera_params_compute_viewplane of Blender.
    """
    render = scene.render
    aspects = (render.pixel_aspect_x, render.pixel_aspect_y)
    full_x, full_y = render.resolution_x * aspects[0], render.resolution_y * aspects[1]
    real_x, real_y = (side * aspect for side, aspect in zip(picture_size(scene), aspects))
    side = width if _fits_width(data, full_x, full_y) else height
    if _fits_width(data, real_x, real_y):
        return side, side * real_y / real_x
    return side * real_x / real_y, side


def _fits_width(data: Any, x: float, y: float) -> bool:
    """Whether the sensor is as wide as the frame, not as high."""
    return data.sensor_fit == "HORIZONTAL" or (data.sensor_fit == "AUTO" and x >= y)
