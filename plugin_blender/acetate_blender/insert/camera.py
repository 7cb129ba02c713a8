# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a rectangle of the rendered picture lies in space, at a given depth before the camera.

Blender's own images-as-planes ignores a shifted lens and mistakes the size of an orthographic view;
`Camera.view_frame` knows both, and the pixel aspect too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from acetate_wire.errors import bad_request
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


@dataclass(frozen=True)
class CameraView:
    """How a camera sees its frame at one moment, in plain values: it may move, zoom or be renamed since.

    `kind` is Blender's type of the camera. `matrix` is its pose without scale, 16 numbers row by row. `frame` is left,
    bottom, right, top in metres, one metre before a perspective camera and anywhere before an orthographic one. What is
    nearer than `near` or beyond `far` metres is not shown.
    """

    kind: str
    matrix: tuple[float, ...]
    frame: tuple[float, float, float, float]
    near: float
    far: float

    @classmethod
    def of(cls, scene: Any, camera: Any) -> CameraView:
        """How this camera sees the scene's frame now."""
        data = camera.data
        pose = tuple(value for row in camera.matrix_world.normalized() for value in row)
        return cls(data.type, pose, _frame(scene, data), data.clip_start, data.clip_end)

    @classmethod
    def from_map(cls, values: Mapping[str, Any]) -> CameraView:
        """A view out of its plain values. Raises TypeError when they are none."""
        lists = {name: tuple(values[name]) for name in ("matrix", "frame") if name in values}
        return cls(**{**values, **lists})

    @property
    def matrix_world(self) -> Any:
        """The pose as a matrix."""
        return Matrix([self.matrix[row : row + 4] for row in range(0, 16, 4)])

    @property
    def is_orthographic(self) -> bool:
        """Whether things are as large from afar as from near."""
        return self.kind == "ORTHO"


def quad(view: CameraView, rect: Rect, canvas: tuple[int, int], depth: float) -> Quad:
    """The quad that covers `rect` (pixels of the `canvas`) of the camera's frame, at `depth` metres before it.

    Raises AcetateError when the camera cannot show a plane there.
    """
    check_camera(view, depth)
    scale = 1.0 if view.is_orthographic else depth
    left, bottom, right, top = (side * scale for side in view.frame)
    width, height = canvas
    x0, x1 = (left + (right - left) * side / width for side in (rect.x, rect.x + rect.width))
    y0, y1 = (top - (top - bottom) * side / height for side in (rect.y + rect.height, rect.y))
    middle = Vector(((x0 + x1) / 2, (y0 + y1) / 2, -depth))
    bl, br, tr_, tl = (Vector((x, y, -depth)) - middle for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
    return Quad((bl, br, tr_, tl), view.matrix_world @ Matrix.Translation(middle))


def check_camera(view: CameraView, depth: float) -> None:
    """Raise AcetateError when this camera shows nothing flat at that depth."""
    if view.kind == "PANO":
        raise bad_request(
            tr("The camera is panoramic, and a flat plane cannot fill its frame"),
            tr("choose a perspective or orthographic camera"),
            "camera",
        )
    if not view.near < depth < view.far:
        raise bad_request(
            tr("A plane {depth:g} m away is outside what the camera shows ({near:g} m to {far:g} m)").format(
                depth=depth, near=view.near, far=view.far
            ),
            tr("change the distance, or the camera's clipping"),
            "distance",
        )


def _frame(scene: Any, data: Any) -> tuple[float, float, float, float]:
    """The frame's left, bottom, right and top in camera space, as in `CameraView`."""
    frame = data.view_frame(scene=scene)
    # A scaled camera sees as an unscaled one does.
    scale = 1.0 if data.type == "ORTHO" else 1 / -frame[0].z
    top_right, bottom_left = frame[0] * scale, frame[2] * scale
    x, y = (top_right.x + bottom_left.x) / 2, (top_right.y + bottom_left.y) / 2
    width, height = _as_rendered(scene, data, top_right.x - bottom_left.x, top_right.y - bottom_left.y)
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


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
