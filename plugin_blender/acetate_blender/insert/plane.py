# SPDX-License-Identifier: GPL-3.0-or-later
"""Plane objects that show a layer, and what is known about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
from acetate_wire.request import Rect

from . import material
from .camera import Quad

STEP_SHARE = 1e-3
"""How far layers in one place stand apart, as a share of their size."""


@dataclass(frozen=True)
class LayerOrigin:
    """Where a plane comes from: the layer's mark, its job and role, the settings as JSON, its place on the canvas."""

    layer: str
    job: str
    role: str
    made_with: str
    rect: Rect
    canvas: tuple[int, int]


def make(name: str, image: Any, shape: Quad, shading: str, collection: Any) -> Any:
    """A plane object that shows `image` on `shape`, in `collection`."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(corner) for corner in shape.corners], [], [(0, 1, 2, 3)])
    layer = mesh.uv_layers.new(name="UVMap")
    layer.data.foreach_set("uv", (0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0))
    mesh.materials.append(material.make(name, image, shading))
    plane = bpy.data.objects.new(name, mesh)
    plane.matrix_world = shape.matrix
    if shading == material.SHADELESS:
        material.without_light(plane)
    collection.objects.link(plane)
    return plane


def reshape(plane: Any, shape: Quad) -> None:
    """Give a plane the form and the place of `shape`."""
    for vertex, corner in zip(plane.data.vertices, shape.corners):
        vertex.co = corner
    plane.data.update()
    plane.matrix_world = shape.matrix


def remember(plane: Any, origin: LayerOrigin, camera: str) -> None:
    """Store on the object where it comes from."""
    stored = plane.acetate
    stored.layer, stored.job, stored.role, stored.made_with = origin.layer, origin.job, origin.role, origin.made_with
    rect = origin.rect
    stored.rect = (rect.x, rect.y, rect.width, rect.height)
    stored.canvas = origin.canvas
    stored.camera = camera


def is_plane(obj: Any) -> bool:
    """Whether this object shows one of our layers on a mesh."""
    return obj is not None and obj.type == "MESH" and bool(obj.acetate.layer)


def planes(scene: Any) -> Iterator[Any]:
    """All planes of a scene."""
    return (obj for obj in scene.objects if is_plane(obj))


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


def hide(plane: Any, scene: Any) -> None:
    """Take a plane out of sight, in the viewport and the render; it stays in the outliner."""
    plane.hide_render = True
    for view_layer in scene.view_layers:
        if plane.name in view_layer.objects:
            plane.hide_set(True, view_layer=view_layer)


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


def depth_of(plane: Any, camera: Any) -> float:
    """How far before the camera a plane stands, in metres."""
    return float(-(camera.matrix_world.normalized().inverted() @ plane.matrix_world.translation).z)


def collection(scene: Any, name: str) -> Any:
    """The collection of that name inside the scene; made when it is not there."""
    found = scene.collection if scene.collection.name == name else None
    found = found or next((c for c in scene.collection.children_recursive if c.name == name), None)
    if found is None:
        found = bpy.data.collections.new(name)
        scene.collection.children.link(found)
    return found
