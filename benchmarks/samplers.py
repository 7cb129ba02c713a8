"""How far each sampler's layers at few steps are from its own at 25: the mean difference of alpha, of 255.

python -m benchmarks.samplers [--model NAME] [--sampler NAME ...] [--json FILE]. Steps that a sampler is refused for are
measured too, in brackets. Samplers that add noise draw another picture with every number of steps; theirs is to be
compared with each other alone, and LOOKED at: --pictures writes them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from acetate.models.backbones.stable_diffusion.samplers import SAMPLERS, fewest_steps, get_sampler
from acetate.models.model_cache import ModelCache
from acetate.pipelines import resolve_request, run_resolved
from acetate_wire.request import LayerRequest, Rect
from PIL import Image

STEPS = (4, 8, 12, 25)
PROMPTS = ("a red apple", "a cat", "an umbrella")


def drawn(cache: ModelCache, request: LayerRequest, steps: int) -> torch.Tensor:
    """A layer "h w 4", 8 bits, with so many steps, whether the sampler is refused for them or not."""
    return run_resolved(replace(request, steps=steps), {}, cache, lambda progress: None)[0].picture


def main(
    model: Annotated[str, typer.Option(help="The model to draw with.")] = "starter",
    sampler_names: Annotated[list[str] | None, typer.Option("--sampler", help="Measure this one alone.")] = None,
    pictures: Annotated[Path | None, typer.Option(help="A folder for the layers.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures; - prints them.")] = None,
) -> None:
    """Measure and print a row for each sampler."""
    cache, figures = ModelCache(), {}
    side = cache.registry.entry(model).native_size
    config = cache.get(model).sd.scheduler_config
    for sampler in SAMPLERS if not sampler_names else map(get_sampler, sampler_names):
        found: dict[int, list[float]] = {steps: [] for steps in STEPS}
        for seed, prompt in enumerate(PROMPTS, start=1):
            request = LayerRequest("text", (side, side), Rect(0, 0, side, side), prompt=prompt, model=model)
            request = replace(request, seed=seed, sampler=sampler.name, passes=1, steps=STEPS[-1])
            layers = {
                steps: drawn(cache, resolve_request(request, cache.registry), steps).float().cpu() for steps in STEPS
            }
            for steps, layer in layers.items():
                found[steps].append(float((layer[..., 3] - layers[STEPS[-1]][..., 3]).abs().mean()))
                if pictures is not None:
                    pictures.mkdir(parents=True, exist_ok=True)
                    name = f"{sampler.name}-{steps}-{prompt}.png".replace(" ", "_")
                    Image.fromarray(layer.numpy().astype(np.uint8), "RGBA").save(pictures / name)
        figures[sampler.name] = {str(steps): sum(values) / len(values) for steps, values in found.items()}
        least = fewest_steps(sampler, config)
        shown = (f"{value:6.2f}" for value in figures[sampler.name].values())
        cells = (f"({cell})" if steps < least else f" {cell} " for cell, steps in zip(shown, STEPS, strict=True))
        print(f"{sampler.name:<22} {' '.join(cells)}", flush=True)
    if json_file is not None and json_file != Path("-"):
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    elif json_file is not None:
        print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    typer.run(main)
