"""The list of layers, their depth and their collection."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import addon
import bpy
import exactness
import pictures
import scene


def listed() -> list[str]:
    """The names in the list, from the nearest to the farthest, once Blender had a moment."""
    addon.part("runtime")._look_at_scenes()
    return [entry.name for entry in bpy.context.scene.acetate.layers]


def hidden() -> dict[str, bool]:
    """Which layers are hidden in both viewport and render, by name; they must agree."""
    found = {}
    for plane in scene.planes():
        obj = bpy.data.objects[plane["name"]]
        assert obj.hide_render == (not obj.visible_get())
        found[obj.name] = obj.hide_render
    return found


def depth(name: str) -> float:
    """The depth that the list shows."""
    return float(bpy.data.objects[name].acetate.depth)


def set_depth(name: str, metres: float) -> None:
    """Type another depth into the list."""
    bpy.data.objects[name].acetate.depth = metres
    bpy.context.view_layer.update()


def active(choose: int = -1) -> list[Any]:
    """The place of the active object in the list, and its name; after a click on a line."""
    stored = bpy.context.scene.acetate
    if choose >= 0:
        stored.layer_index = choose
    return [stored.layer_index, bpy.context.view_layer.objects.active.name]


def again(**options: Any) -> list[dict[str, Any]]:
    """The newest job's layers, placed as F9 does it with other options: undone and placed again."""
    job = addon.part("runtime").controller().of(bpy.context.scene)[0].id
    bpy.ops.ed.undo()
    bpy.ops.acetate.place("EXEC_DEFAULT", True, job=job, **options)
    return scene.planes()


def move_exactly(metres: float, kind: str) -> dict[str, float]:
    """A layer that is brought to another depth: how far the render is from its picture."""
    camera = bpy.context.scene.camera
    camera.data.type = kind
    camera.data.ortho_scale, camera.data.shift_x = 6.0, 0.2
    name = pictures.noise("Known", 64, 48)
    (made,) = scene.generate(prompt="echo", mode="refine", layer_from="IMAGE", layer_name=name, target="FRAME")
    exactness.fix("CYCLES")
    set_depth(made, metres)
    return pictures.errors(pictures.render(), pictures.numbers(name))


def odd_size(width: int, height: int, share: int, region: tuple[float, ...] | None = None) -> dict[str, float]:
    """A layer in a picture of an odd size, of which a percentage is rendered: how far the render is from it.

    With a `region` (min x, max x, min y, max y, 0 to 1), the layer fills that part and only that is rendered.
    """
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, share
    size = addon.part("insert.camera").picture_size(bpy.context.scene)
    if region is not None:
        render.use_border = render.use_crop_to_border = True
        render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y = region
        rect = addon.part("capture.targets").target_of(bpy.context.scene, _chosen(target="REGION")).target
        size = rect.width, rect.height
    name = pictures.noise("Known", *size)
    target = "REGION" if region is not None else "FRAME"
    scene.generate(prompt="echo", mode="refine", layer_from="IMAGE", layer_name=name, target=target)
    exactness.fix("CYCLES")
    seen = pictures.render()
    assert seen.shape[:2] == (size[1], size[0]), (seen.shape, size)
    return pictures.errors(seen, pictures.numbers(name))


def _chosen(**values: Any) -> dict[str, Any]:
    return {**addon.part("operators.generate").chosen_settings(bpy.context.scene), **values}


def settings(names: list[str]) -> dict[str, Any]:
    """What the panel shows."""
    return {name: getattr(bpy.context.scene.acetate.settings, name) for name in names}


def settings_of_variant(number: int, **options: Any) -> dict[str, Any]:
    """The panel's settings after those of one of several variants were taken over."""
    made = scene.generate(**options)
    number_of = {json.loads(bpy.data.objects[name].acetate.made_with)["layer"]: name for name in made}
    scene.run("use_settings", select=number_of[number])
    return settings(["seed", "random_seed", "count", "foreground_prompt", "background_prompt", "mode", "target"])


def second_scene() -> dict[str, Any]:
    """Layers in a second scene of the file: the collections of both scenes, and the new scene's defaults."""
    first = bpy.context.scene
    scene.set_preferences(distance=7.0)
    scene.generate(prompt="a kite")
    second = bpy.data.scenes.new("Second")
    second.camera = first.camera
    second.collection.objects.link(first.camera)
    scene.poll(2)
    time.sleep(1.1)
    scene.poll(2)
    defaults = second.acetate.settings.distance
    bpy.context.window.scene = second
    for prompt in ("a hill", "a tree"):
        scene.generate(prompt=prompt)
    scene.set_preferences(distance=10.0)
    return {
        "distance": defaults,
        "first": [child.name for child in first.collection.children],
        "second": {child.name: len(child.objects) for child in second.collection.children},
        "pointers": [first.acetate.collection.name, second.acetate.collection.name],
    }


def linked(folder: str) -> dict[str, Any]:
    """A file that links a collection called Acetate: where a layer goes."""
    library = str(Path(folder) / "library.blend")
    theirs = bpy.data.collections.new("Acetate")
    bpy.data.libraries.write(library, {theirs})
    bpy.data.collections.remove(theirs)
    with bpy.data.libraries.load(library, link=True) as (there, here):
        here.collections = list(there.collections)
    bpy.context.scene.collection.children.link(here.collections[0])
    scene.generate(prompt="a kite")
    own = bpy.context.scene.acetate.collection
    return {"library": own.library is None, "objects": [len(own.objects), len(here.collections[0].objects)]}


def unseen(how: str) -> dict[str, Any]:
    """Layers that arrive in a hidden or excluded collection: that before the button is pressed, and after."""
    scene.generate(prompt="a hill")
    collection = bpy.context.scene.acetate.collection
    entry = bpy.context.view_layer.layer_collection.children[collection.name]
    if how == "exclude":
        entry.exclude = True
    elif how == "eye":
        entry.hide_viewport = True
    else:
        collection.hide_render = True
    scene.generate(prompt="a kite")
    holders = addon.part("insert.collections").unseen_holders
    before = [holder.name for holder in holders(bpy.context.scene)]
    bpy.ops.acetate.show_collection()
    return {"before": before, "after": [holder.name for holder in holders(bpy.context.scene)]}


def found_again() -> dict[str, list[str]]:
    """Which layers are known after each way in which objects come and go."""
    plane = addon.part("insert.plane")

    def known() -> list[str]:
        bpy.context.view_layer.update()
        return sorted(obj.name for obj in plane.planes(bpy.context.scene))

    (made,) = scene.generate(prompt="a kite")
    seen = {"made": known()}
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj.name == made)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.object.duplicate()
    seen["duplicated"] = known()
    bpy.ops.ed.undo_push(message="duplicated")
    bpy.ops.ed.undo()
    seen["undone"] = known()
    bpy.ops.ed.redo()
    seen["redone"] = known()
    bpy.data.objects.remove(bpy.data.objects[f"{made}.001"])
    seen["removed"] = sorted(obj.name for obj in plane.planes(bpy.context.scene))
    copy = bpy.data.objects[made].copy()
    bpy.context.scene.collection.objects.link(copy)
    seen["copied"] = known()
    bpy.context.scene.collection.objects.unlink(copy)
    seen["unlinked"] = known()
    bpy.data.objects[made].select_set(True)
    bpy.ops.object.delete()
    seen["deleted"] = known()
    return seen


def scans(objects: int) -> list[int]:
    """How often a large scene is looked through while nothing happens, while an object moves, and when one comes."""
    mesh = bpy.data.meshes.new("Many")
    for number in range(objects):
        bpy.context.scene.collection.objects.link(bpy.data.objects.new(f"Many {number}", mesh))
    scene.generate(prompt="a kite")
    runtime, plane = addon.part("runtime"), addon.part("insert.plane")
    counted, is_plane = [0], plane.is_plane

    def counting(obj: Any) -> bool:
        counted[0] += 1
        return bool(is_plane(obj))

    plane.is_plane = counting
    seen = []
    try:
        for happens in ("nothing", "move", "add"):
            _happen(happens)
            bpy.context.view_layer.update()
            counted[0] = 0
            for _ in range(5):
                runtime._look_at_scenes()
            seen.append(counted[0] // objects)
    finally:
        plane.is_plane = is_plane
    return seen


def _happen(what: str) -> None:
    if what == "move":
        bpy.data.objects["Many 0"].location.x += 1.0
    if what == "add":
        bpy.context.scene.collection.objects.link(bpy.data.objects.new("One more", None))
