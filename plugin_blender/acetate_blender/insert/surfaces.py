# SPDX-License-Identifier: GPL-3.0-or-later
"""The places for a layer that have nothing to do with the camera's frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import bpy
from acetate_wire.errors import bad_request
from mathutils import Matrix, Vector

from .. import bpy_compat
from ..i18n import tr
from . import material
from .camera import Quad

OVER_NODE = "Acetate Over"
"""The node that lays a layer over a material's colour."""
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
    low, high, room_x, room_y = _top(obj)
    size = min(room_x / width, room_y / height)
    middle = Vector(((low.x + high.x) / 2, (low.y + high.y) / 2, high.z))
    above = Matrix.Translation((0.0, 0.0, NEARLY_TOUCHING * max(room_x, room_y) * (step + 1)))
    place = Matrix.Translation(obj.matrix_world @ middle) @ obj.matrix_world.to_quaternion().to_matrix().to_4x4()
    return Quad(_corners(width * size, height * size), place @ above)


def check_top(obj: Any) -> None:
    """Raise AcetateError when the object has no top to lie on."""
    _top(obj)


def _top(obj: Any) -> tuple[Any, Any, float, float]:
    """The low and the high corner of an object's own bounds, and how wide its top is in its X and Y, in metres."""
    low = Vector([min(corner[axis] for corner in obj.bound_box) for axis in range(3)])
    high = Vector([max(corner[axis] for corner in obj.bound_box) for axis in range(3)])
    scale = obj.matrix_world.to_scale()
    room_x, room_y = (high.x - low.x) * abs(scale.x), (high.y - low.y) * abs(scale.y)
    if min(room_x, room_y) <= 0:
        raise bad_request(
            tr("{name} has no flat top to lie on").format(name=obj.name),
            tr("choose an object that is wide in its own X and Y"),
            "surface",
        )
    return low, high, room_x, room_y


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


def check_textured(obj: Any | None) -> None:
    """Raise AcetateError when no layer can lie over the colour of this object's material."""
    if obj is None or obj.type != "MESH":
        raise bad_request(
            tr("There is no object that could have a texture"),
            tr("select a mesh, and generate or place again"),
            "surface",
        )
    if not obj.data.uv_layers:
        raise bad_request(
            tr("{name} has no UV map, which says where a picture lies on it").format(name=obj.name),
            tr("unwrap it in Edit Mode (UV > Unwrap), and generate or place again"),
            "surface",
        )
    used = obj.active_material
    if used is not None and used.node_tree is not None and _shader(used.node_tree) is None:
        raise bad_request(
            tr("The material {name!r} has no Principled shader whose colour could be covered").format(name=used.name),
            tr("choose another material slot, or use the image by hand (Place: Image Only)"),
            "surface",
        )


def texture(obj: Any, images: Sequence[Any]) -> None:
    """Lay images, given from the lowest, over the base colour of the object's active material.

    They take the place of those that lay there before. A material is made where there is none.
    """
    check_textured(obj)
    if obj.active_material is None:
        made = bpy.data.materials.new(obj.name)
        bpy_compat.node_tree(made)
        if obj.material_slots:
            obj.active_material = made
        else:
            obj.data.materials.append(made)
    tree = bpy_compat.node_tree(obj.active_material)
    shader = _shader(tree)
    colour = shader.inputs["Base Color"]
    _uncover(tree, colour)
    for number, image in enumerate(images):
        across = shader.location.x - 250 * (len(images) - number)
        node = material.image_node(tree, image, (across - 350, shader.location.y - 300 * number))
        over = tree.nodes.new("ShaderNodeMix")
        over.name = over.label = OVER_NODE
        over.data_type = "RGBA"
        over.location = (across, shader.location.y)
        below, above = (socket for socket in over.inputs if socket.type == "RGBA")
        _hand_on(tree, colour, below)
        tree.links.new(node.outputs["Color"], above)
        tree.links.new(node.outputs["Alpha"], over.inputs["Factor"])
        tree.links.new(next(socket for socket in over.outputs if socket.type == "RGBA"), colour)
        tree.nodes.active = node


def _shader(tree: Any) -> Any:
    """The tree's Principled shader; None where there is none."""
    return next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None)


def _uncover(tree: Any, colour: Any) -> None:
    """Take the layers away that lie over a colour; their images stay in the file."""
    while colour.is_linked and colour.links[0].from_node.name.startswith(OVER_NODE):
        over = colour.links[0].from_node
        below, above = (socket for socket in over.inputs if socket.type == "RGBA")
        _hand_on(tree, below, colour)
        for link in list(above.links):
            if link.from_node.type == "TEX_IMAGE":
                link.from_node.image.use_fake_user = True
                tree.nodes.remove(link.from_node)
        tree.nodes.remove(over)


def _hand_on(tree: Any, source: Any, target: Any) -> None:
    """Let one colour input have what another one has: its link, or its own colour."""
    if source.is_linked:
        tree.links.new(source.links[0].from_socket, target)
        return
    for link in list(target.links):
        tree.links.remove(link)
    target.default_value = source.default_value


def _corners(width: float, height: float) -> tuple[Any, Any, Any, Any]:
    x, y = width / 2, height / 2
    return Vector((-x, -y, 0)), Vector((x, -y, 0)), Vector((x, y, 0)), Vector((-x, y, 0))
