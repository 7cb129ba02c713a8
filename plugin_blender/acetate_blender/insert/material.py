# SPDX-License-Identifier: GPL-3.0-or-later
"""The materials of layers: straight alpha, either as generated or lit by the scene."""

from __future__ import annotations

from typing import Any

import bpy

from .. import bpy_compat

SHADELESS = "SHADELESS"
LIT = "LIT"
IMAGE_NODE = "Acetate Layer"


def glows(shading: str, blend: str) -> bool:
    """Whether a layer has its own colours, whatever the light."""
    return shading == SHADELESS or blend == "add"


def make(name: str, image: Any, shading: str, blend: str = "normal") -> Any:
    """A material that shows `image` with its alpha; shadeless, it renders exactly the image's colours.

    With `blend` `add` it is light of its own, which is added to what is behind it.
    """
    material = bpy.data.materials.new(name)
    tree = bpy_compat.node_tree(material)
    tree.nodes.clear()
    # The plane ends where the image does: to go on beyond it keeps the outermost pixels from fading.
    texture = image_node(tree, image, (-500, 0), "EXTEND")
    output = _node(tree, "ShaderNodeOutputMaterial", (300, 0))
    build = _added if blend == "add" else _shadeless if shading == SHADELESS else _lit
    surface = build(tree, texture)
    tree.links.new(surface, output.inputs["Surface"])
    tree.nodes.active = texture  # Solid view and texture paint show the active image.
    bpy_compat.blend(material)
    if glows(shading, blend):
        bpy_compat.no_light_source(material)
    return material


def image_node(tree: Any, image: Any, location: tuple[float, float], extension: str = "CLIP") -> Any:
    """A texture node with `image`, by default clear outside of it."""
    node = _node(tree, "ShaderNodeTexImage", location)
    node.name = node.label = IMAGE_NODE
    node.image = image
    node.extension = extension
    node.interpolation = "Linear"
    return node


def without_light(obj: Any) -> None:
    """Let a shadeless plane be seen, and reflected, without shining on the scene or casting a shadow."""
    obj.visible_diffuse = False
    obj.visible_volume_scatter = False
    obj.visible_shadow = False


def is_shadeless(obj: Any) -> bool:
    """Whether this object shows a layer in its own colours, whatever the light."""
    used = obj.active_material
    nodes = used.node_tree.nodes if used is not None and used.node_tree is not None else ()
    return IMAGE_NODE in nodes and any(node.type == "EMISSION" for node in nodes)


def _shadeless(tree: Any, texture: Any) -> Any:
    emission = _node(tree, "ShaderNodeEmission", (-200, -100))
    clear = _node(tree, "ShaderNodeBsdfTransparent", (-200, 100))
    mix = _node(tree, "ShaderNodeMixShader", (50, 0))
    tree.links.new(texture.outputs["Color"], emission.inputs["Color"])
    tree.links.new(texture.outputs["Alpha"], mix.inputs[0])
    tree.links.new(clear.outputs[0], mix.inputs[1])
    tree.links.new(emission.outputs[0], mix.inputs[2])
    return mix.outputs[0]


def _added(tree: Any, texture: Any) -> Any:
    emission = _node(tree, "ShaderNodeEmission", (-200, -100))
    clear = _node(tree, "ShaderNodeBsdfTransparent", (-200, 100))
    both = _node(tree, "ShaderNodeAddShader", (50, 0))
    tree.links.new(texture.outputs["Color"], emission.inputs["Color"])
    tree.links.new(texture.outputs["Alpha"], emission.inputs["Strength"])
    tree.links.new(clear.outputs[0], both.inputs[0])
    tree.links.new(emission.outputs[0], both.inputs[1])
    return both.outputs[0]


def _lit(tree: Any, texture: Any) -> Any:
    paper = _node(tree, "ShaderNodeBsdfPrincipled", (-100, 0))
    paper.inputs["Roughness"].default_value = 1.0
    specular = "Specular IOR Level" if "Specular IOR Level" in paper.inputs else "Specular"
    paper.inputs[specular].default_value = 0.0
    tree.links.new(texture.outputs["Color"], paper.inputs["Base Color"])
    tree.links.new(texture.outputs["Alpha"], paper.inputs["Alpha"])
    return paper.outputs[0]


def _node(tree: Any, kind: str, location: tuple[float, float]) -> Any:
    node = tree.nodes.new(kind)
    node.location = location
    return node
