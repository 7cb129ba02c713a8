# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of the picture a job works on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from acetate_wire.errors import AcetateError, bad_request
from acetate_wire.geometry import area_around, intersection, square_in, union
from acetate_wire.request import Rect

from .. import options
from ..daemon_connection import session
from ..i18n import tr
from ..insert import camera as cameras
from ..insert import plane
from ..pictures import resize
from . import visible

OPTIONS = (
    *("mode", "model", "known", "collection"),
    *("target", "target_x", "target_y", "target_width", "target_height"),
    *(f"{role}_{part}" for role in options.INPUT_ROLES for part in ("from", "name")),
)
"""The options that decide what is worked on."""
SUBJECTS = ("text", "foreground")
"""The modes that draw a lone subject."""
WORKED_ON = {
    "SQUARE": "The middle of the frame",
    "FRAME": "The whole frame",
    "REGION": "The render region",
    "PLANE": "The selected layer",
    "CUSTOM": "The rectangle",
    "IMAGE": "The open image",
    "LAYER": "The layer and a margin",
    "INSIDE": "The middle of the layer",
}


@dataclass(frozen=True)
class View:
    """The scene, its canvas in pixels, the target on it, and the collection whose layers are not to be seen.

    With `around`, the target is only what pictures without a place of their own fill, and the part to work on is found
    around what is visible in the mode's layer. `name` is the key of `WORKED_ON`.
    """

    scene: Any
    canvas: tuple[int, int]
    target: Rect
    without: str
    name: str = "FRAME"
    around: bool = False

    def whole(self) -> Rect:
        """All of the canvas."""
        return Rect(0, 0, *self.canvas)


def target_of(scene: Any, chosen: Mapping[str, Any]) -> View:
    """The canvas and the part of it to fill, out of `OPTIONS`. Raises AcetateError when there is no such part."""
    width, height = canvas = cameras.picture_size(scene)
    without, target, whole = chosen["collection"], chosen["target"], Rect(0, 0, width, height)
    if target == "AUTO":
        return _automatic(scene, chosen, canvas)
    if target == "SQUARE":
        return View(scene, canvas, square_in(whole, session.max_aspect(chosen["model"])), without, target)
    if target == "CUSTOM":
        rect = Rect(chosen["target_x"], chosen["target_y"], chosen["target_width"], chosen["target_height"])
        return View(scene, canvas, rect, without, target)
    if target == "REGION" and scene.render.use_border:
        render = scene.render
        left, right = (_pixels(edge, width) for edge in (render.border_min_x, render.border_max_x))
        top, bottom = (height - _pixels(edge, height) for edge in (render.border_max_y, render.border_min_y))
        return View(scene, canvas, Rect(left, top, max(1, right - left), max(1, bottom - top)), without, target)
    if target == "PLANE":
        obj = selected_plane(scene)
        if obj is None:
            raise bad_request(
                tr("No layer is selected whose place could be taken"),
                tr("select one, or choose another target"),
                "target",
            )
        return View(scene, plane.canvas_of(obj), plane.rect_of(obj), without, target)
    if target == "IMAGE":
        image = _open_image()
        return View(scene, (image.size[0], image.size[1]), Rect(0, 0, *image.size), without, target)
    return View(scene, canvas, whole, without)


def _pixels(edge: float, size: int) -> int:
    """Where an edge of the render region lies, in whole pixels, as Blender cuts it off in single precision."""
    return int(np.float32(edge) * np.float32(size))


def primary_plane(scene: Any, chosen: Mapping[str, Any]) -> Any | None:
    """The layer that the mode works on: the one that is named, else the selected one."""
    role = options.primary_role(chosen["mode"], chosen["known"])
    if not role or chosen[f"{role}_from"] != "PLANE":
        return None
    name = chosen[f"{role}_name"]
    return plane.named(scene, name) if name else selected_plane(scene)


def selected_plane(scene: Any) -> Any | None:
    """The active object of this scene, if it is a layer."""
    obj = bpy.context.view_layer.objects.active
    return obj if plane.is_plane(obj) and obj in plane.planes(scene) else None


def open_image(context: Any) -> Any | None:
    """The image that is open in this image editor, else in the first one of this window."""
    window = context.window
    areas = window.screen.areas if window is not None else ()
    spaces = [context.space_data, *(area.spaces.active for area in areas)]
    shown = (space.image for space in spaces if getattr(space, "type", "") == "IMAGE_EDITOR")
    return next((image for image in shown if image is not None and all(image.size)), None)


def with_open_image(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The same options, with the open image's name wherever a role takes that."""
    found = dict(chosen)
    for role in options.INPUT_ROLES:
        if chosen[f"{role}_from"] == "OPEN":
            image = open_image(bpy.context)
            found.update({f"{role}_from": "IMAGE", f"{role}_name": "" if image is None else image.name})
    return found


def area(seen: Iterable[Rect | None], canvas: Rect, max_aspect: float) -> Rect:
    """The part to work on: all that is seen with a margin, or the canvas when that is full.

    Raises AcetateError when nothing is seen.
    """
    found = [rect for rect in seen if rect is not None]
    if not found:
        raise bad_request(
            tr("The layer has no visible pixels"), tr("choose another layer, or another target"), "inputs"
        )
    bounds = union(found)
    bounds = intersection(bounds, canvas) or bounds
    return canvas if bounds == canvas else area_around(bounds, canvas, max_aspect)


def worked_on(context: Any) -> str:
    """What the panel's settings work on, in words; its size is left out while it is being looked for."""
    settings = context.scene.acetate.settings
    chosen = with_open_image({name: getattr(settings, name) for name in OPTIONS})
    role = options.primary_role(settings.mode, settings.known)
    wants_layer = settings.target == "AUTO" and role and chosen[f"{role}_from"] == "PLANE"
    if wants_layer and primary_plane(context.scene, chosen) is None:
        return tr("No layer is selected")
    try:
        view = target_of(context.scene, chosen)
        target = _area_seen(view, chosen) if view.around else view.target
    except AcetateError as error:
        return error.message
    name = view.name
    if view.around and target == view.whole():
        name = "FRAME"
    text = tr(WORKED_ON[name])
    # No line breaks inside a size.
    return f"{text}: {target.width}\u00a0×\u00a0{target.height}\u00a0px" if target else text


def _automatic(scene: Any, chosen: Mapping[str, Any], canvas: tuple[int, int]) -> View:
    mode, without = chosen["mode"], chosen["collection"]
    obj = primary_plane(scene, chosen)
    base = Rect(0, 0, *canvas)
    if obj is not None:
        base, canvas = plane.rect_of(obj), plane.canvas_of(obj)
    if mode in SUBJECTS:
        name = "SQUARE" if obj is None else "INSIDE"
        return View(scene, canvas, square_in(base, session.max_aspect(chosen["model"])), without, name)
    role = options.primary_role(mode, chosen["known"])
    around = mode in options.LOCAL and (obj is not None or chosen[f"{role}_from"] == "IMAGE")
    return View(scene, canvas, base, without, "LAYER" if around else "FRAME", around)


def _area_seen(view: View, chosen: Mapping[str, Any]) -> Rect | None:
    """The part around what was visible when it was last looked at; None when that was never."""
    roles = [options.primary_role(chosen["mode"], chosen["known"])]
    if "mask" in options.needed_roles(chosen["mode"], chosen["known"]):
        roles.append("mask")
    seen = []
    for role in roles:
        found = _covers(view, chosen, role)
        if found is not None:
            image, covers = found
            look = visible.look(image, role == "mask")
            if look is None:
                return None
            seen.append(look.on(covers))
    return area(seen, view.whole(), session.max_aspect(chosen["model"])) if seen else None


def _covers(view: View, chosen: Mapping[str, Any], role: str) -> tuple[Any, Rect] | None:
    """The image of a role and the part of the canvas that it covers, where it is one that can be looked at."""
    name, source = chosen[f"{role}_name"], chosen[f"{role}_from"]
    if source == "IMAGE":
        image = bpy.data.images.get(name)
        if image is None or image.type in ("RENDER_RESULT", "COMPOSITING") or not all(image.size):
            return None
        return image, resize.inner(image.size[0], image.size[1], view.target)
    is_primary = role == options.primary_role(chosen["mode"], chosen["known"])
    obj = primary_plane(view.scene, chosen) if is_primary else plane.named(view.scene, name)
    image = plane.image_of(obj) if obj is not None and source == "PLANE" else None
    if obj is None or image is None:
        return None
    return image, plane.rect_of(obj) if plane.canvas_of(obj) == view.canvas else view.target


def _open_image() -> Any:
    image = open_image(bpy.context)
    if image is None:
        raise bad_request(
            tr("No image is open whose size could be taken"),
            tr("open one in the image editor and press Generate there, or choose another target"),
            "target",
        )
    return image
