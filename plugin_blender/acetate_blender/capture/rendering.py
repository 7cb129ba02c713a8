# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures that Blender renders: the last result, the camera's view and the viewport's, without our own layers."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import bpy
from acetate_wire.errors import AcetateError

from ..i18n import tr
from ..insert import collections, plane
from ..pictures import images
from ..pictures.images import ImagePixels

RESULT = "Render Result"


def render_camera(scene: Any, without: str) -> None:
    """Render the camera's view without the layers in that collection."""
    if scene.camera is None:
        raise AcetateError(
            "bad_request",
            tr("The scene has no camera to look through"),
            field="inputs",
            hint=tr("add a camera, or choose another input"),
        )
    with _without_layers(scene, without):
        bpy.ops.render.render(scene=scene.name)


def render_viewport(scene: Any, without: str) -> None:
    """Draw the 3D viewport's view without the layers in that collection, as large as a render."""
    if bpy.app.background or bpy.context.area is None or bpy.context.area.type != "VIEW_3D":
        raise AcetateError(
            "bad_request",
            tr("There is no 3D viewport to look at"),
            field="inputs",
            hint=tr("press Generate in a 3D viewport, or choose the camera view"),
        )
    with _without_layers(scene, without):
        bpy.ops.render.opengl(view_context=True)


def read_result(scene: Any) -> Generator[None, None, ImagePixels]:
    """The pixels of the last render, as it is displayed. Raises AcetateError when nothing was rendered."""
    result = bpy.data.images.get(RESULT)
    with tempfile.TemporaryDirectory(prefix="acetate-") as folder:
        file = Path(folder) / "result.png"
        if result is not None:
            with _as_png(scene), contextlib.suppress(RuntimeError):
                result.save_render(str(file), scene=scene)
        if not file.exists():
            raise AcetateError(
                "bad_request",
                tr("Nothing was rendered yet"),
                field="inputs",
                hint=tr("render (F12), or choose the camera view"),
            )
        yield
        loaded = bpy.data.images.load(str(file))
        try:
            pixels = yield from images.read(loaded)
        finally:
            bpy.data.images.remove(loaded)
    return pixels


@contextlib.contextmanager
def _without_layers(scene: Any, collection: str) -> Iterator[None]:
    """Hide the layers in that collection and show them again, also after an error."""
    holder = collections.existing(scene, collection)
    inside = () if holder is None else tuple(holder.all_objects)
    seen = [obj for obj in plane.planes(scene) if obj in inside and not obj.hide_render]
    in_view = [obj for obj in seen if not obj.hide_viewport]
    try:
        for obj in seen:
            obj.hide_render = True
        for obj in in_view:
            obj.hide_viewport = True
        yield
    finally:
        for obj in seen:
            obj.hide_render = False
        for obj in in_view:
            obj.hide_viewport = False


@contextlib.contextmanager
def _as_png(scene: Any) -> Iterator[None]:
    """Save as an 8-bit PNG with alpha for a moment."""
    wanted = {"file_format": "PNG", "color_mode": "RGBA", "color_depth": "8", "compression": 0}
    format_ = scene.render.image_settings
    if hasattr(format_, "media_type"):
        wanted = {"media_type": "IMAGE", **wanted}
    before = {name: getattr(format_, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(format_, name, value)
        yield
    finally:
        for name, value in before.items():
            with contextlib.suppress(TypeError):
                setattr(format_, name, value)
