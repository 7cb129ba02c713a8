# SPDX-License-Identifier: GPL-3.0-or-later
"""All layers of a job into the scene."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import bpy
from acetate_wire.errors import AcetateError, bad_request
from acetate_wire.geometry import union
from acetate_wire.request import Rect

from ..i18n import tr
from ..pictures import images
from . import camera, clearance, collections, plane, stack, surfaces
from .camera import CameraView
from .placement import CAMERA, CURSOR, IMAGE, REFERENCE, SURFACE, TEXTURE, Placement


@dataclass(frozen=True)
class LayerToInsert:
    """A finished layer to place: its PNG file, its rectangle on the canvas, and where it comes from."""

    name: str
    role: str
    rect: Rect
    png: bytes
    job: str
    made_with: str
    hidden: bool
    """Whether it is only there to be shown on demand: a further variant, or the whole picture beside its parts."""
    blend: str = "normal"
    """`add` for light, which is added to what is behind it."""
    frames: tuple[bytes, ...] = ()
    """The PNG files of a loop in turn, the first one among them; empty for a still layer."""


def insert_layers(scene: Any, sheets: Sequence[LayerToInsert], placement: Placement) -> list[Any]:
    """Place layers, given from the lowest to the topmost; returns the new objects, or images where they are all.

    New objects that are to be seen are selected, the topmost is active. Raises AcetateError, before anything is
    changed, when they cannot go there.
    """
    if placement.place == CAMERA:
        anchor = plane.find(scene, placement.anchor, placement.anchor_name)
        free = anchor is not None and takes_a_free_place(scene, placement)
        made = (_in_place_of if free else _before_camera)(scene, sheets, placement, anchor)
        if anchor is not None and placement.order == stack.INSTEAD:
            plane.set_hidden(anchor, scene)
        plane.select(_seen(made, sheets), scene)
        return made
    sheets = _equally_large(sheets)
    if placement.place == IMAGE:
        return [_kept(images.from_png(sheet.name, sheet.png)) for sheet in sheets]
    if placement.place == TEXTURE:
        target = bpy.data.objects.get(placement.surface)
        shown = [sheet for sheet in sheets if not sheet.hidden]
        surfaces.check_textured(target)
        made = [images.from_png(sheet.name, sheet.png) for sheet in shown]
        surfaces.texture(target, made)
        return made
    if placement.place == SURFACE and placement.surface not in bpy.data.objects:
        raise _missing(placement.surface, "surface", tr("choose the object that the layer is to lie on"))
    shapes = [_shape(scene, sheet, placement, number) for number, sheet in enumerate(sheets)]
    collection = collections.made(scene, placement.collection)
    made = []
    for sheet, shape in zip(sheets, shapes):
        image = images.from_png(sheet.name, sheet.png)
        if placement.place == REFERENCE:
            made.append(surfaces.reference(sheet.name, image, shape, placement.height, collection))
            _remember(made[-1], sheet, placement, None)
        else:
            made.append(_plane(sheet, shape, placement, collection, None))
    _hide(scene, made, sheets)
    plane.select(_seen(made, sheets), scene)
    return made


def takes_a_free_place(scene: Any, placement: Placement) -> bool:
    """Whether the layers take the place of one that is not aligned to a camera."""
    anchor = plane.find(scene, placement.anchor, placement.anchor_name) if placement.order == stack.INSTEAD else None
    return anchor is not None and not anchor.acetate.camera


def the_camera(scene: Any, name: str, view: CameraView | None = None) -> Any:
    """The camera that layers are aligned to: the named one, else the one that sees like `view`, else the scene's.

    Raises AcetateError without one.
    """
    found = scene.objects.get(name) if name else None
    if found is None or found.type != "CAMERA":
        others = (obj for obj in scene.objects if view is not None and obj.type == "CAMERA")
        found = next((obj for obj in others if CameraView.of(scene, obj) == view), scene.camera)
    if found is None:
        raise bad_request(
            tr("The scene has no camera to align the layers to"),
            tr("add a camera, or choose another place for the layers"),
            "camera",
        )
    return found


def fit(scene: Any, obj: Any) -> None:
    """Let a plane fill its rectangle of its camera's frame again, at the depth where it stands now."""
    view = CameraView.of(scene, plane.camera_of(scene, obj) or the_camera(scene, ""))
    plane.reshape(obj, camera.quad(view, plane.rect_of(obj), plane.canvas_of(obj), plane.depth_of(obj, view)))


def _before_camera(scene: Any, sheets: Sequence[LayerToInsert], placement: Placement, anchor: Any | None) -> list[Any]:
    seen_by = the_camera(scene, placement.camera, placement.view)
    view = placement.view or CameraView.of(scene, seen_by)
    aligned = [obj for obj in plane.planes(scene) if plane.camera_of(scene, obj) == seen_by]
    standing = [obj for obj in aligned if not plane.is_hidden(obj, scene)]
    rects = [sheet.rect for sheet in sheets]
    start = placement.distance
    if not standing and placement.depth != stack.AT_DISTANCE:
        start = clearance.before_what_it_cuts(scene, view, rects, placement.canvas, start, placement.gap)
    hidden = [sheet.hidden for sheet in sheets]
    if all(hidden):
        hidden = [False] * len(sheets)
    at = stack.depths(
        hidden.count(False),
        [plane.depth_of(obj, view) for obj in standing],
        distance=start,
        gap=placement.gap,
        where=placement.order if placement.depth == stack.AUTOMATIC else placement.depth,
        anchor=None if anchor is None else plane.depth_of(anchor, view),
    )
    at = stack.with_hidden(at, hidden, placement.gap)
    shapes = [camera.quad(view, sheet.rect, placement.canvas, depth) for sheet, depth in zip(sheets, at)]
    into = collections.made(scene, placement.collection)
    made = [_plane(sheet, shape, placement, into, seen_by) for sheet, shape in zip(sheets, shapes)]
    _hide(scene, made, sheets)
    return made


def _in_place_of(scene: Any, sheets: Sequence[LayerToInsert], placement: Placement, anchor: Any) -> list[Any]:
    into = collections.made(scene, placement.collection)
    made = [
        _plane(sheet, plane.shape_beside(anchor, sheet.rect, number), placement, into, None)
        for number, sheet in enumerate(sheets)
    ]
    _hide(scene, made, sheets)
    return made


def _equally_large(sheets: Sequence[LayerToInsert]) -> list[LayerToInsert]:
    """The layers with clear pixels around those that are cut to what is seen, so that they fit over one another."""
    whole = union([sheet.rect for sheet in sheets])
    return [
        sheet if sheet.rect == whole else replace(sheet, rect=whole, png=images.enlarged(sheet.png, sheet.rect, whole))
        for sheet in sheets
    ]


def _seen(made: Sequence[Any], sheets: Sequence[LayerToInsert]) -> list[Any]:
    return [obj for obj, sheet in zip(made, sheets) if not sheet.hidden]


def _shape(scene: Any, sheet: LayerToInsert, placement: Placement, number: int) -> camera.Quad:
    size = sheet.rect.width, sheet.rect.height
    if placement.place == SURFACE:
        return surfaces.lying_on(bpy.data.objects[placement.surface], *size, number)
    assert placement.place in (CURSOR, REFERENCE)
    return surfaces.upright(scene, *size, placement.height, number * placement.gap * placement.height)


def _plane(sheet: LayerToInsert, shape: camera.Quad, placement: Placement, collection: Any, seen_by: Any | None) -> Any:
    image = images.from_png(sheet.name, sheet.png)
    made = plane.make(sheet.name, image, shape, placement.shading, collection, sheet.blend)
    _remember(made, sheet, placement, seen_by)
    return made


def _remember(obj: Any, sheet: LayerToInsert, placement: Placement, seen_by: Any | None) -> None:
    origin = plane.LayerOrigin(str(uuid.uuid4()), sheet.job, sheet.role, sheet.made_with, sheet.rect, placement.canvas)
    plane.remember(obj, origin, seen_by)


def _hide(scene: Any, made: Sequence[Any], sheets: Sequence[LayerToInsert]) -> None:
    for view_layer in scene.view_layers:
        view_layer.update()
    for obj, sheet in zip(made, sheets):
        if sheet.hidden:
            plane.set_hidden(obj, scene)


def _kept(image: Any) -> Any:
    image.use_fake_user = True  # Blender drops images without users when it saves.
    return image


def _missing(name: str, field: str, hint: str) -> AcetateError:
    return bad_request(tr("There is no object {name!r}").format(name=name), hint, field)
