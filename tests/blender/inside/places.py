"""The places for a layer other than before the camera."""

from __future__ import annotations

from typing import Any

import addon
import bpy
import pictures
import scene
from mathutils import Vector


def _made(place: str, **options: Any) -> list[str]:
    before = {obj.name for obj in bpy.context.scene.objects}
    scene.generate(prompt="a kite", place=place, **options)
    return [obj.name for obj in bpy.context.scene.objects if obj.name not in before]


def cursor() -> dict[str, Any]:
    """A plane on the 3D cursor: its corners in space, and how much it looks at the camera."""
    bpy.context.scene.cursor.location = (2.0, 3.0, 1.0)
    obj = bpy.data.objects[_made("CURSOR", height=2.0)[0]]
    corners = [obj.matrix_world @ vertex.co for vertex in obj.data.vertices]
    middle = (corners[0] + corners[2]) / 2
    towards = bpy.context.scene.camera.location - middle
    towards.z = 0
    normal = obj.matrix_world.to_3x3() @ obj.data.polygons[0].normal
    return {
        "lowest": min(corner.z for corner in corners),
        "highest": max(corner.z for corner in corners),
        "facing": normal.normalized().dot(towards.normalized()),
        "from_cursor": (Vector((middle.x, middle.y)) - Vector((2.0, 3.0))).length,
    }


def surface() -> dict[str, Any]:
    """A plane on a turned table top: how large it is there, and how far above."""
    mesh = bpy.data.meshes.new("Table")
    mesh.from_pydata([(-2, -1, 0), (2, -1, 0), (2, 1, 0), (-2, 1, 0)], [], [(0, 1, 2, 3)])
    table = bpy.data.objects.new("Table", mesh)
    table.rotation_euler, table.location, table.scale = (0.3, 0.2, 0.5), (1, 2, 3), (1, 1.5, 1)
    bpy.context.scene.collection.objects.link(table)
    bpy.context.view_layer.update()
    obj = bpy.data.objects[_made("SURFACE", surface="Table")[0]]
    here = [table.matrix_world.inverted() @ (obj.matrix_world @ vertex.co) for vertex in obj.data.vertices]
    return {
        "above": [round(corner.z, 4) for corner in here],
        "x": max(abs(corner.x) for corner in here),
        "y": max(abs(corner.y) for corner in here),
    }


def reference() -> dict[str, Any]:
    """A reference image."""
    obj = bpy.data.objects[_made("REFERENCE", height=3.0)[0]]
    return {"type": obj.type, "display": obj.empty_display_type, "size": list(obj.data.size)}


def texture() -> dict[str, Any]:
    """A texture over the colour of a material: what colours the object now."""
    mesh = bpy.data.meshes.new("Card")
    mesh.from_pydata([(-1, 0, -1), (1, 0, -1), (1, 0, 1), (-1, 0, 1)], [], [(0, 1, 2, 3)])
    card = bpy.data.objects.new("Card", mesh)
    bpy.context.scene.collection.objects.link(card)
    bpy.context.view_layer.objects.active = card
    flat = scene.refused(prompt="a kite", place="TEXTURE")
    mesh.uv_layers.new(name="UVMap")
    _made("TEXTURE")
    tree = card.active_material.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    below = [round(value, 3) for value in shader.inputs["Base Color"].links[0].from_node.inputs[6].default_value]
    for _ in range(2):
        _made("TEXTURE")
    mix = shader.inputs["Base Color"].links[0].from_node
    sources = {link.from_node.type for socket in mix.inputs for link in socket.links}
    tree.nodes.remove(shader)
    return {
        "over": mix.bl_idname,
        "from": sorted(sources),
        "mixes": sum(node.bl_idname == "ShaderNodeMix" for node in tree.nodes),
        "below": [below, [round(value, 3) for value in mix.inputs[6].default_value]],
        "kept": sum(image.name.startswith("a kite") for image in bpy.data.images),
        "flat": flat,
        "bare": scene.refused(prompt="a kite", place="TEXTURE"),
    }


def image_only() -> dict[str, Any]:
    """Only an image: kept by the file though nothing shows it."""
    before = set(bpy.data.images.keys())
    objects = len(bpy.context.scene.objects)
    scene.generate(prompt="a kite", place="IMAGE")
    (name,) = set(bpy.data.images.keys()) - before
    found = bpy.data.images[name]
    return {
        "kept": found.use_fake_user,
        "packed": found.packed_file is not None,
        "objects": len(bpy.context.scene.objects) - objects,
    }


def parallax() -> dict[str, Any]:
    """Three layers at steps of depth: the picture through the camera is the same as with them all at hand."""
    names = [pictures.painted(f"Known {n}", 64, 48, seed=n + 1) for n in range(3)]
    for name in names:
        scene.generate(prompt="echo", mode="refine", layer_from="IMAGE", layer_name=name, gap=0.2)
    import exactness

    exactness.fix("CYCLES")
    wanted = pictures.over([pictures.numbers(name) for name in names], (48, 64))
    return {**pictures.errors(pictures.render(), wanted), "depths": [plane["depth"] for plane in scene.planes()]}


def lit() -> dict[str, Any]:
    """A lit layer without and with a sun: how bright its brightest pixel is."""
    scene.generate(prompt="a kite", seed=255, shading="LIT")
    dark = float(pictures.render()[..., :3].max())
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy = 3.0
    sun.rotation_euler = bpy.context.scene.camera.rotation_euler
    bpy.context.scene.collection.objects.link(sun)
    return {"dark": dark, "bright": float(pictures.render()[..., :3].max())}


def broken_health() -> dict[str, Any]:
    """A scene in which everything is wrong, and what is left of that after all the fixes."""
    for _ in range(7):
        scene.generate(prompt="a kite")
    shown = bpy.context.scene
    shown.render.engine = "CYCLES"
    shown.view_settings.view_transform = "Filmic" if bpy.app.version < (4, 0, 0) else "AgX"
    plane = addon.part("insert.plane")
    first, second, *_ = plane.planes(shown)
    used = first.active_material
    if bpy.app.version >= (4, 2, 0):
        used.surface_render_method = "DITHERED"
    else:
        used.blend_method = "HASHED"
    plane.image_of(first).alpha_mode = "PREMUL"
    second.matrix_world = first.matrix_world
    shown.render.resolution_x = 100
    found = scene.troubles()
    depths = len({round(p["depth"], 6) for p in scene.planes()})
    for name in found:
        bpy.ops.acetate.fix(trouble=name)
    return {
        "found": found,
        "left": scene.troubles(),
        "depths": [depths, len({round(p["depth"], 6) for p in scene.planes()})],
    }


def fit_again() -> float:
    """A layer that was moved, after the camera was moved, fitted again: its alpha's largest error in 8 bits."""
    import exactness

    name = pictures.noise("Known", 64, 48)
    (made,) = scene.generate(prompt="echo", mode="refine", layer_from="IMAGE", layer_name=name)
    exactness.fix("CYCLES")
    camera = bpy.context.scene.camera
    camera.location, camera.rotation_euler, camera.data.lens = (1.0, -9.0, 2.0), (1.2, 0.3, 0.1), 70.0
    bpy.data.objects[made].scale = (2.0, 1.0, 1.0)
    bpy.context.view_layer.update()
    scene.run("fit", select=made)
    return pictures.errors(pictures.render(), pictures.numbers(name))["worst_alpha"]


def fit_a_changed_mesh() -> str:
    """What Fit says of a subdivided layer, whose corners it leaves alone."""
    (made,) = scene.generate(prompt="a kite")
    mesh = bpy.data.objects[made].data
    corners = [tuple(vertex.co) for vertex in mesh.vertices]
    mesh.vertices.add(1)
    try:
        scene.run("fit", select=made)
    except RuntimeError as error:
        assert [tuple(vertex.co) for vertex in mesh.vertices][:4] == corners
        return str(error)
    return ""


def moment_of_generate() -> dict[str, Any]:
    """A layer whose camera is turned, zoomed and renamed while it is drawn, and the next one for the same camera."""
    shown, camera = bpy.context.scene, bpy.context.scene.camera
    other = bpy.data.objects.new("Other", bpy.data.cameras.new("Other"))
    shown.collection.objects.link(other)
    bpy.context.view_layer.update()
    wanted = addon.part("insert.camera").CameraView.of(shown, camera)
    camera.keyframe_insert("location", frame=1)
    scene.ask(prompt="a kite steps=5 pause=0.05", target="FRAME")
    pose = camera.matrix_world.copy()
    camera.location = (3.0, -10.0, 1.0)
    camera.keyframe_insert("location", frame=50)
    shown.frame_set(50)
    camera.data.lens, camera.name = 90.0, "Hero"
    scene.until("placed")
    plane = addon.part("insert.plane")
    (made,) = plane.planes(shown)
    quad = addon.part("insert.camera").quad(wanted, plane.rect_of(made), plane.canvas_of(made), 10.0)
    off = max(
        ((made.matrix_world @ vertex.co) - (quad.matrix @ corner)).length
        for vertex, corner in zip(made.data.vertices, quad.corners, strict=True)
    )
    seen_by = plane.camera_of(shown, made)
    shown.frame_set(1)
    camera.data.lens = 50.0
    scene.generate(prompt="a kite")
    camera.name = "Another"
    scene.generate(prompt="a kite")
    depths = sorted(plane.depth_of(obj, camera) for obj in plane.planes(shown))
    return {
        "off": off,
        "camera": seen_by == camera,
        "depths": len({round(depth, 4) for depth in depths}),
        "moved": (camera.matrix_world.translation - pose.translation).length,
    }
