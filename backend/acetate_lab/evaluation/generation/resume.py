"""The layers of an evaluation that is not finished, so that one that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import torch
from acetate.models.inventory import file_fingerprint
from acetate.models.registry import ModelSpec
from jaxtyping import Float
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from acetate_lab.evaluation.generation.generator import Draw

FOLDER = "unfinished"
SECONDS = "seconds"


class ResumableGeneration:
    """Stores generated layers, 8 bits a channel, in a folder inside `report` until the report is written.

    `drawn_by` identifies model and settings: layers of others are generated again.
    """

    def __init__(self, report: Path, drawn_by: str):
        """`found` is the number of layers that an earlier run left."""
        self._all = report / FOLDER
        self._own = self._all / hashlib.sha256(drawn_by.encode()).hexdigest()[:16]
        self.found = len(list(self._own.glob("*.png")))

    def __call__(self, prompt: str, seed: int, draw: Draw) -> tuple[Float[Tensor, "4 h w"], float]:
        """The layer of a prompt and a seed, and the seconds that it took when it was drawn."""
        file = self._own / f"{hashlib.sha256(f'{seed} {prompt}'.encode()).hexdigest()[:16]}.png"
        if not file.is_file():
            layer, seconds = draw()
            self._write(file, layer, seconds)
        with Image.open(file) as kept:
            pixels, took = np.array(kept), float(kept.info[SECONDS])
        return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255, took

    def finished(self) -> None:
        """Forget all layers: the report shows them."""
        shutil.rmtree(self._all, ignore_errors=True)

    def _write(self, file: Path, layer: Float[Tensor, "4 h w"], seconds: float) -> None:
        self._own.mkdir(parents=True, exist_ok=True)
        told = PngInfo()
        told.add_text(SECONDS, repr(seconds))
        part = file.with_suffix(".part")
        pixels = (layer.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().numpy()
        Image.fromarray(pixels).save(part, "PNG", pnginfo=told)
        part.replace(file)


def drawn_by(model: ModelSpec, *settings: object) -> str:
    """An identifier of a model, with its files as they are now, and settings."""
    return repr((settings, file_fingerprint(model)))
