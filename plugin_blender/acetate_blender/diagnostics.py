# SPDX-License-Identifier: GPL-3.0-or-later
"""What spoils layers in this scene, each with its fix; nothing is ever changed unasked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

import bpy
from acetate_editor.connection import READY, STARTING

from . import bpy_compat
from .daemon_connection import session
from .i18n import tr
from .insert import color_match, material, plane
from .insert.camera import picture_size

SAME_DEPTH = 1e-5
"""Planes nearer to each other than this share of their distance are at the same depth."""


@dataclass(frozen=True)
class Fix:
    """One way to put an issue right: its name for `fix`, and what its button says."""

    name: str
    label: str


@dataclass(frozen=True)
class Issue:
    """One thing that spoils layers: what it is, and the ways to put it right, the gentlest first."""

    name: str
    text: str
    fixes: tuple[Fix, ...] = ()


_found: dict[str, tuple[Issue, ...]] = {}


def of(scene: Any) -> tuple[Issue, ...]:
    """What was found in this scene when it was last looked at."""
    return _found.get(scene.name, ())


def refresh() -> bool:
    """Look at all scenes again; whether anything is different now."""
    before = dict(_found)
    _found.clear()
    _found.update({scene.name: check(scene) for scene in bpy.data.scenes})
    return _found != before


def check(scene: Any) -> tuple[Issue, ...]:
    """Look at one scene."""
    shown = [obj for obj in plane.planes(scene) if not obj.hide_render]
    found = [_daemon(), _waiting(scene)] + ([check_(scene, shown) for check_ in _CHECKS] if shown else [])
    return tuple(trouble for trouble in found if trouble is not None)


def fix(scene: Any, name: str) -> None:
    """Put it right by the fix of this name."""
    _FIXES[name](scene)
    refresh()


def _daemon() -> Issue | None:
    state = session.state
    if state.kind == READY:
        return None
    text = state.line if session.problem is None else str(session.problem)
    return _issue("DAEMON", text, "" if state.kind == STARTING else tr("Start"))


def _waiting(scene: Any) -> Issue | None:
    count = sum(len(job.layers) for job in _waiting_jobs(scene))
    if not count:
        return None
    text = tr("1 finished layer waits") if count == 1 else tr("{count} finished layers wait").format(count=count)
    return _issue("WAITING", text, tr("Place Them"))


def _fix_waiting(scene: Any) -> None:
    for job in _waiting_jobs(scene):
        bpy.ops.acetate.place(job=job.id)


def _waiting_jobs(scene: Any) -> list[Any]:
    from . import runtime

    return runtime.controller().waiting(scene)


def _issue(name: str, text: str, fix: str) -> Issue:
    """An issue with one fix of its own name, or none."""
    return Issue(name, text, (Fix(name, fix),) if fix else ())


def _view(scene: Any, shown: list[Any]) -> Issue | None:
    shadeless = [obj for obj in shown if material.is_shadeless(obj)]
    if not shadeless:
        return None
    name = scene.view_settings.view_transform
    changed, others = color_match.unmatched(scene, shadeless), list(color_match.other_changes(scene))
    if not changed and not others:
        return None
    causes = [tr("view transform {name}").format(name=name), *others] if changed else others
    fixes = [Fix("VIEW", tr("Show as Generated"))]
    if any(color_match.space_for(scene, image) for image in changed):
        fixes.insert(0, Fix("MATCH", tr("Match Layers to {name}").format(name=name)))
    return Issue("VIEW", tr("Colours of layers are changed: {causes}").format(causes=", ".join(causes)), tuple(fixes))


def _fix_match(scene: Any) -> None:
    color_match.match(scene, plane.planes(scene))


def _fix_view(scene: Any) -> None:
    color_match.show_as_generated(scene, plane.planes(scene))


def _bounces(scene: Any, shown: list[Any]) -> Issue | None:
    if scene.render.engine != "CYCLES":
        return None
    needed, cycles = _needed_bounces(shown), scene.cycles
    if cycles.transparent_max_bounces < needed:
        text = tr("{count} layers are too many for {bounces} transparent bounces").format(
            count=len(shown), bounces=cycles.transparent_max_bounces
        )
        return _issue("BOUNCES", text, tr("Allow More"))
    if cycles.min_transparent_bounces < needed:
        # Below this number Cycles gives up some rays by lot, which roughens soft transparency.
        return _issue("BOUNCES", tr("Transparency is grainy: too few transparent bounces are certain"), tr("Smooth"))
    return None


def _fix_bounces(scene: Any) -> None:
    needed = _needed_bounces([obj for obj in plane.planes(scene) if not obj.hide_render])
    cycles = scene.cycles
    cycles.transparent_max_bounces = max(cycles.transparent_max_bounces, needed)
    cycles.min_transparent_bounces = max(cycles.min_transparent_bounces, needed)


def _needed_bounces(shown: list[Any]) -> int:
    return len(shown) + 2


def _blending(scene: Any, shown: list[Any]) -> Issue | None:
    count = sum(not bpy_compat.is_blended(used) for used in _materials(shown))
    if not count:
        return None
    return _issue("BLENDING", tr("Materials of layers are dithered: {count}").format(count=count), tr("Blend"))


def _fix_blending(scene: Any) -> None:
    for used in _materials(list(plane.planes(scene))):
        bpy_compat.blend(used)


def _alpha(scene: Any, shown: list[Any]) -> Issue | None:
    count = sum(image is not None and image.alpha_mode != "STRAIGHT" for image in map(plane.image_of, shown))
    if not count:
        return None
    return _issue("ALPHA", tr("Layers whose alpha is read wrongly: {count}").format(count=count), tr("Straight Alpha"))


def _fix_alpha(scene: Any) -> None:
    for image in map(plane.image_of, plane.planes(scene)):
        if image is not None:
            image.alpha_mode = "STRAIGHT"


def _depths(scene: Any, shown: list[Any]) -> Issue | None:
    aligned = _aligned(scene, shown)
    depths = sorted(plane.depth_of(obj, scene.camera) for obj in aligned)
    if all(far - near > SAME_DEPTH * abs(far) for near, far in zip(depths, depths[1:])):
        return None
    return _issue("DEPTHS", tr("Layers stand at the same depth"), tr("Part Them"))


def _fix_depths(scene: Any) -> None:
    from .insert import insert_layers

    aligned = _aligned(scene, list(plane.planes(scene)))
    aligned.sort(key=lambda obj: -plane.depth_of(obj, scene.camera))
    back = scene.camera.matrix_world.normalized().to_3x3().col[2]
    farther = float("inf")
    for obj in aligned:
        depth = plane.depth_of(obj, scene.camera)
        wanted = min(depth, farther * (1 - 1e-3))
        farther = wanted
        if wanted != depth:
            obj.matrix_world.translation += back * (depth - wanted)
            insert_layers.fit(scene, obj)


def _frame(scene: Any, shown: list[Any]) -> Issue | None:
    width, height = picture_size(scene)
    off = [obj for obj in _aligned(scene, shown) if obj.acetate.canvas[0] * height != obj.acetate.canvas[1] * width]
    if not off:
        return None
    text = tr("The picture's proportions are no longer those of the layers ({width} x {height})").format(
        width=off[0].acetate.canvas[0], height=off[0].acetate.canvas[1]
    )
    return _issue("FRAME", text, tr("Restore"))


def _fix_frame(scene: Any) -> None:
    first = _aligned(scene, [obj for obj in plane.planes(scene) if not obj.hide_render])[0]
    scene.render.resolution_x, scene.render.resolution_y = first.acetate.canvas
    scene.render.resolution_percentage = 100


def _aligned(scene: Any, planes: list[Any]) -> list[Any]:
    if scene.camera is None:
        return []
    return [obj for obj in planes if plane.camera_of(scene, obj) == scene.camera]


def _materials(planes: list[Any]) -> list[Any]:
    return [slot.material for obj in planes for slot in obj.material_slots if slot.material]


_CHECKS = (_view, _bounces, _blending, _alpha, _depths, _frame)
_FIXES: dict[str, Callable[[Any], None]] = {
    "DAEMON": lambda scene: session.start_if_due(),
    "WAITING": _fix_waiting,
    "MATCH": _fix_match,
    "VIEW": _fix_view,
    "BOUNCES": _fix_bounces,
    "BLENDING": _fix_blending,
    "ALPHA": _fix_alpha,
    "DEPTHS": _fix_depths,
    "FRAME": _fix_frame,
}
