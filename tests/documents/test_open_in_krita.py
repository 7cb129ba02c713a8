"""Krita opens the documents that Acetate writes: the layers' names, order, places and pixels."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acetate.documents import Document, DocumentLayer, write
from acetate.plugin_packaging import path_beside

PATIENCE_S = 300
HERE = Path(__file__).parent


def layer(name: str, x: int, y: int, width: int, height: int, visible: bool = True) -> DocumentLayer:
    """A layer of noise, with clear and half clear pixels in it."""
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 4), dtype=np.uint8)
    pixels[: height // 4, :, 3] = 0
    return DocumentLayer(name, x, y, pixels, visible)


DOCUMENT = Document(
    97,
    61,
    (
        layer("background", 0, 0, 97, 61),
        layer("りんご “apple”", 11, 7, 40, 30),
        layer("smoke", -6, 40, 50, 33),
        layer("blend", 0, 0, 97, 61, visible=False),
    ),
)
FILES = ("scene.ora", "scene.psd")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Krita says of each document."""
    runner = shutil.which("kritarunner")
    if runner is None:
        if os.environ.get("ACETATE_EDITORS") == "required":
            pytest.fail("kritarunner is missing: install Krita")
        pytest.skip("Krita is missing; on Debian and Ubuntu: sudo apt install krita")
    home = tmp_path_factory.mktemp("krita")
    paths = [home / name for name in FILES]
    for path in paths:
        write(DOCUMENT, path)
    environment = {
        **os.environ,
        "PATH": path_beside("krita"),
        "HOME": str(home),
        "PYTHONPATH": str(HERE),
        "QT_QPA_PLATFORM": "offscreen",
        "LANG": "C.UTF-8",
    }
    for name in ("CONFIG_HOME", "DATA_HOME", "CACHE_HOME", "RUNTIME_DIR"):
        folder = home / name.lower()
        folder.mkdir(mode=0o700)
        environment[f"XDG_{name}"] = str(folder)
    report = home / "report.json"
    command = [runner, "-s", "look", "-f", "main", str(report), *map(str, paths)]
    ran = subprocess.run(command, env=environment, capture_output=True, timeout=PATIENCE_S, check=False)
    assert report.exists(), ran.stderr.decode(errors="replace")[-2000:]
    content = json.loads(report.read_text(encoding="utf-8"))
    return {path.name: content[str(path)] for path in paths}


@pytest.mark.parametrize("file", FILES)
def test_names_and_order_are_kept(seen: dict[str, Any], file: str) -> None:
    layers = seen[file]["layers"]
    assert [each["name"] for each in layers] == ["background", "りんご “apple”", "smoke", "blend"]
    assert [each["visible"] for each in layers] == [True, True, True, False]
    assert {each["type"] for each in layers} == {"paintlayer"}


@pytest.mark.parametrize("file", FILES)
def test_every_pixel_lies_where_it_did(seen: dict[str, Any], file: str) -> None:
    assert seen[file]["size"] == [DOCUMENT.width, DOCUMENT.height]
    for wanted, found in zip(DOCUMENT.layers, seen[file]["layers"], strict=True):
        got = np.frombuffer(bytes.fromhex(found["bgra"]), np.uint8).reshape(DOCUMENT.height, DOCUMENT.width, 4)
        assert np.array_equal(visible(got[..., [2, 1, 0, 3]]), visible(on_canvas(wanted))), wanted.name


def on_canvas(layer: DocumentLayer) -> np.ndarray[Any, Any]:
    """The layer's pixels that lie on the canvas, in a picture of its size."""
    sheet = np.zeros((DOCUMENT.height * 3, DOCUMENT.width * 3, 4), np.uint8)
    top, left = DOCUMENT.height + layer.y, DOCUMENT.width + layer.x
    height, width = layer.pixels.shape[:2]
    sheet[top : top + height, left : left + width] = layer.pixels
    return sheet[DOCUMENT.height : 2 * DOCUMENT.height, DOCUMENT.width : 2 * DOCUMENT.width]


def visible(rgba: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The picture without the colours of its clear pixels."""
    return np.where(rgba[..., 3:] > 0, rgba, 0)
