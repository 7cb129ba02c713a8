"""A tiny random FLUX.2 klein learns to draw transparent layers from four captions; before and after are drawn.

`python -m benchmarks.flow_training FOLDER --steps 130` takes half a minute on an idle processor, and writes
`FOLDER/flow.png`: the untrained model above, the trained one below, the same noise and captions.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from acetate.models.families import KLEIN, ModelSource
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.pipelines import run
from acetate_lab.training.configs.runner import Finished, RunOptions
from acetate_lab.training.configs.text import run_text
from acetate_lab.training.image_grid import save_image_grid
from acetate_wire.request import LayerRequest, Lora, Rect
from torch import Tensor

from tests.models.rgba_vae import trained_vae
from tests.models.tiny_native import write_klein
from tests.tiny_data import write_scenes, write_settings

SIDE = 64
LEARNING = """
[method]
layers = "all"
rank = 32
[learning]
rate = 2e-2
warm_up = 20
average = 0.95
"""
CAPTIONS = ("a red disc", "a green disc", "a blue disc", "a yellow disc")


def main() -> None:
    """Train and draw."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--steps", type=int, default=130)
    chosen = options.parse_args()
    folder: Path = chosen.folder
    write_klein(folder / "klein", trained_vae())
    write_scenes(folder / "scenes")
    config = write_settings(
        folder / "flow.toml", folder / "klein", folder / "scenes", steps=chosen.steps, more=LEARNING
    )
    config.write_text(config.read_text().replace("batch = 2", "batch = 6"))
    result = run_text(RunOptions(config, False, print))
    assert isinstance(result, Finished)
    [lora] = result.written
    rows = [torch.stack([drawn(folder / "klein", lora, text, weight) for text in CAPTIONS]) for weight in (0.0, 1.0)]
    save_image_grid(folder / "flow.png", rows)


def drawn(model: Path, lora: Path, text: str, weight: float) -> Tensor:
    """The layer of a caption, "4 h w", with a LoRA of this weight."""
    family = replace(KLEIN, native_size=SIDE)
    source = ModelSource(model, family, family.licence, files={"transparent_lora": lora})
    models = ModelCache(ModelRegistry({"klein": source}), torch.device("cpu"), torch.float32)
    request = LayerRequest(
        mode="text", model="klein", canvas=(SIDE, SIDE), target=Rect(0, 0, SIDE, SIDE), prompt=text, seed=3, steps=12,
        guidance=1.0, reply_format="rgbaf32", loras=(Lora(str(lora), weight - 1),),
    )  # fmt: skip
    [layer] = run(request, {}, models, lambda progress: None)
    picture: Tensor = layer.picture.permute(2, 0, 1)
    return picture


if __name__ == "__main__":
    main()
