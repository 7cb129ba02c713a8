"""What a preview costs, as a share of a sampling step of the starter at its own size.

python -m benchmarks.preview --json -
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import torch
import typer
from acetate.adapters.attach import adapted_model
from acetate.image.sizes import Size
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.model_cache import ModelCache
from acetate.pipelines.outputs import preview_image
from acetate.pipelines.working_size import WorkingSize


@torch.inference_mode()
def step_seconds(model: DiffusionModel, rounds: int) -> float:
    """The least time of a step with guidance: one call of the UNet with two rows."""
    part = model.spec.recipe("text").adapters[0]
    times = []
    with adapted_model(model, part) as denoiser:
        embeds = model.sd.text.encode(["", "a red apple"])
        latent = _latent(model).expand(2, -1, -1, -1)
        for _ in range(rounds + 1):
            started = time.perf_counter()
            denoiser(latent, torch.tensor(500), embeds)
            times.append(time.perf_counter() - started)
    return min(times[1:])


@torch.inference_mode()
def preview_seconds(model: DiffusionModel, rounds: int) -> float:
    """The least time of a preview: the latent's picture, in the target's proportions and 8 bits."""
    side = model.spec.native_size
    working_size = WorkingSize(Size(side, side), Size(side, side), None)
    latent, times = _latent(model), []
    assert model.preview is not None
    for _ in range(rounds + 1):
        started = time.perf_counter()
        preview_image(model.preview(latent, True), working_size)
        times.append(time.perf_counter() - started)
    return min(times[1:])


def _latent(model: DiffusionModel) -> torch.Tensor:
    side = model.spec.native_size // 8
    return torch.randn(1, model.latent_channels, side, side, generator=torch.Generator().manual_seed(1))


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 20,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures; - prints them.")] = None,
) -> None:
    """Measure both in turns and print the ratio of the best times."""
    model = ModelCache().get("starter")
    pairs = [(preview_seconds(model, 5), step_seconds(model, 1)) for _ in range(rounds)]
    preview, step = (min(times) for times in zip(*pairs, strict=True))
    figures = {"preview": preview, "step": step, "ratio": preview / step, "device": str(model.device)}
    if json_file == Path("-"):
        print(json.dumps(figures))
        return
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(f"preview {preview * 1e3:.2f} ms, step {step * 1e3:.1f} ms: {preview / step:.1%}")


if __name__ == "__main__":
    typer.run(main)
