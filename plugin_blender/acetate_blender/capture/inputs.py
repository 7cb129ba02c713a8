# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of the roles that a mode needs, checked at once and read in slices."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

import bpy
from acetate_wire.errors import AcetateError, bad_request
from acetate_wire.request import Rect

from .. import options
from ..i18n import tr
from ..insert import plane
from ..pictures import images, resize
from ..pictures.images import ImagePixels
from . import rendering, targets
from .targets import View


@dataclass(frozen=True)
class Spread:
    """A picture and the part of the canvas that it covers, pixel for pixel."""

    pixels: ImagePixels
    covers: Rect

    def inside(self, target: Rect) -> ImagePixels:
        """What of it lies in the target, clear where it does not reach."""
        return self.pixels.moved(self.covers, target)


Raw = Generator[None, None, "tuple[ImagePixels, Rect]"]
"""A picture as it is, and the part of the canvas that it is to fill."""
Reader = Callable[[], Generator[None, None, Spread]]


def readers(view: View, roles: Sequence[str], chosen: Mapping[str, Any]) -> dict[str, Reader]:
    """A reader for each role, by its `<role>_from` and `<role>_name`, of which none is `missing`.

    What has to be rendered is rendered now, for each role anew; pixels are read later, in slices. Raises AcetateError
    for what cannot be read.
    """
    return {role: _reader(view, role, chosen) for role in roles}


def missing(scene: Any, role: str, chosen: Mapping[str, Any]) -> AcetateError | None:
    """Why there is no picture for this role, when none was chosen."""
    source = chosen[f"{role}_from"]
    if source == "PLANE":
        obj = _chosen_plane(scene, role, chosen)
        if obj is None or plane.image_of(obj) is None:
            return _choose(role, tr("choose one of the layers that were made earlier, or another input"))
    if source == "IMAGE" and bpy.data.images.get(chosen[f"{role}_name"]) is None:
        return _choose(role, tr("choose an image, or another input"))
    return None


def _chosen_plane(scene: Any, role: str, chosen: Mapping[str, Any]) -> Any | None:
    if role == options.primary_role(chosen["mode"], chosen["known"]):
        return targets.primary_plane(scene, chosen)
    return plane.named(scene, chosen[f"{role}_name"])


def _reader(view: View, role: str, chosen: Mapping[str, Any]) -> Reader:
    read = {"PLANE": _plane, "IMAGE": _image, "RENDER": _result, "CAMERA": _camera, "VIEW": _viewport}
    raw = read[chosen[f"{role}_from"]](view, role, chosen)

    def spread() -> Generator[None, None, Spread]:
        pixels, covers = yield from raw()
        if role == "mask":
            pixels = images.mask_of(pixels)
        return Spread((yield from resize.fitted(pixels, covers.width, covers.height)), covers)

    return spread


def _plane(view: View, role: str, chosen: Mapping[str, Any]) -> Callable[[], Raw]:
    obj = _chosen_plane(view.scene, role, chosen)
    image = plane.image_of(obj)
    images.check_readable(image)
    covers = plane.rect_of(obj) if plane.canvas_of(obj) == view.canvas else view.target

    def read() -> Raw:
        return (yield from images.read(image)), covers

    return read


def _image(view: View, role: str, chosen: Mapping[str, Any]) -> Callable[[], Raw]:
    image = bpy.data.images[chosen[f"{role}_name"]]
    if image.type in ("RENDER_RESULT", "COMPOSITING"):
        return _result(view, role, chosen)
    images.check_readable(image)

    def read() -> Raw:
        return (yield from images.read(image)), view.target

    return read


def _result(view: View, role: str, chosen: Mapping[str, Any]) -> Callable[[], Raw]:
    png = rendering.result(view.scene)
    covers = _rendered_part(view, chosen, rendering.size_of(png))

    def read() -> Raw:
        return (yield from rendering.read(png)), covers

    return read


def _rendered_part(view: View, chosen: Mapping[str, Any], size: tuple[int, int]) -> Rect:
    """The part of the canvas that a render of this size shows."""
    render = view.scene.render
    if size != view.canvas and render.use_border and render.use_crop_to_border:
        region = targets.target_of(view.scene, {**chosen, "target": "REGION"})
        if region.canvas == view.canvas and size == (region.target.width, region.target.height):
            return region.target
    return view.whole() if size[0] * view.canvas[1] == size[1] * view.canvas[0] else view.target


def _camera(view: View, role: str, chosen: Mapping[str, Any]) -> Callable[[], Raw]:
    png = rendering.of_camera(view.scene, view.without, role)

    def read() -> Raw:
        return (yield from rendering.read(png)), view.whole()

    return read


def _viewport(view: View, role: str, chosen: Mapping[str, Any]) -> Callable[[], Raw]:
    pixels = rendering.of_viewport(view.scene, view.without, role)

    def read() -> Raw:
        yield
        return pixels, view.whole()

    return read


def _choose(role: str, hint: str) -> AcetateError:
    return bad_request(
        tr("There is no picture for {role}").format(role=tr(options.ROLE_NAMES[role])), hint, f"inputs.{role}"
    )
