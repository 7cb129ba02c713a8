# SPDX-License-Identifier: GPL-3.0-or-later
"""From chosen options to a request: the target, the placement, and the pictures to read."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import bpy
from acetate_wire.errors import WireError
from acetate_wire.request import Control, LayerRequest, PictureHeader, Rect

from .. import options
from ..jobs.desk import Parcel, Sending
from ..placing import camera as cameras
from ..placing import plane, put
from ..placing.placement import CAMERA, TEXTURE, Placement
from ..words import tr
from . import inputs, structure
from .inputs import Reader, View

SEEDS = 2**31
"""Blender's whole numbers end here."""


@dataclass(frozen=True)
class Asking:
    """A request without its pictures, where its layers go, and how the pictures are read."""

    request: LayerRequest
    placement: Placement
    sending: Sending


def asking(scene: Any, chosen: Mapping[str, Any], order: Mapping[str, Any] | None = None) -> Asking:
    """What these options ask for. `order` overrides fields of the placement. Raises WireError for a wrong choice."""
    bpy.context.view_layer.update()
    view = target_of(scene, chosen)
    placement = replace(_placement(scene, chosen, view), **(order or {}))
    if placement.place == CAMERA:
        cameras.check_camera(put.the_camera(scene, placement.camera), placement.distance)
    request = _request(chosen, view)
    if not request.prompt.strip() and not request.layer_prompts and request.mode not in ("refine", "extract"):
        raise WireError(
            "bad_request",
            tr("There is no prompt"),
            field="prompt",
            hint=tr("say what the layer shows"),
        )
    readers = inputs.readers(view, options.needed_roles(request.mode, chosen["known"]), chosen)
    controls = _controls(scene, view, chosen)
    return Asking(request, placement, _sending(request, readers, controls))


def target_of(scene: Any, chosen: Mapping[str, Any]) -> View:
    """The canvas and the part of it to fill. Raises WireError when there is no such part."""
    width, height = canvas = cameras.picture_size(scene)
    without = chosen["collection"]
    target = chosen["target"]
    if target == "CUSTOM":
        rect = Rect(chosen["target_x"], chosen["target_y"], chosen["target_width"], chosen["target_height"])
        return View(scene, canvas, rect, without)
    if target == "REGION" and scene.render.use_border:
        render = scene.render
        left, right = round(render.border_min_x * width), round(render.border_max_x * width)
        top, bottom = round((1 - render.border_max_y) * height), round((1 - render.border_min_y) * height)
        return View(scene, canvas, Rect(left, top, max(1, right - left), max(1, bottom - top)), without)
    if target == "PLANE":
        obj = bpy.context.view_layer.objects.active
        if not plane.is_plane(obj):
            raise WireError(
                "bad_request",
                tr("No layer is selected whose place could be taken"),
                field="target",
                hint=tr("select one, or choose another target"),
            )
        return View(scene, (obj.acetate.canvas[0], obj.acetate.canvas[1]), plane.rect_of(obj), without)
    if target == "IMAGE":
        image = _open_image()
        return View(scene, (image.size[0], image.size[1]), Rect(0, 0, image.size[0], image.size[1]), without)
    return View(scene, canvas, Rect(0, 0, width, height), without)


def target_size(context: Any) -> tuple[int, int] | None:
    """The size in pixels of the target that the panel shows; None when there is no such part."""
    settings = context.scene.acetate.settings
    names = ("target", "target_x", "target_y", "target_width", "target_height", "collection")
    try:
        target = target_of(context.scene, {name: getattr(settings, name) for name in names}).target
    except WireError:
        return None
    return target.width, target.height


def _open_image() -> Any:
    space = bpy.context.space_data
    image = getattr(space, "image", None)
    if image is None or not all(image.size):
        raise WireError(
            "bad_request",
            tr("No image is open whose size could be taken"),
            field="target",
            hint=tr("open one in the image editor and press Generate there, or choose another target"),
        )
    return image


def _placement(scene: Any, chosen: Mapping[str, Any], view: View) -> Placement:
    surface = chosen["surface"]
    if chosen["place"] == TEXTURE and not surface:
        active = bpy.context.view_layer.objects.active
        surface = active.name if active is not None else ""
    return Placement(
        place=chosen["place"],
        camera=scene.camera.name if scene.camera is not None else "",
        canvas=view.canvas,
        surface=surface,
        **{name: chosen[name] for name in ("distance", "gap", "shading", "height", "collection", "variants")},
    )


def _request(chosen: Mapping[str, Any], view: View) -> LayerRequest:
    prompts = {role: chosen[f"{role}_prompt"] for role in ("foreground", "background")}
    return LayerRequest(
        mode=chosen["mode"],
        canvas=view.canvas,
        target=view.target,
        prompt=chosen["prompt"],
        model=chosen["model"],
        negative=chosen["negative"],
        layer_prompts={role: text for role, text in prompts.items() if text and chosen["mode"] == "scene"},
        seed=random.randrange(SEEDS) if chosen["random_seed"] else chosen["seed"],
        count=chosen["count"],
        steps=chosen["steps"] or None,
        guidance=chosen["guidance"] or None,
        sampler=chosen["sampler"] or None,
        passes=int(chosen["passes"]),
        strength=chosen["strength"] if chosen["mode"] in ("refine", "inpaint") else 1.0,
        transparency_weight=chosen["transparency_weight"],
        stop_at=chosen["stop_at"],
        preview=chosen["preview"],
    )


def _controls(scene: Any, view: View, chosen: Mapping[str, Any]) -> list[tuple[Control, Reader]]:
    kind = chosen["control"]
    if kind == "none":
        return []
    camera = put.the_camera(scene, "")
    control = Control(kind, PictureHeader(0, 1, 1), weight=chosen["control_weight"])
    return [(control, lambda: structure.read(scene, camera, view.target, view.canvas, kind))]


def _sending(request: LayerRequest, readers: Mapping[str, Reader], controls: list[tuple[Control, Reader]]) -> Sending:
    frames: list[bytes] = []
    headers: dict[str, PictureHeader] = {}
    steered: list[Control] = []
    for role, reader in readers.items():
        pixels = yield from reader()
        headers[role] = pixels.header(len(frames))
        frames.append(pixels.frame())
        yield
    for control, reader in controls:
        pixels = yield from reader()
        steered.append(replace(control, picture=pixels.header(len(frames))))
        frames.append(pixels.frame())
        yield
    return Parcel(replace(request, inputs=headers, controls=tuple(steered)), frames)
