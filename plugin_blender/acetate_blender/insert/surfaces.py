# SPDX-License-Identifier: GPL-3.0-or-later
"""The places for a layer that have nothing to do with the camera's frame."""

from __future__ import annotations

import math
from typing import Any

import bpy
from acetate_wire.errors import AcetateError
from mathutils import Matrix, Vector

from .. import bpy_compat
from ..i18n import tr
from . import material
from .camera import Quad

NEARLY_TOUCHING = 1e-3
"""How far above a surface a plane lies, as a share of the surface's size."""


def upright(scene: Any, width: int, height: int, metres: float, step: float) -> Quad:
    """A quad whose foot is on the 3D cursor, turned about the vertical to face the camera (else to the front).

    `metres` is its height; `step` metres bring it nearer to whom it faces.
    """
    foot = scene.cursor.location
    towards = Vector((0.0, -1.0, 0.0))
    if scene.camera is not None:
        seen = scene.camera.matrix_world.translation - foot
        towards = Vector((seen.x, seen.y, 0.0)) if math.hypot(seen.x, seen.y) > 1e-6 else towards
    towards.normalize()
    turn = Matrix.Rotation(math.atan2(towards.x, -towards.y), 4, "Z") @ Matrix.Rotation(math.pi / 2, 4, "X")
    middle = foot + Vector((0.0, 0.0, metres / 2)) + towards * step
    return Quad(_corners(metres * width / height, metres), Matrix.Translation(middle) @ turn)


def lying_on(obj: Any, width: int, height: int, step: int) -> Quad:
    """A quad that lies on the top of an object's own bounds, as large as fits, in the layer's proportions."""
    low = Vector([min(corner[axis] for corner in obj.bound_box) for axis in range(3)])
    high = Vector([max(corner[axis] for corner in obj.bound_box) for axis in range(3)])
    scale = obj.matrix_world.to_scale()
    room_x, room_y = (high.x - low.x) * abs(scale.x), (high.y - low.y) * abs(scale.y)
    if min(room_x, room_y) <= 0:
        raise AcetateError(
            "bad_request",
            tr("{name} has no flat top to lie on").format(name=obj.name),
            field="surface",
            hint=tr("choose an object that is wide in its own X and Y"),
        )
    size = min(room_x / width, room_y / height)
    middle = Vector(((low.x + high.x) / 2, (low.y + high.y) / 2, high.z))
    above = Matrix.Translation((0.0, 0.0, NEARLY_TOUCHING * max(room_x, room_y) * (step + 1)))
    place = Matrix.Translation(obj.matrix_world @ middle) @ obj.matrix_world.to_quaternion().to_matrix().to_4x4()
    return Quad(_corners(width * size, height * size), place @ above)


def reference(name: str, image: Any, shape: Quad, metres: float, collection: Any) -> Any:
    """An empty that shows `image` where `shape` stands, `metres` high; it is not rendered."""
    empty = bpy.data.objects.new(name, None)
    empty.empty_display_type = "IMAGE"
    empty.data = image
    width, height = image.size
    # The larger side of the image is as long as the display size.
    empty.empty_display_size = metres * max(width, height) / height
    empty.use_empty_image_alpha = True
    empty.matrix_world = shape.matrix
    collection.objects.link(empty)
    return empty


def texture(obj: Any, image: Any) -> Any:
    """Lay `image` over the base colour of the object's active material, which is made when there is none."""
    if obj is None or not hasattr(obj.data, "materials"):
        raise AcetateError(
            "bad_request",
            tr("There is no object that could have a texture"),
            field="surface",
            hint=tr("select a mesh, and generate or place again"),
        )
    if obj.active_material is None:
        obj.data.materials.append(bpy.data.materials.new(obj.name))
        bpy_compat.node_tree(obj.active_material)
    tree = bpy_compat.node_tree(obj.active_material)
    shader = next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
    if shader is None:
        raise AcetateError(
            "bad_request",
            tr("The material {name!r} has no Principled shader whose colour could be covered").format(
                name=obj.active_material.name
            ),
            field="surface",
            hint=tr("choose another material slot, or use the image by hand (Place: Image Only)"),
        )
    colour = shader.inputs["Base Color"]
    node = material.image_node(tree, image, (shader.location.x - 600, shader.location.y))
    over = tree.nodes.new("ShaderNodeMix")
    over.data_type = "RGBA"
    over.location = (shader.location.x - 250, shader.location.y)
    below, above = (socket for socket in over.inputs if socket.type == "RGBA")
    if colour.is_linked:
        tree.links.new(colour.links[0].from_socket, below)
    else:
        below.default_value = colour.default_value
    tree.links.new(node.outputs["Color"], above)
    tree.links.new(node.outputs["Alpha"], over.inputs["Factor"])
    tree.links.new(next(socket for socket in over.outputs if socket.type == "RGBA"), colour)
    tree.nodes.active = node
    return node


def _corners(width: float, height: float) -> tuple[Any, Any, Any, Any]:
    x, y = width / 2, height / 2
    return Vector((-x, -y, 0)), Vector((x, -y, 0)), Vector((x, y, 0)), Vector((-x, y, 0))
