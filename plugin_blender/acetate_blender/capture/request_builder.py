# SPDX-License-Identifier: GPL-3.0-or-later
"""From chosen options to a request: what is asked for, where it goes, and the pictures to read."""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Callable

import bpy
from acetate_editor.requests import layer_request
from acetate_wire.element import ELEMENTS
from acetate_wire.errors import AcetateError, bad_request
from acetate_wire.geometry import intersection, union
from acetate_wire.request import Control, LayerRequest, PictureSpec, Rect

from .. import elements, options, scene_storage
from ..controller import CaptureTask, SceneCapture
from ..daemon_connection import session
from ..i18n import tr
from ..insert import insert_layers, plane, stack, surfaces
from ..insert.camera import CameraView, check_camera
from ..insert.placement import CAMERA, SURFACE, TEXTURE, Placement
from ..pictures import images
from ..pictures.images import ImagePixels
from ..pictures.rest import Rest
from . import inputs, structure, targets, visible
from .inputs import Reader, Spread
from .targets import View

SEEDS = 2**31
"""Blender's whole numbers end here."""
UNREAD = PictureSpec(0, 1, 1)
"""Stands in a draft for a picture whose size is not known yet."""


@dataclass(frozen=True)
class RequestDraft:
    """A request whose pictures are still to be read, where its layers go, and how the pictures are read."""

    request: LayerRequest
    placement: Placement
    sending: CaptureTask


def build_request(scene: Any, chosen: Mapping[str, Any]) -> RequestDraft:
    """What these options ask for. Raises AcetateError for a wrong choice."""
    bpy.context.view_layer.update()
    scene_storage.separate()
    trouble = missing(scene, chosen)
    if trouble is not None:
        raise trouble
    view = targets.target_of(scene, chosen)
    placement = _placement(scene, chosen, view)
    if placement.place == CAMERA and not insert_layers.takes_a_free_place(scene, placement):
        seen = CameraView.of(scene, insert_layers.the_camera(scene, placement.camera))
        check_camera(seen, placement.distance)
        placement = replace(placement, view=seen)
    request = _request(chosen, view)
    readers = inputs.readers(view, elements.roles(chosen), chosen)
    controls = _controls(scene, view, chosen)
    return RequestDraft(request, placement, _sending(request, view, readers, controls, chosen))


def missing(scene: Any, chosen: Mapping[str, Any]) -> AcetateError | None:
    """What these options lack, as far as it is found without looking at pictures; None when nothing is."""
    mode = chosen["mode"]
    words = chosen["prompt"] + (chosen["foreground_prompt"] + chosen["background_prompt"] if mode == "scene" else "")
    named = chosen["model"] == ELEMENTS and chosen["element"]
    if mode in options.NEEDS_PROMPT and not words.strip() and not named:
        hint = tr("say what is to be there, or choose Remove") if mode == "inpaint" else tr("say what the layer shows")
        return bad_request(tr("There is no prompt"), hint, "prompt")
    for role in elements.roles(chosen):
        trouble = inputs.missing(scene, role, chosen)
        if trouble is not None:
            return trouble
    surface = chosen["surface"]
    if chosen["place"] == SURFACE and scene.objects.get(surface) is None:
        hint = tr("choose the object that the layer is to lie on")
        message = tr("There is no object {name!r}").format(name=surface) if surface else tr("No object is chosen")
        return bad_request(message, hint, "surface")
    try:
        if chosen["place"] == SURFACE:
            surfaces.check_top(scene.objects[surface])
        if chosen["place"] == TEXTURE:
            surfaces.check_textured(_textured(scene, surface))
    except AcetateError as error:
        return error
    return None


def _textured(scene: Any, surface: str) -> Any | None:
    return scene.objects.get(surface) if surface else bpy.context.view_layer.objects.active


def _placement(scene: Any, chosen: Mapping[str, Any], view: View) -> Placement:
    surface = chosen["surface"]
    if chosen["place"] == TEXTURE and not surface:
        surface = bpy.context.view_layer.objects.active.name
    placement = Placement(
        place=chosen["place"],
        camera=scene.camera.name if scene.camera is not None else "",
        canvas=view.canvas,
        surface=surface,
        shown=getattr(bpy.context.space_data, "type", "") == "IMAGE_EDITOR",
        **{name: chosen[name] for name in ("distance", "gap", "shading", "height", "collection", "depth", "variants")},
    )
    anchor = targets.primary_plane(scene, chosen)
    order = stack.ORDERS.get(chosen["mode"])
    if anchor is None or order is None:
        return placement
    seen_by = plane.camera_of(scene, anchor)
    depth = stack.AUTOMATIC if order == stack.INSTEAD else placement.depth
    marks = {"anchor": anchor.acetate.layer, "anchor_name": anchor.name}
    return replace(placement, order=order, depth=depth, camera=seen_by.name if seen_by else placement.camera, **marks)


def _request(chosen: Mapping[str, Any], view: View) -> LayerRequest:
    """The request, with headers for pictures that are still to be read."""
    prompts = {role: chosen[f"{role}_prompt"] for role in ("foreground", "background")}
    own = {name: chosen[name] or None for name in ("steps", "guidance", "sampler", "stop_at", "layers")}
    takes_clip_skip = session.clip_layers(chosen["model"]) > 0 or not session.model(chosen["model"])
    return layer_request(
        {**chosen, **own},
        canvas=view.canvas,
        target=view.target,
        layer_prompts=prompts,
        inputs=dict.fromkeys(elements.roles(chosen), UNREAD),
        seed=random.randrange(SEEDS) if chosen["random_seed"] else chosen["seed"],
        # Blender mixes the light of planes, not the numbers of their images.
        blending="linear",
        clip_skip=(chosen["clip_skip"] or None) if takes_clip_skip else None,
        passes=int(chosen["passes"]) or None,
        fill=chosen["fill"] and chosen["mode"] == "text",
        element=elements.asked(chosen),
    )


Steering = Callable[[Rect], Generator[None, None, ImagePixels]]
"""Reads the structure of a target."""


def _controls(scene: Any, view: View, chosen: Mapping[str, Any]) -> list[tuple[Control, Steering]]:
    kind = chosen["control"]
    if kind == "none" or chosen["model"] == ELEMENTS:
        return []
    seen = CameraView.of(scene, insert_layers.the_camera(scene, ""))
    control = Control(kind, UNREAD, weight=chosen["control_weight"])
    return [(control, lambda target: structure.read(scene, seen, target, view.canvas, kind))]


def _sending(
    request: LayerRequest,
    view: View,
    readers: Mapping[str, Reader],
    controls: list[tuple[Control, Steering]],
    chosen: Mapping[str, Any],
) -> CaptureTask:
    frames: list[bytes] = []
    headers: dict[str, PictureSpec] = {}
    steered: list[Control] = []
    pictures: dict[str, Spread] = {}
    for role, reader in readers.items():
        pictures[role] = yield from reader()
        yield
    primary = pictures.get(options.primary_role(request.mode, chosen["known"]))
    target = request.target
    if view.around and primary is not None:
        seen = [_seen(role, picture) for role, picture in pictures.items() if picture is primary or role == "mask"]
        target = targets.area(seen, view.whole(), session.max_aspect(request.model))
        yield
    for role, picture in pictures.items():
        pixels = picture.inside(target)
        yield
        pixels = images.opaque(pixels) if role == "mask" else pixels
        headers[role] = pixels.header(len(frames))
        frames.append(pixels.frame())
        yield
    for control, steering in controls:
        pixels = yield from steering(target)
        steered.append(replace(control, picture=pixels.header(len(frames))))
        frames.append(pixels.frame())
        yield
    request = replace(request, target=target, inputs=headers, controls=tuple(steered))
    return SceneCapture(request, frames, (yield from _rest(request, view, primary, chosen)))


def _seen(role: str, picture: Spread) -> Rect | None:
    """What is visible of a picture, on the canvas."""
    found = visible.mask_bounds(picture.pixels) if role == "mask" else visible.bounds(picture.pixels)
    return found and Rect(picture.covers.x + found.x, picture.covers.y + found.y, found.width, found.height)


def _rest(
    request: LayerRequest, view: View, primary: Spread | None, chosen: Mapping[str, Any]
) -> Generator[None, None, Rest | None]:
    """All of a layer that is changed, as large as the new one: with the target, but not beyond the canvas.

    None where that is just the target, so that all of it is drawn anew.
    """
    if primary is None or request.mode not in options.CHANGES:
        return None
    is_layer = chosen[f"{options.primary_role(request.mode, chosen['known'])}_from"] == "PLANE" or view.around
    if not is_layer:
        return None
    shown = intersection(request.target, view.whole())
    covers = union([primary.covers, shown] if shown else [primary.covers])
    if covers == request.target:
        return None
    yield
    pixels = (yield from images.as_bytes(primary.pixels)).moved(primary.covers, covers)
    yield
    return Rest(covers, pixels.array[::-1])
