# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of the roles that a mode needs, checked at once and read in slices."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

import bpy
from acetate_wire.errors import WireError
from acetate_wire.request import Rect

from .. import options
from ..pictures import images
from ..pictures.images import Pixels
from ..placing import plane, put
from ..words import tr
from . import rendering

Reader = Callable[[], Generator[None, None, Pixels]]


@dataclass(frozen=True)
class View:
    """The scene, its canvas in pixels, the target on it, and the collection whose layers are not to be seen."""

    scene: Any
    canvas: tuple[int, int]
    target: Rect
    without: str

    def whole(self) -> Rect:
        """All of the canvas."""
        return Rect(0, 0, *self.canvas)


def readers(view: View, roles: Sequence[str], chosen: Mapping[str, Any]) -> dict[str, Reader]:
    """A reader for each role, by its `<role>_from` and `<role>_name`. Raises WireError for what cannot be read."""
    return {role: _reader(view, role, chosen[f"{role}_from"], chosen[f"{role}_name"]) for role in roles}


def _reader(view: View, role: str, source: str, name: str) -> Reader:
    read = {"PLANE": _plane, "IMAGE": _image, "RENDER": _result, "CAMERA": _camera, "VIEW": _viewport}[source]
    reader = read(view, role, name)
    if role != "mask":
        return reader

    def as_mask() -> Generator[None, None, Pixels]:
        pixels = yield from reader()
        return images.mask_of(pixels)

    return as_mask


def _plane(view: View, role: str, name: str) -> Reader:
    obj = put.existing(view.scene, name)
    image = None if obj is None else plane.image_of(obj)
    if obj is None or image is None:
        raise _choose(role, tr("choose one of the layers that were made earlier, or another input"))
    images.check_readable(image)
    covers, same_canvas = plane.rect_of(obj), tuple(obj.acetate.canvas) == view.canvas

    def read() -> Generator[None, None, Pixels]:
        pixels = yield from images.read(image)
        fits = same_canvas and tuple(image.size) == (covers.width, covers.height)
        return pixels.moved(covers, view.target) if fits else pixels

    return read


def _image(view: View, role: str, name: str) -> Reader:
    image = bpy.data.images.get(name)
    if image is None:
        raise _choose(role, tr("choose an image, or another input"))
    if image.type in ("RENDER_RESULT", "COMPOSITING"):
        return _result(view, role, name)
    images.check_readable(image)
    return lambda: images.read(image)


def _result(view: View, role: str, name: str) -> Reader:
    return lambda: _rendered(view)


def _camera(view: View, role: str, name: str) -> Reader:
    rendering.render_camera(view.scene, view.without)
    return lambda: _rendered(view)


def _viewport(view: View, role: str, name: str) -> Reader:
    rendering.render_viewport(view.scene, view.without)
    return lambda: _rendered(view)


def _rendered(view: View) -> Generator[None, None, Pixels]:
    pixels = yield from rendering.read_result(view.scene)
    height, width = pixels.array.shape[:2]
    return pixels.moved(view.whole(), view.target) if (width, height) == view.canvas else pixels


def _choose(role: str, hint: str) -> WireError:
    return WireError(
        "bad_request",
        tr("There is no picture for {role}").format(role=tr(options.ROLE_NAMES[role])),
        field=f"inputs.{role}",
        hint=hint,
    )
