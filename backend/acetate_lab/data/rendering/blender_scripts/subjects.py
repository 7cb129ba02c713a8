"""Runs inside Blender: soft subjects. Each function builds its scene and returns a caption."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import bpy
import numpy as np
from nodes import Colour, material, maths, mesh, node, principled, put, stage, strands, turned
from numpy.random import Generator

PALE: dict[str, Colour] = {"": (1, 1, 1), "green": (0.75, 1, 0.8), "blue": (0.75, 0.88, 1), "amber": (1, 0.85, 0.6)}
HAIR: dict[str, Colour] = {
    "black": (0.01, 0.01, 0.012),
    "brown": (0.12, 0.05, 0.02),
    "blond": (0.6, 0.4, 0.15),
    "red": (0.4, 0.07, 0.02),
    "white": (0.75, 0.73, 0.7),
}
SMOKE: dict[str, Colour] = {"white": (0.95, 0.95, 0.95), "grey": (0.4, 0.4, 0.4), "dark": (0.08, 0.08, 0.08)}
FIRE: dict[str, tuple[Colour, Colour]] = {
    "": ((1, 0.12, 0.01), (1, 0.65, 0.15)),
    "blue": ((0.05, 0.2, 1), (0.4, 0.8, 1)),
    "green": ((0.05, 0.6, 0.1), (0.6, 1, 0.4)),
}
GLOW: dict[str, Colour] = {"golden": (1, 0.6, 0.1), "blue": (0.15, 0.45, 1), "pink": (1, 0.25, 0.6), "white": (1, 1, 1)}
LEAF: dict[str, Colour] = {"green": (0.1, 0.4, 0.06), "yellow": (0.8, 0.55, 0.05), "red": (0.6, 0.06, 0.03)}


def glass_bottle(rng: Generator) -> str:
    """A bottle of clear or pale glass; dark tints would multiply to black."""
    colour = str(rng.choice(list(PALE)))
    surface, tree, output = material("glass")
    glass = node(tree, "BsdfGlass", Color=(*PALE[colour], 1), Roughness=float(rng.uniform(0, 0.08)), IOR=1.45)
    put(tree, output.inputs["Surface"], glass.outputs[0])
    body, neck, tall = rng.uniform(0.3, 0.55), rng.uniform(0.1, 0.2), rng.uniform(0.8, 1.1)
    foot = [(0.01, -tall), (body * 0.9, -tall), (body, -tall + 0.1), (body, 0.1)]
    outer = [*foot, (neck, 0.5), (neck, tall), (neck + 0.04, tall)]
    inner = [(max(0.01, radius - 0.05), height + (0.06 if height < 0 else 0)) for radius, height in reversed(outer)]
    _rounded(turned("bottle", [*outer, *inner], surface))
    stage(rng)
    return _words("a", colour, "glass bottle")


def glass_ball(rng: Generator) -> str:
    """A solid ball of clear or pale glass."""
    colour = str(rng.choice(list(PALE)))
    surface, tree, output = material("glass")
    glass = node(tree, "BsdfGlass", Color=(*PALE[colour], 1), Roughness=float(rng.uniform(0, 0.05)), IOR=1.3)
    put(tree, output.inputs["Surface"], glass.outputs[0])
    size = rng.uniform(0.6, 1.05)
    turned("ball", [(size * math.sin(a) + 1e-4, -size * math.cos(a)) for a in np.linspace(0, math.pi, 32)], surface)
    stage(rng)
    return _words("a", colour, "glass ball")


def hair_tuft(rng: Generator) -> str:
    """A lock of hair that hangs and fans out."""
    colour = str(rng.choice(list(HAIR)))
    bend, spread, paths = rng.uniform(-0.5, 0.5), rng.uniform(0.2, 0.5), []
    for _ in range(400):
        root, side = rng.normal(0, 0.12, 2), rng.normal(0, spread)
        wave, phase = rng.uniform(0.01, 0.05), rng.uniform(0, 6)
        paths.append(
            [
                (root[0] + side * t**1.6 + bend * t**2 + wave * math.sin(9 * t + phase), root[1], 1.1 - 2.2 * t)
                for t in np.linspace(0, rng.uniform(0.7, 1), 14)
            ]
        )
    strands("hair", paths, 0.006, _matt(HAIR[colour], 0.35))
    stage(rng)
    return _words("a", colour, "hair tuft")


def fur_ball(rng: Generator) -> str:
    """A furry ball."""
    colour = str(rng.choice(list(HAIR)))
    size, length, paths = rng.uniform(0.5, 0.75), rng.uniform(0.25, 0.45), []
    for _ in range(2500):
        out = rng.normal(size=3)
        out /= np.linalg.norm(out)
        lean = rng.normal(0, 0.25, 3) - (0, 0, 0.35)
        paths.append([tuple(out * size + (out * t + lean * t**2) * length) for t in np.linspace(0, 1, 6)])
    surface = _matt(HAIR[colour], 0.6)
    strands("fur", paths, 0.007, surface)
    turned("ball", [(size * math.sin(a) + 1e-4, -size * math.cos(a)) for a in np.linspace(0, math.pi, 24)], surface)
    stage(rng)
    return _words("a", colour, "fur ball")


def smoke(rng: Generator) -> str:
    """A plume of smoke."""
    colour = str(rng.choice(list(SMOKE)))
    made, tree, output = material("smoke")
    thick = _line(tree, _plume(tree, rng), float(rng.uniform(4, 9)), 0.0)
    volume = node(tree, "VolumePrincipled", Color=(*SMOKE[colour], 1), Density=thick, Anisotropy=0.3)
    put(tree, output.inputs["Volume"], volume.outputs[0])
    _box(made)
    stage(rng)
    return _words("", colour, "smoke")


def fire(rng: Generator) -> str:
    """A flame: light of its own, with a little soot that dims what is behind."""
    colour = str(rng.choice(list(FIRE)))
    outer, inner = FIRE[colour]
    made, tree, output = material("fire")
    density = _flame(tree, rng)
    ramp = node(tree, "ValToRGB", Fac=density)
    ramp.color_ramp.elements[0].color = (*outer, 1)
    ramp.color_ramp.elements[1].color = (*inner, 1)
    volume = node(
        tree,
        "VolumePrincipled",
        Color=(0.02, 0.02, 0.02, 1),
        Density=_line(tree, density, 1.5, 0.0),
        Emission_Strength=_line(tree, density, float(rng.uniform(2.5, 5)), 0.0),
        Emission_Color=ramp.outputs[0],
    )
    put(tree, output.inputs["Volume"], volume.outputs[0])
    _box(made)
    stage(rng)
    return _words("", colour, "fire")


def glow(rng: Generator) -> str:
    """A soft light with a bright core."""
    colour = str(rng.choice(list(GLOW)))
    made, tree, output = material("glow")
    place = tree.nodes.new("ShaderNodeTexCoord")
    ball = tree.nodes.new("ShaderNodeTexGradient")
    ball.gradient_type = "SPHERICAL"
    put(tree, ball.inputs["Vector"], place.outputs["Object"])
    soft = maths(tree, "POWER", ball.outputs[1], float(rng.uniform(1.2, 2.6)))
    light = node(tree, "Emission", Color=(*GLOW[colour], 1), Strength=float(rng.uniform(1, 1.6)))
    clear = node(tree, "BsdfTransparent")
    mixed = node(tree, "MixShader", Fac=soft)
    put(tree, mixed.inputs[1], clear.outputs[0])
    put(tree, mixed.inputs[2], light.outputs[0])
    put(tree, output.inputs["Surface"], mixed.outputs[0])
    wide = rng.uniform(0.85, 1.2)
    sheet = mesh("glow", [(-1, 0, -1), (1, 0, -1), (1, 0, 1), (-1, 0, 1)], [(0, 1, 2, 3)], made)
    sheet.scale = (wide, 1, rng.uniform(0.85, 1.2))
    stage(rng)
    return _words("a", colour, "glow")


def thin_leaf(rng: Generator) -> str:
    """A leaf so thin that light comes through between its veins."""
    colour = str(rng.choice(list(LEAF)))
    made, tree, output = material("leaf")
    place = tree.nodes.new("ShaderNodeTexCoord")
    veins = node(tree, "TexVoronoi", Vector=place.outputs["Object"], Scale=float(rng.uniform(9, 15)))
    veins.feature = "DISTANCE_TO_EDGE"
    between = maths(tree, "MULTIPLY", veins.outputs[0], 9.0)
    seen = maths(tree, "SUBTRACT", 1.0, maths(tree, "MULTIPLY", between, float(rng.uniform(0.25, 0.6))))
    matt = principled(tree, LEAF[colour], 0.5)
    clear = node(tree, "BsdfTransparent")
    mixed = node(tree, "MixShader", Fac=seen)
    put(tree, mixed.inputs[1], clear.outputs[0])
    put(tree, mixed.inputs[2], matt.outputs[0])
    put(tree, output.inputs["Surface"], mixed.outputs[0])
    width, curl, rows, columns = rng.uniform(0.3, 0.6), rng.uniform(-0.5, 0.5), 40, 12
    corners = []
    for v in np.linspace(0, 1, rows + 1):
        half = width * math.sin(math.pi * v) ** 0.8 * (1.15 - 0.5 * v) + 0.006
        corners += [
            (u * half + curl * (v - 0.5) ** 2, 0.3 * abs(u) * half + 0.2 * v, 2 * v - 1)
            for u in np.linspace(-1, 1, columns + 1)
        ]
    faces = [
        (r * (columns + 1) + c, r * (columns + 1) + c + 1, (r + 1) * (columns + 1) + c + 1, (r + 1) * (columns + 1) + c)
        for r in range(rows)
        for c in range(columns)
    ]
    leaf = mesh("leaf", corners, faces, made)
    leaf.rotation_euler = (0, rng.uniform(-0.7, 0.7), 0)
    stage(rng)
    return _words("a", colour, "thin leaf")


SUBJECTS: dict[str, Callable[[Generator], str]] = {
    "glass-bottle": glass_bottle,
    "glass-ball": glass_ball,
    "hair-tuft": hair_tuft,
    "fur-ball": fur_ball,
    "smoke": smoke,
    "fire": fire,
    "glow": glow,
    "thin-leaf": thin_leaf,
}


def _words(article: str, colour: str, thing: str) -> str:
    first = "an" if article and (colour or thing)[0] in "aeiou" else article
    return " ".join(word for word in (first, colour, thing) if word)


def _matt(colour: Colour, roughness: float) -> Any:
    made, tree, output = material("matt")
    put(tree, output.inputs["Surface"], principled(tree, colour, roughness).outputs[0])
    return made


def _rounded(made: Any) -> None:
    made.modifiers.new("round", "SUBSURF").render_levels = 2


def _box(volume: Any) -> None:
    bpy.ops.mesh.primitive_cube_add(size=2.4)
    bpy.context.object.data.materials.append(volume)


def _plume(tree: Any, rng: Generator) -> Any:
    """The socket of a density in [0, 1]: thin below, wide and torn into billows above."""
    height, moved = _swaying(tree, rng, 1.3)
    column = _column(tree, height, moved, foot=0.16, growth=float(rng.uniform(0.55, 0.75)))
    solid = maths(tree, "MULTIPLY", column, 2.2)
    rough = node(tree, "TexNoise", Vector=_elsewhere(tree, moved, rng, 1.0), Scale=3.0, Detail=6.0, Roughness=0.62)
    torn = _vector(tree, "ADD", moved, _vector(tree, "MULTIPLY", rough.outputs[1], (0.45, 0.45, 0.45)))
    cells = node(tree, "TexVoronoi", Vector=_elsewhere(tree, torn, rng, 1.0), Scale=float(rng.uniform(2.4, 3.4)))
    billows = _line(tree, cells.outputs["Distance"], -1.3, 0.6)
    return _torn(tree, solid, _sum(tree, billows, _line(tree, rough.outputs[0], 0.9, -0.45)), 0.3, 1.8)


def _flame(tree: Any, rng: Generator) -> Any:
    """The socket of a density in [0, 1]: wide below, narrower and torn into tongues above."""
    height, moved = _swaying(tree, rng, 2.2)
    solid = _column(tree, height, moved, float(rng.uniform(0.6, 0.9)), growth=float(rng.uniform(-0.6, -0.4)))
    place = _elsewhere(tree, moved, rng, 0.6)
    tongues = node(tree, "TexNoise", Vector=place, Scale=float(rng.uniform(2.5, 4)), Detail=8.0)
    return _torn(tree, solid, tongues.outputs[0], 0.72, 2.2)


def _swaying(tree: Any, rng: Generator, reach: float) -> tuple[Any, Any]:
    """The sockets of the height, 0 below to 1 above, and of the place in a column that sways, by `reach` at most."""
    place = tree.nodes.new("ShaderNodeTexCoord").outputs["Object"]
    height = _line(tree, node(tree, "SeparateXYZ", Vector=place).outputs["Z"], 0.45, 0.5)
    column = node(tree, "CombineXYZ", Z=height, X=float(rng.uniform(-50, 50)))
    sway = node(tree, "TexNoise", Vector=column.outputs[0], Scale=float(rng.uniform(2, 3)), Detail=1.0)
    aside = _vector(tree, "SUBTRACT", sway.outputs[1], (0.5, 0.5, 0.5))
    grown = _vector(tree, "MULTIPLY", aside, node(tree, "CombineXYZ", X=height, Y=height).outputs[0])
    return height, _vector(tree, "ADD", place, _vector(tree, "MULTIPLY", grown, (reach, reach, 0)))


def _column(tree: Any, height: Any, place: Any, foot: float, growth: float) -> Any:
    """The socket of how far inside a column a place is, 0 to 1; it is `foot` wide below and `growth` wider above."""
    parts = node(tree, "SeparateXYZ", Vector=place)
    flat = node(tree, "CombineXYZ", X=parts.outputs["X"], Y=parts.outputs["Y"])
    length = tree.nodes.new("ShaderNodeVectorMath")
    length.operation = "LENGTH"
    put(tree, length.inputs[0], flat.outputs[0])
    radius = maths(tree, "MAXIMUM", _line(tree, height, growth, foot), 0.001)
    body = maths(tree, "SUBTRACT", 1.0, maths(tree, "DIVIDE", length.outputs["Value"], radius))
    low = maths(tree, "MULTIPLY", maths(tree, "SUBTRACT", height, 0.08), 9.0)
    high = maths(tree, "MULTIPLY", maths(tree, "SUBTRACT", 0.95, height), 2.0)
    return maths(tree, "MULTIPLY", body, maths(tree, "MULTIPLY", low, high))


def _torn(tree: Any, solid: Any, noise: Any, least: float, gain: float) -> Any:
    """The socket of a body of which, where it is thin, only the crests of the noise are left; nothing is beside it."""
    dense = maths(tree, "MULTIPLY", maths(tree, "SUBTRACT", _sum(tree, solid, noise), least), gain)
    return maths(tree, "MULTIPLY", dense, maths(tree, "MULTIPLY", solid, 8.0))


def _elsewhere(tree: Any, place: Any, rng: Generator, tall: float) -> Any:
    """The socket of a place moved at random, so that no two noises are alike; `tall` below 1 stretches them up."""
    made = node(tree, "Mapping", Vector=place)
    made.inputs["Location"].default_value = tuple(rng.uniform(-50, 50, 3))
    made.inputs["Scale"].default_value = (1, 1, tall)
    return made.outputs[0]


def _line(tree: Any, value: Any, slope: float, start: float) -> Any:
    """The socket of `value` times `slope` plus `start`, not clamped."""
    made = tree.nodes.new("ShaderNodeMath")
    made.operation = "MULTIPLY_ADD"
    for socket, given in zip(made.inputs, (value, slope, start), strict=True):
        put(tree, socket, given)
    return made.outputs[0]


def _sum(tree: Any, first: Any, second: Any) -> Any:
    """The socket of a sum, not clamped."""
    made = tree.nodes.new("ShaderNodeMath")
    made.operation = "ADD"
    put(tree, made.inputs[0], first)
    put(tree, made.inputs[1], second)
    return made.outputs[0]


def _vector(tree: Any, operation: str, first: Any, second: Any) -> Any:
    made = tree.nodes.new("ShaderNodeVectorMath")
    made.operation = operation
    put(tree, made.inputs[0], first)
    put(tree, made.inputs[1], second)
    return made.outputs[0]
