"""Own soft pictures: light becomes straight alpha exactly, and a real Blender renders what was asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from acetate_lab.data.build import BuildSettings, build
from acetate_lab.data.rendering.blender_process import VARIABLE, run_studio, straight
from acetate_lab.data.rendering.render import SUBJECTS, render
from acetate_wire.errors import AcetateError
from PIL import Image

EDITORS = Path(__file__).parents[3] / ".editors"


def blender() -> Path:
    """A Python with the module bpy, or Blender; skips the test where there is none."""
    for found in (*sorted(EDITORS.glob("bpy-*/bin/python")), shutil.which("blender")):
        if found:
            return Path(found)
    pytest.skip("Blender is not installed: apt-get install blender")


def decoded(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def test_what_covers_keeps_its_alpha_and_its_colour() -> None:
    light = np.array([[[0.25, 0.125, 0.0, 0.5], [0.0, 0.0, 0.0, 0.0], [1.0, 0.5, 0.25, 1.0]]], np.float32)
    pixels = straight(light) / 255
    assert pixels[0, :, 3] == pytest.approx([0.5, 0, 1], abs=1 / 255)
    assert decoded(pixels[0, 0, :3]) == pytest.approx([0.5, 0.25, 0], abs=0.006)
    assert decoded(pixels[0, 2, :3]) == pytest.approx([1, 0.5, 0.25], abs=0.006)


def test_light_that_hides_nothing_looks_over_black_as_it_was_rendered() -> None:
    light = np.random.default_rng(0).random((20, 20, 4), np.float32)
    light[..., 3] *= 0.2
    pixels = straight(light) / 255
    assert np.abs(decoded(pixels[..., :3]) * pixels[..., 3:] - light[..., :3]).max() < 0.012
    assert (pixels[..., 3] >= light[..., 3] - 1 / 255).all()


def test_an_unknown_subject_or_program_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(AcetateError, match="did you mean smoke"):
        render(tmp_path, ["smoek"], 1, 64, 1, 0, None, lambda line: None)
    with pytest.raises(AcetateError, match="no program"):
        render(tmp_path, ["smoke"], 1, 64, 1, 0, tmp_path / "blender", lambda line: None)


def test_every_subject_is_soft_and_a_second_run_renders_nothing_anew(tmp_path: Path) -> None:
    said: list[str] = []
    paths = render(tmp_path, SUBJECTS, 1, 64, 4, 3, blender(), said.append)
    assert len(said) == len(SUBJECTS)
    for path in paths:
        alpha = np.asarray(Image.open(path))[..., 3]
        partial = ((alpha > 8) & (alpha < 247)).sum() / (alpha > 8).sum()
        assert partial > 0.05, f"{path.name} has soft parts"
        assert (alpha <= 8).mean() > 0.2, f"{path.name} is clear around"
        assert json.loads(path.with_suffix(".json").read_text())["licence"] == "CC0-1.0"
    before = [path.stat().st_mtime_ns for path in paths]
    assert render(tmp_path, SUBJECTS, 1, 64, 4, 3, blender(), said.append) == paths
    assert [path.stat().st_mtime_ns for path in paths] == before and len(said) == len(SUBJECTS)
    built = build(tmp_path / "../data", [tmp_path], BuildSettings(), lambda line: None).collection
    assert {entry.licence for entry in built.entries} == {"CC0-1.0"}


BLEND = """
import bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
bpy.ops.mesh.primitive_circle_add(vertices=64, radius=1, fill_type="NGON", rotation=(1.5707963, 0, 0))
made = bpy.data.materials.new("m")
made.use_nodes = True
made.node_tree.nodes.clear()
light, out = made.node_tree.nodes.new("ShaderNodeEmission"), made.node_tree.nodes.new("ShaderNodeOutputMaterial")
light.inputs["Color"].default_value = (1, 0, 0, 1)
made.node_tree.links.new(light.outputs[0], out.inputs["Surface"])
bpy.context.object.data.materials.append(made)
camera = bpy.data.objects.new("red coin", bpy.data.cameras.new("c"))
camera.data.type, camera.data.ortho_scale = "ORTHO", 4
camera.location, camera.rotation_euler = (0, -5, 0), (1.5707963, 0, 0)
scene.collection.objects.link(camera)
scene.render.resolution_x = scene.render.resolution_y = 128
bpy.ops.wm.save_as_mainfile(filepath=__import__("sys").argv[-1])
"""


def test_a_blend_file_is_rendered_from_its_cameras_with_exact_alpha(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = blender()
    (tmp_path / "make.py").write_text(BLEND)
    start = [program] if program.name.startswith("python") else [program, "-b", "--python"]
    quiet = {**os.environ, "BLENDER_USER_CONFIG": str(tmp_path)}
    made = tmp_path / "coin.blend"
    subprocess.run([*start, tmp_path / "make.py", "--", made], env=quiet, check=True, capture_output=True, timeout=300)
    monkeypatch.setenv(VARIABLE, str(program))
    [entry] = (found := build(tmp_path / "data", [made], BuildSettings(), lambda line: None).collection).entries
    assert entry.captions["foreground"] == "red coin"
    pixels = np.asarray(found.picture(entry))
    assert pixels.shape[0] == pytest.approx(64, abs=2)
    assert tuple(pixels[32, 32]) == (255, 0, 0, 255)
    assert (pixels[..., 3] / 255).sum() == pytest.approx(np.pi * 32**2, rel=0.01), "covered as a circle covers"


def test_a_blender_that_fails_says_why(tmp_path: Path) -> None:
    orders = {
        "folder": str(tmp_path),
        "samples": 1,
        "pictures": [{"name": "x", "subject": "no such", "seed": 0, "size": 8}],
    }
    with pytest.raises(AcetateError, match="no such"):
        run_studio(orders, blender(), lambda line: None)
