# SPDX-License-Identifier: GPL-3.0-or-later
"""Plane objects that show a layer, and what is known about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
from acetate_wire.errors import bad_request
from acetate_wire.request import Rect
from mathutils import Matrix

from ..i18n import tr
from . import material
from .camera import Quad

STEP_SHARE = 1e-3
"""How far layers in one place stand apart, as a share of their size."""

_found: dict[tuple[int, str], list[Any]] = {}
"""The planes of each scene, by its address and name, since objects last came or went."""


@dataclass(frozen=True)
class LayerOrigin:
    """Where a plane comes from: the layer's mark, its job and role, the settings as JSON, its place on the canvas."""

    layer: str
    job: str
    role: str
    made_with: str
    rect: Rect
    canvas: tuple[int, int]


def make(name: str, image: Any, shape: Quad, shading: str, collection: Any, blend: str = "normal") -> Any:
    """A plane object that shows `image` on `shape`, in `collection`; `blend` is `add` for light."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(corner) for corner in shape.corners], [], [(0, 1, 2, 3)])
    layer = mesh.uv_layers.new(name="UVMap")
    layer.data.foreach_set("uv", (0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0))
    mesh.materials.append(material.make(name, image, shading, blend))
    plane = bpy.data.objects.new(name, mesh)
    plane.matrix_world = shape.matrix
    if material.glows(shading, blend):
        material.without_light(plane)
    collection.objects.link(plane)
    return plane


def reshape(plane: Any, shape: Quad) -> None:
    """Give a plane the form and the place of `shape`. Raises AcetateError when its mesh is no longer one quad."""
    if len(plane.data.vertices) != 4 or len(plane.data.polygons) != 1:
        raise bad_request(
            tr("The mesh of {name} was changed, and to fit its corners would tear it").format(name=plane.name),
            tr("undo the change of the mesh, or place the layer again from the History"),
            "mesh",
        )
    if plane.data.users > 1:
        plane.data = plane.data.copy()
    for vertex, corner in zip(plane.data.vertices, shape.corners):
        vertex.co = corner
    plane.data.update()
    plane.matrix_world = shape.matrix


def remember(plane: Any, origin: LayerOrigin, camera: Any | None) -> None:
    """Store on the object where it comes from."""
    stored = plane.acetate
    stored.layer, stored.job, stored.role, stored.made_with = origin.layer, origin.job, origin.role, origin.made_with
    rect = origin.rect
    stored.rect = (rect.x, rect.y, rect.width, rect.height)
    stored.canvas = origin.canvas
    stored.camera, stored.seen_by = "" if camera is None else camera.name, camera
    look_again()


def is_plane(obj: Any) -> bool:
    """Whether this object shows one of our layers on a mesh."""
    return obj is not None and obj.type == "MESH" and bool(obj.acetate.layer)


def planes(scene: Any) -> Iterator[Any]:
    """All planes of a scene. Its objects are looked through only when some came or went since the last time."""
    key = (scene.as_pointer(), scene.name)
    try:
        known = [obj for obj in _found[key] if is_plane(obj)]
    except (KeyError, ReferenceError):  # Blender makes references to freed objects raise.
        known = _found[key] = [obj for obj in scene.objects if is_plane(obj)]
    return iter(known)


@bpy.app.handlers.persistent
def look_again(*_: Any) -> None:
    """Objects came or went, or were exchanged by an undo or another file."""
    _found.clear()


@bpy.app.handlers.persistent
def _on_update(scene: Any, graph: Any) -> None:
    # Objects that come or go change a collection; what else changes does not matter.
    if graph.id_type_updated("COLLECTION"):
        look_again()


def named(scene: Any, name: str) -> Any | None:
    """The plane whose object has that name, if there is one."""
    return next((obj for obj in planes(scene) if obj.name == name), None)


def find(scene: Any, layer: str, name: str) -> Any | None:
    """The plane of this layer, if it is still there: of several copies the one of that name, else the first."""
    copies = [obj for obj in planes(scene) if layer and obj.acetate.layer == layer]
    return next((obj for obj in copies if obj.name == name), copies[0] if copies else None)


def image_of(plane: Any) -> Any | None:
    """The image that a plane shows."""
    for slot in plane.material_slots:
        if slot.material and slot.material.node_tree:
            node = slot.material.node_tree.nodes.get(material.IMAGE_NODE)
            if node is not None and node.image is not None:
                return node.image
    return None


def rect_of(plane: Any) -> Rect:
    """The part of its canvas that a plane covers."""
    return Rect(*plane.acetate.rect)


def canvas_of(plane: Any) -> tuple[int, int]:
    """The size in pixels of the canvas that a plane's rectangle lies on."""
    return plane.acetate.canvas[0], plane.acetate.canvas[1]


def set_hidden(plane: Any, scene: Any, hidden: bool = True) -> None:
    """Take a plane out of sight, in the viewport and the render, or show it in both; it stays in the outliner."""
    plane.hide_render = hidden
    if not hidden:
        plane.hide_viewport = False
    for view_layer in scene.view_layers:
        if plane.name in view_layer.objects:
            plane.hide_set(hidden, view_layer=view_layer)


def is_hidden(plane: Any, scene: Any) -> bool:
    """Whether a plane is seen neither in the render nor in the viewport."""
    return plane.hide_render and not any(plane.visible_get(view_layer=layer) for layer in scene.view_layers)


def select(planes: Sequence[Any], scene: Any) -> None:
    """Select these objects alone, the last as the active one, wherever the scene shows them."""
    for view_layer in scene.view_layers:
        seen = [obj for obj in planes if obj.name in view_layer.objects]
        if not seen:
            continue
        for obj in list(view_layer.objects.selected):
            obj.select_set(False, view_layer=view_layer)
        for obj in seen:
            obj.select_set(True, view_layer=view_layer)
        view_layer.objects.active = seen[-1]


def shape_beside(plane: Any, rect: Rect, step: int) -> Quad:
    """The quad for a rectangle of the canvas as this plane shows its own, moved before it by a thousandth a step."""
    own = rect_of(plane)
    bottom_left, bottom_right, _, top_left = (vertex.co.copy() for vertex in plane.data.vertices[:4])
    right, up = bottom_right - bottom_left, top_left - bottom_left
    x0, x1 = (rect.x - own.x) / own.width, (rect.x + rect.width - own.x) / own.width
    y0 = (own.y + own.height - rect.y - rect.height) / own.height
    y1 = (own.y + own.height - rect.y) / own.height
    corners = [bottom_left + right * u + up * v for u, v in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    before = right.cross(up).normalized() * (step * STEP_SHARE * max(right.length, up.length))
    bl, br, tr_, tl = (corner + before for corner in corners)
    return Quad((bl, br, tr_, tl), plane.matrix_world.copy())


def camera_of(scene: Any, plane: Any) -> Any | None:
    """The scene's camera that a plane is aligned to, whatever it is called now; None for no camera of this scene."""
    found, name = plane.acetate.seen_by, plane.acetate.camera
    if found is None and name:  # Older files hold the name alone.
        found = scene.camera if scene.camera is not None and scene.camera.name == name else scene.objects.get(name)
    if found is None or found == scene.camera:
        return found
    return found if found.type == "CAMERA" and scene in found.users_scene else None


def depth_of(plane: Any, camera: Any) -> float:
    """How far before the camera (or a view of it) a plane stands, in metres."""
    return float(-(camera.matrix_world.normalized().inverted() @ plane.matrix_world.translation).z)


def move_to_depth(plane: Any, camera: Any, depth: float) -> None:
    """Bring a plane to a depth in metres (over 0), where it shows the camera the same picture as before."""
    to_world = camera.matrix_world.normalized()
    before = depth_of(plane, camera)
    if camera.data.type == "ORTHO" or before <= 0:
        change = Matrix.Translation((0.0, 0.0, before - depth))
    else:
        change = Matrix.Scale(depth / before, 4)  # About the camera's eye.
    plane.matrix_world = to_world @ change @ to_world.inverted() @ plane.matrix_world


HANDLERS = (
    ("depsgraph_update_post", _on_update),
    *((name, look_again) for name in ("load_pre", "load_post", "undo_pre", "undo_post", "redo_pre", "redo_post")),
)


def register() -> None:
    """Begin to watch objects come and go."""
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Stop watching."""
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    look_again()
