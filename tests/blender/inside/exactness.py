"""Planes rendered through the camera, against the layer itself."""

from __future__ import annotations

from typing import Any

import addon
import bpy
import pictures
import scene

CAMERAS: dict[str, dict[str, Any]] = {
    "perspective": {},
    "orthographic": {"type": "ORTHO", "ortho_scale": 3.0},
    "shifted": {"shift_x": 0.2, "shift_y": -0.15},
    "shifted orthographic": {"type": "ORTHO", "ortho_scale": 5.0, "shift_x": -0.1, "shift_y": 0.3},
    "wide pixels": {"pixel_aspect_x": 1.6},
    "tall pixels, turned and scaled": {"pixel_aspect_y": 1.4, "turned": True},
}


def set_camera(name: str, width: int, height: int) -> None:
    """A fresh scene with this camera."""
    scene.fresh(width, height)
    camera = bpy.context.scene.camera
    for key, value in CAMERAS[name].items():
        if key.startswith("pixel_aspect"):
            setattr(bpy.context.scene.render, key, value)
        elif key == "turned":
            camera.rotation_euler = (0.7, 0.4, -1.1)
            camera.location = (3.0, -2.0, 5.0)
            camera.scale = (2.0, 2.0, 2.0)
        else:
            setattr(camera.data, key, value)


def whole_frame(camera: str, width: int, height: int, engine: str = "CYCLES", kind: str = "noise") -> dict[str, float]:
    """A layer over the whole frame: its errors after a render through the camera, once all offered fixes are done."""
    set_camera(camera, width, height)
    name = getattr(pictures, kind)("Known", width, height)
    _echo(name)
    fix(engine)
    return pictures.errors(pictures.render(engine), pictures.numbers(name))


def part_of_frame(camera: str, engine: str = "CYCLES") -> dict[str, float]:
    """A layer in a part of the frame: errors inside, and what is seen outside of it."""
    set_camera(camera, 128, 96)
    name = pictures.noise("Known", 50, 40)
    _echo(name, target="CUSTOM", target_x=30, target_y=20, target_width=50, target_height=40)
    fix(engine)
    seen = pictures.render(engine)
    inside = seen[96 - 60 : 96 - 20, 30:80].copy()
    seen[96 - 60 : 96 - 20, 30:80] = 0
    return {**pictures.errors(inside, pictures.numbers(name)), "outside": float(seen[..., 3].max())}


def fix(engine: str) -> list[str]:
    """Choose the engine, and click every fix that is offered; what was offered."""
    health, shown = addon.part("diagnostics"), bpy.context.scene
    shown.render.engine = "CYCLES" if engine == "CYCLES" else addon.part("bpy_compat").eevee_engine()
    found = [trouble.name for trouble in health.check(shown) if trouble.fixes]
    for name in found:
        bpy.ops.acetate.fix(trouble=name)
    return found


def stack(count: int, engine: str, samples: int, gap: float = 0.001) -> dict[str, float]:
    """Soft layers, one before the other: their errors against a linear "over"."""
    scene.fresh(256, 256)
    names = [pictures.painted(f"Known {n}", 256, 256, seed=n + 1) for n in range(count)]
    for name in names:
        _echo(name, gap=gap)
    fix(engine)
    wanted = pictures.over([pictures.numbers(name) for name in names], (256, 256))
    return pictures.errors(pictures.render(engine, samples), wanted)


def _echo(name: str, **options: Any) -> list[str]:
    return scene.generate(prompt="echo", mode="refine", layer_from="IMAGE", layer_name=name, **options)


def under_view(view: str) -> dict[str, Any]:
    """A layer under a view transform: its colours' error at first, matched, and what new layers and both fixes do."""
    scene.fresh(128, 128)
    shown, health = bpy.context.scene, addon.part("diagnostics")
    name = pictures.painted("Known", 128, 128)
    (made,) = _echo(name)
    fix("CYCLES")
    shown.view_settings.view_transform = view
    image = addon.part("insert.plane").image_of(bpy.data.objects[made])

    def error() -> float:
        return pictures.errors(pictures.render(), pictures.numbers(name))["colour"]

    def issue() -> list[str]:
        found = next((each for each in health.check(shown) if each.name == "VIEW"), None)
        return [] if found is None else [found.text, *(each.label for each in found.fixes)]

    seen: dict[str, Any] = {"before": error(), "offered": issue()}
    bpy.ops.acetate.fix(trouble="MATCH")
    seen |= {"matched": error(), "view": shown.view_settings.view_transform, "left": issue()}
    (second,) = _echo(name)
    seen["followed"] = addon.part("insert.plane").image_of(bpy.data.objects[second]).colorspace_settings.name
    seen["space"] = image.colorspace_settings.name
    bpy.data.objects[second].hide_render = True
    shown.view_settings.view_transform = "Standard"
    seen["standard"] = issue()
    bpy.ops.acetate.fix(trouble="VIEW")
    seen |= {"generated": error(), "last": issue()}
    return seen


def other_changes() -> str:
    """What is said of a scene with everything that changes colours, and what is left after the fix."""
    scene.generate(prompt="a kite")
    shown, health = bpy.context.scene, addon.part("diagnostics")
    view = shown.view_settings
    view.exposure, view.gamma, view.use_curve_mapping = 0.5, 1.2, True
    if hasattr(view, "use_white_balance"):
        view.use_white_balance = True
        shown.display_settings.display_device = "Display P3"
    said = next(each.text for each in health.check(shown) if each.name == "VIEW")
    bpy.ops.acetate.fix(trouble="VIEW")
    assert "VIEW" not in scene.troubles()
    return str(said)


def painted_over() -> list[float]:
    """The first number of a layer that is painted on and then matched: before, and after."""
    (made,) = scene.generate(prompt="a kite", seed=3)
    image = addon.part("insert.plane").image_of(bpy.data.objects[made])
    numbers = pictures.numbers(image.name)
    numbers[0, 0] = 1.0
    image.pixels.foreach_set(numbers.ravel())
    before = float(image.pixels[0])
    bpy.context.scene.view_settings.view_transform = "Filmic"
    bpy.ops.acetate.fix(trouble="MATCH")
    return [before, float(image.pixels[0])]
