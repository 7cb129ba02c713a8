"""What Acetate costs in a Blender scene of many objects while nothing happens.

`python benchmarks/blender_large_scene.py [--objects N] [--add-on FOLDER] [--blender PROGRAM]` measures, without a
window, the check of all scenes that the add-on does each second, what the panel reads of the scene when it is drawn,
and the one look through the scene after an object came or went. `--add-on` takes another version of the add-on's
folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from acetate.plugin_packaging import blender as packager
from acetate.plugin_packaging import sources

INSIDE = """
import importlib, time, bpy
count, add_on = {objects}, {add_on!r}
plane = importlib.import_module(add_on + ".insert.plane")
runtime = importlib.import_module(add_on + ".runtime")
grey = importlib.import_module(add_on + ".ui.generate")._is_grey
check = getattr(runtime, "_look_at_scenes", None) or importlib.import_module(add_on + ".diagnostics").refresh
scene = bpy.context.scene
mesh = bpy.data.meshes.new("Many")
for number in range(count):
    scene.collection.objects.link(bpy.data.objects.new(f"Many {{number}}", mesh))
bpy.context.view_layer.update()

class Solid:
    type, color_type = "SOLID", "MATERIAL"

def best(act, times=15):
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return min(taken) * 1000

def after_a_change():
    getattr(plane, "look_again", lambda: None)()
    check()

print(f"MS check {{best(check):.3f}}")
print(f"MS panel {{best(lambda: grey(Solid, scene)):.3f}}")
print(f"MS after-a-change {{best(after_a_change, 5):.3f}}")
"""


def measure(program: str, folder: Path, objects: int) -> str:
    """What the script prints inside Blender, with the add-on of that folder."""
    with tempfile.TemporaryDirectory(prefix="acetate-") as scratch:
        places = {f"BLENDER_USER_{name}": f"{scratch}/{name.lower()}" for name in ("CONFIG", "SCRIPTS", "DATAFILES")}
        environment = {**os.environ, **places, "HOME": scratch, "ACETATE_BLENDER": program}
        os.environ.update(environment)
        packager.install_legacy(packager.find_blender())
        if folder != sources("plugin_blender") / packager.ADD_ON:
            place = Path(scratch) / "scripts" / "addons" / packager.ADD_ON
            subprocess.run(["cp", "-rT", str(folder), str(place)], check=True)
        script = Path(scratch) / "inside.py"
        script.write_text(INSIDE.format(objects=objects, add_on=packager.ADD_ON))
        command = [program, "-b", "--python-exit-code", "3", "--python", str(script)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return "\n".join(line[3:] for line in done.stdout.splitlines() if line.startswith("MS "))


def main() -> int:
    """Measure and print, in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--add-on", type=Path, default=sources("plugin_blender") / packager.ADD_ON)
    parser.add_argument("--blender", default="blender")
    chosen = parser.parse_args()
    print(measure(chosen.blender, chosen.add_on.resolve(), chosen.objects))
    return 0


if __name__ == "__main__":
    sys.exit(main())
