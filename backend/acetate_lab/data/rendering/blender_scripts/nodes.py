"""Runs inside Blender: small helpers for materials, objects and light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import bpy
from numpy.random import Generator

Colour = Sequence[float]


def material(name: str) -> tuple[Any, Any, Any]:
    """A fresh material, its node tree and its output node."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    tree = made.node_tree
    tree.nodes.clear()
    return made, tree, tree.nodes.new("ShaderNodeOutputMaterial")


def node(tree: Any, kind: str, **inputs: Any) -> Any:
    """A node with values or other nodes' sockets at its inputs; `_` in a name stands for a blank."""
    made = tree.nodes.new(f"ShaderNode{kind}")
    for name, value in inputs.items():
        put(tree, made.inputs[name.replace("_", " ")], value)
    return made


def put(tree: Any, socket: Any, value: Any) -> None:
    """Give a socket a value, or link another to it."""
    if hasattr(value, "is_linked"):
        tree.links.new(value, socket)
    else:
        socket.default_value = value


def maths(tree: Any, operation: str, first: Any, second: Any = 0.0) -> Any:
    """The socket of a calculation."""
    made = tree.nodes.new("ShaderNodeMath")
    made.operation = operation
    made.use_clamp = True
    put(tree, made.inputs[0], first)
    put(tree, made.inputs[1], second)
    return made.outputs[0]


def principled(tree: Any, colour: Colour, roughness: float) -> Any:
    """Blender's usual surface."""
    made = tree.nodes.new("ShaderNodeBsdfPrincipled")
    made.inputs["Base Color"].default_value = (*colour, 1.0)
    made.inputs["Roughness"].default_value = roughness
    return made


def mesh(name: str, corners: Sequence[Sequence[float]], faces: Sequence[Sequence[int]], surface: Any) -> Any:
    """An object of these corners and faces, smooth."""
    data = bpy.data.meshes.new(name)
    data.from_pydata(corners, [], faces)
    for polygon in data.polygons:
        polygon.use_smooth = True
    data.materials.append(surface)
    made = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(made)
    return made


def turned(name: str, outline: Sequence[tuple[float, float]], surface: Any, segments: int = 48) -> Any:
    """A body of revolution about z; `outline` are radius and height from below."""
    corners = [
        (radius * math.cos(2 * math.pi * s / segments), radius * math.sin(2 * math.pi * s / segments), height)
        for radius, height in outline
        for s in range(segments)
    ]
    faces = [
        (
            row * segments + s,
            row * segments + (s + 1) % segments,
            (row + 1) * segments + (s + 1) % segments,
            (row + 1) * segments + s,
        )
        for row in range(len(outline) - 1)
        for s in range(segments)
    ]
    return mesh(name, corners, faces, surface)


def strands(name: str, paths: Sequence[Sequence[Sequence[float]]], thickness: float, surface: Any) -> Any:
    """Thin hairs along paths of points, thinner towards their tips."""
    data = bpy.data.curves.new(name, "CURVE")
    data.dimensions = "3D"
    data.bevel_depth = thickness
    data.bevel_resolution = 1
    for path in paths:
        spline = data.splines.new("POLY")
        spline.points.add(len(path) - 1)
        for index, (point, place) in enumerate(zip(spline.points, path, strict=True)):
            point.co = (*place, 1.0)
            point.radius = 1.0 - 0.85 * index / (len(path) - 1)
    data.materials.append(surface)
    made = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(made)
    return made


def stage(rng: Generator, distance: float = 6.0, width: float = 2.6) -> None:
    """Camera in front, a key light, a rim light, and a dim sky that glass can mirror."""
    scene = bpy.context.scene
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.type = "ORTHO"
    camera.data.ortho_scale = width
    camera.location, camera.rotation_euler = (0, -distance, 0), (math.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    lights = (((rng.uniform(-4, 4), -4, 4), 350, 3), ((rng.uniform(-3, 3), 4, 2), 300, 2), ((-4, -2, -1), 60, 4))
    for place, power, size in lights:
        light = bpy.data.lights.new("light", "AREA")
        light.energy, light.size = power, size
        lamp = bpy.data.objects.new("light", light)
        lamp.location = place
        track = lamp.constraints.new("TRACK_TO")
        track.target, track.track_axis, track.up_axis = camera, "TRACK_NEGATIVE_Z", "UP_Y"
        aim = bpy.data.objects.new("aim", None)
        scene.collection.objects.link(aim)
        track.target = aim
        scene.collection.objects.link(lamp)
    world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.5, 0.6, 0.75, 1)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.5
    scene.world = world
