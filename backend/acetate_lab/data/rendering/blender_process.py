"""Blender as a program of its own: finds it, gives it orders, and takes what it rendered."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from acetate_wire.errors import AcetateError
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image

STUDIO = Path(__file__).parent / "blender_scripts" / "render.py"
VARIABLE = "ACETATE_BLENDER"
SAMPLES = 48
LARGEST = 1024
ISOLATED = ("CONFIG", "SCRIPTS", "EXTENSIONS", "DATAFILES")


def blender_command(program: Path | None = None) -> list[str]:
    """How to start Blender: this program, else what ACETATE_BLENDER names, else the one on the path.

    The program is Blender itself, or a Python that has the module bpy. Raises AcetateError `bad_request`.
    """
    chosen = str(program or os.environ.get(VARIABLE) or shutil.which("blender") or "")
    if not chosen or shutil.which(chosen) is None:
        raise AcetateError(
            "bad_request",
            f"there is no program {chosen}" if chosen else "Blender is not on this computer",
            field="blender",
            hint=f"install it from blender.org, or name it with --blender or {VARIABLE}",
        )
    if Path(chosen).name.startswith("python"):
        return [chosen, str(STUDIO)]
    return [chosen, "--background", "--factory-startup", "--python-exit-code", "1", "--python", str(STUDIO)]


def run_studio(orders: Mapping[str, Any], program: Path | None, log: Callable[[str], None]) -> None:
    """Let Blender carry out orders, apart from the user's own settings. Raises AcetateError when it fails."""
    folder = Path(orders["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    command = blender_command(program)
    with tempfile.TemporaryDirectory(prefix="acetate-blender-") as home:
        order_file = Path(home) / "orders.json"
        order_file.write_text(json.dumps(orders), encoding="utf-8")
        own = {f"BLENDER_USER_{name}": home for name in ISOLATED}
        process = subprocess.Popen(
            [*command, "--", str(order_file)],
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        last = [""]
        try:
            for line in process.stdout or ():
                last = [*last[-8:], line.strip()]
                if line.startswith("rendered "):
                    log(line.strip())
            code = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if code != 0:
        raise AcetateError(
            "internal", f"Blender ended with code {code}: {' | '.join(filter(None, last))}", field="blender"
        )


def render_file(path: Path) -> Iterator[tuple[str, Image.Image]]:
    """Every scene of a .blend file from each of its cameras. Raises AcetateError when Blender is missing or fails."""
    with tempfile.TemporaryDirectory(prefix="acetate-blend-") as folder:
        orders = {"folder": folder, "file": str(path.resolve()), "samples": SAMPLES, "largest": LARGEST}
        run_studio(orders, None, lambda line: None)
        for picture in sorted(Path(folder).glob("*.npy")):
            told = json.loads(picture.with_suffix(".json").read_text(encoding="utf-8"))
            yield told["caption"], Image.fromarray(straight(np.load(picture)), "RGBA")


def straight(light: Float[np.ndarray, "h w 4"]) -> NDArray[np.uint8]:
    """Straight-alpha sRGB, 8 bits, of linear premultiplied colour.

    Light that is brighter than its alpha allows (flames add light where they hide little) is given the alpha that it
    needs: over black, in linear light, the picture is as it was rendered.
    """
    colour = np.clip(light[..., :3].astype(np.float64), 0, 1)
    covered = np.clip(light[..., 3:].astype(np.float64), 0, 1)
    alpha = np.maximum(covered, colour.max(axis=-1, keepdims=True))
    plain = np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0)
    return np.round(np.concatenate([_encoded(plain), alpha], axis=-1) * 255).astype(np.uint8)


def _encoded(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
