# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the scene without our layers: private renders, which leave the artist's settings and results alone."""

from __future__ import annotations

import contextlib
import functools
import struct
import tempfile
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, Callable

import bpy
import numpy as np
from acetate_wire.errors import AcetateError, bad_request

from .. import bpy_compat
from ..i18n import tr
from ..insert import collections, plane
from ..insert.camera import picture_size
from ..pictures import images
from ..pictures.images import ImagePixels

RESULT = "Render Result"
SAMPLES = 64
"""At most so many samples for a picture that a model works on."""
CLEAR_ROLES, OPAQUE_ROLES = ("layer", "foreground"), ("background", "blend")
"""The roles that want a transparent film, and those that want none; the mask takes the scene's own."""
PNG = {"file_format": "PNG", "color_mode": "RGBA", "color_depth": "8", "compression": 0}


def of_camera(scene: Any, without: str, role: str) -> bytes:
    """The whole frame of the scene's camera as a PNG file, without the layers in that collection.

    A copy of the scene is rendered, for its own Render Result: only the active view layer, without compositor,
    sequencer, border and stamp, with at most SAMPLES samples. Raises AcetateError where nothing can be rendered.
    """
    _camera(scene)
    with tempfile.TemporaryDirectory(prefix="acetate-") as folder, _private_copy(scene, role) as copy:
        copy.render.filepath = str(Path(folder) / "view.png")
        with _without_layers(scene, without):
            try:
                bpy.ops.render.render(scene=copy.name, write_still=True)
                return Path(copy.render.filepath).read_bytes()
            except (RuntimeError, OSError) as error:
                raise _refused(tr("The camera's view could not be rendered"), str(error).strip()) from None


def of_viewport(scene: Any, without: str, role: str) -> ImagePixels:
    """What the camera sees, shaded as in the 3D viewport, without overlays and the layers in that collection."""
    area, camera = bpy.context.area, _camera(scene)
    if bpy.app.background or area is None or area.type != "VIEW_3D":
        raise _refused(
            tr("There is no 3D viewport to look at"),
            tr("press Generate in a 3D viewport, or choose the camera view"),
        )
    space = area.spaces.active
    region = next(region for region in area.regions if region.type == "WINDOW")
    width, height = picture_size(scene)
    aspect, view_layer = scene.render, bpy.context.view_layer
    seen = camera.matrix_world.normalized().inverted()
    with _without_layers(scene, without), _plain(space, scene):
        view_layer.update()
        through = camera.calc_matrix_camera(
            bpy.context.evaluated_depsgraph_get(),
            x=width,
            y=height,
            scale_x=aspect.pixel_aspect_x,
            scale_y=aspect.pixel_aspect_y,
        )
        draw = functools.partial(_drawn, (width, height), scene, view_layer, space, region, seen, through)
        return ImagePixels(_with_alpha(draw, space.shading) if role in CLEAR_ROLES else draw())


def _drawn(size: tuple[int, int], *arguments: Any, **options: Any) -> Any:
    """What `GPUOffScreen.draw_view3d` draws with these arguments, height x width x 4, uint8, bottom-up."""
    import gpu

    surface = gpu.types.GPUOffScreen(*size)
    try:
        surface.draw_view3d(*arguments, do_color_management=True, **options)
        buffer = surface.texture_color.read()
    finally:
        surface.free()
    width, height = size
    buffer.dimensions = width * height * 4
    return np.array(buffer, np.uint8).reshape(height, width, 4)


def _with_alpha(draw: Callable[..., Any], shading: Any) -> Any:
    """The same without a background, straight alpha."""
    try:
        premultiplied = draw(draw_background=False)
    except TypeError:
        # Older releases always draw it: what a white one changes against a black one is transparent.
        before = shading.background_type, tuple(shading.background_color)
        try:
            shading.background_type, shading.background_color = "VIEWPORT", (0.0, 0.0, 0.0)
            premultiplied = draw()
            shading.background_color = (1.0, 1.0, 1.0)
            seen_through = draw()[..., :3].astype(np.int16) - premultiplied[..., :3]
        finally:
            shading.background_type, shading.background_color = before
        premultiplied[..., 3] = 255 - np.clip(seen_through.max(-1), 0, 255)
    return _straight(premultiplied)


def result(scene: Any) -> bytes:
    """The last render as it is displayed, as a PNG file. Raises AcetateError when nothing was rendered."""
    shown = bpy.data.images.get(RESULT)
    with tempfile.TemporaryDirectory(prefix="acetate-") as folder:
        file = Path(folder) / "result.png"
        if shown is not None:
            with _as_png(scene), contextlib.suppress(RuntimeError):
                shown.save_render(str(file), scene=scene)
        if not file.exists():
            raise _refused(tr("Nothing was rendered yet"), tr("render (F12), or choose the camera view"))
        return file.read_bytes()


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG file, which its header begins with."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def read(png: bytes) -> Generator[None, None, ImagePixels]:
    """The pixels of a PNG file; yields every few milliseconds."""
    loaded = images.from_png(RESULT, png)
    try:
        return (yield from images.read(loaded))
    finally:
        bpy.data.images.remove(loaded)


def _camera(scene: Any) -> Any:
    if scene.camera is None:
        raise _refused(
            tr("The scene has no camera to look through"),
            tr("add a camera, or choose another input"),
        )
    return scene.camera


def _refused(message: str, hint: str) -> AcetateError:
    return bad_request(message, hint, "inputs")


@contextlib.contextmanager
def _private_copy(scene: Any, role: str) -> Iterator[Any]:
    """A copy of the scene with the same objects, set up for one still picture; gone afterwards."""
    copy = scene.copy()
    try:
        render = copy.render
        render.use_compositing = render.use_sequencer = render.use_border = render.use_crop_to_border = False
        render.use_multiview = render.use_stamp = False
        render.use_file_extension = True
        if role in CLEAR_ROLES + OPAQUE_ROLES:
            render.film_transparent = role in CLEAR_ROLES
        for name, value in _png_settings(render.image_settings).items():
            setattr(render.image_settings, name, value)
        copy.cycles.samples = min(copy.cycles.samples, SAMPLES)
        copy.eevee.taa_render_samples = min(copy.eevee.taa_render_samples, SAMPLES)
        shown = bpy.context.view_layer.name
        if bpy.context.scene == scene:
            for view_layer in copy.view_layers:
                view_layer.use = view_layer.name == shown
        yield copy
    finally:
        bpy.data.scenes.remove(copy)


@contextlib.contextmanager
def _without_layers(scene: Any, collection: str) -> Iterator[None]:
    """Hide the layers in this scene's collection of that name and show them again, also after an error."""
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
def _plain(space: Any, scene: Any) -> Iterator[None]:
    """Draw a 3D viewport for a moment without overlays, and with a shading that can be drawn at once."""
    overlays, shading = space.overlay.show_overlays, space.shading.type
    at_once = scene.render.engine in (bpy_compat.eevee_engine(), "BLENDER_WORKBENCH")
    try:
        space.overlay.show_overlays = False
        if shading == "RENDERED" and not at_once:
            space.shading.type = "MATERIAL"
        yield
    finally:
        space.overlay.show_overlays, space.shading.type = overlays, shading


def _straight(numbers: Any) -> Any:
    """Colours divided by their alpha."""
    alpha = np.maximum(numbers[..., 3:], 1) / np.float32(255)
    out = numbers.copy()
    out[..., :3] = np.clip(np.rint(numbers[..., :3] / alpha), 0, 255)
    return out


def _png_settings(format_: Any) -> Mapping[str, Any]:
    """The settings of an 8-bit PNG with alpha, in the scene's own view transform."""
    wanted: dict[str, Any] = {"media_type": "IMAGE", **PNG, "color_management": "FOLLOW_SCENE"}
    return {name: value for name, value in wanted.items() if hasattr(format_, name)}


@contextlib.contextmanager
def _as_png(scene: Any) -> Iterator[None]:
    """Save as an 8-bit PNG with alpha for a moment."""
    format_ = scene.render.image_settings
    wanted = _png_settings(format_)
    before = {name: getattr(format_, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(format_, name, value)
        yield
    finally:
        for name, value in before.items():
            with contextlib.suppress(TypeError):
                setattr(format_, name, value)
