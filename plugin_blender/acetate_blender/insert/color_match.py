# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours of shadeless layers under the scene's colour management: what changes them, and how they are matched to it.

A view transform maps the scene's light to what is displayed. An image in the colour space that undoes the transform
comes out of it as it was generated, while the scene keeps its look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..i18n import tr
from . import material, plane

STANDARD = "Standard"
GENERATED_IN = "sRGB"


def space_for(scene: Any, image: Any) -> str | None:
    """The colour space in which this image looks as generated under the scene's view transform; None without one."""
    view = scene.view_settings.view_transform
    if view == STANDARD:
        return GENERATED_IN
    known = {item.identifier for item in image.colorspace_settings.bl_rna.properties["name"].enum_items}
    return next((name for name in (f"{view} sRGB", f"{view} Base sRGB") if name in known), None)


def unmatched(scene: Any, planes: Iterable[Any]) -> list[Any]:
    """The images of shadeless planes that the scene's view transform changes."""
    found = (plane.image_of(obj) for obj in planes if material.is_shadeless(obj))
    return [image for image in found if image is not None and image.colorspace_settings.name != space_for(scene, image)]


def other_changes(scene: Any) -> Iterator[str]:
    """What else changes the colours that are displayed, in words."""
    view, display = scene.view_settings, scene.display_settings.display_device
    if view.look not in ("None", ""):
        yield tr("look {name}").format(name=view.look)
    if view.exposure != 0:
        yield tr("exposure")
    if view.gamma != 1:
        yield tr("gamma")
    if view.use_curve_mapping:
        yield tr("view curves")
    if getattr(view, "use_white_balance", False):
        yield tr("white balance")
    if display != GENERATED_IN:
        yield tr("display {name} (in saved pictures)").format(name=display)


def match(scene: Any, planes: Iterable[Any]) -> None:
    """Let shadeless layers look as generated under the scene's view transform; new ones follow from now on."""
    scene.acetate.match_view = True
    for image in unmatched(scene, planes):
        _set_space(image, space_for(scene, image))


def follow(scene: Any, made: Iterable[Any]) -> None:
    """Match new layers where the others are."""
    if scene.acetate.match_view:
        match(scene, [obj for obj in made if plane.is_plane(obj)])


def show_as_generated(scene: Any, planes: Iterable[Any]) -> None:
    """Have the scene displayed without anything that changes colours."""
    scene.acetate.match_view = False
    scene.display_settings.display_device = GENERATED_IN
    view = scene.view_settings
    view.view_transform, view.look, view.exposure, view.gamma = STANDARD, "None", 0.0, 1.0
    view.use_curve_mapping = False
    if hasattr(view, "use_white_balance"):
        view.use_white_balance = False
    for image in unmatched(scene, planes):
        _set_space(image, GENERATED_IN)


def _set_space(image: Any, space: str | None) -> None:
    if space is None:
        return
    if image.is_dirty:
        # Blender reads the file anew in another colour space: what was painted is lost unless it is in the file.
        image.pack()
    image.colorspace_settings.name = space
