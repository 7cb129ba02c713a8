"""Fits a model's preview network to what the model itself generates and decodes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from acetate.image.resample import premultiplied
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.latent_preview import FACTOR, PreviewNetwork, save_preview
from acetate.models.model_cache import ModelCache
from acetate.models.registry import STARTER, ModelRegistry, ModelSource
from acetate.pipelines.sampling import default_latents
from acetate.transparency import Passes
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

COLOURS = ("", "", "red", "orange", "yellow", "green", "blue", "purple", "white", "black", "brown")
PASSES: Passes = 2
LAYERS, SCENES = 40, 6
"""How many are generated to fit to: more do not make the preview better."""
STEPS = 300
RATE = 1e-2


@dataclass(frozen=True, eq=False)
class PreviewPair:
    """A generated latent, as the UNet sees it, and what a preview of it should be, in the preview's size.

    `layer` is premultiplied, None for an opaque frame; `picture` is the VAE's.
    """

    latent: Float[Tensor, "1 c h w"]
    layer: Float[Tensor, "1 4 kh kw"] | None
    picture: Float[Tensor, "1 3 kh kw"]


def preview_pairs(model: DiffusionModel, layers: int, scenes: int, seed: int = 0) -> Iterator[PreviewPair]:
    """Generate so many layers and scenes of the model's vocabulary, always the same ones for a seed."""
    chance = random.Random(seed)
    for number in range(layers):
        yield from _frames(model, "text", chance, number)
    for number in range(scenes if "scene" in model.spec.modes else 0):
        yield from _frames(model, "scene", chance, number)


@torch.inference_mode()
def _frames(model: DiffusionModel, mode: str, chance: random.Random, seed: int) -> Iterator[PreviewPair]:
    part = model.spec.recipe(mode).adapters[0]
    prompts = [_prompt(model, role, chance) for role in part.roles]
    latents = default_latents(model, part, prompts, seed)
    for role, latent in zip(part.roles, latents, strict=True):
        one = latent[None]
        layer = None
        if role == part.transparent:
            layer = _reduced(premultiplied(model.decode_transparent(one, PASSES)[0])[None])
        yield PreviewPair(one, layer, _reduced(model.backbone.decode(one)[:, :3]))


def _prompt(model: DiffusionModel, role: str, chance: random.Random) -> str:
    vocabulary = model.vocabulary
    if vocabulary is None:
        return ""
    if role == "background" and vocabulary.backgrounds:
        return f"a {chance.choice(vocabulary.backgrounds)}"
    thing = chance.choice(sorted(set(vocabulary.things.values())))
    return " ".join(word for word in ("a", chance.choice(COLOURS), thing) if word)


def _reduced(picture: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 c kh kw"]:
    return F.avg_pool2d(picture, 8 // FACTOR)


def fit_preview(pairs: list[PreviewPair], steps: int, log: Callable[[str], None], seed: int = 0) -> PreviewNetwork:
    """A preview network with the least absolute error over these pairs."""
    latents = torch.cat([pair.latent for pair in pairs]).float().clone()
    pictures = torch.cat([pair.picture for pair in pairs]).clone()
    shown = torch.tensor([pair.layer is not None for pair in pairs])
    layers = torch.cat([pair.layer for pair in pairs if pair.layer is not None]).clone()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = PreviewNetwork(latents.shape[1])
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, steps)
    for step in range(steps):
        planes = network(latents)
        loss = (planes[shown, :4] - layers).abs().mean() + (planes[:, 4:] - pictures).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            log(f"step {step + 1} of {steps}: error {float(loss.detach()):.4f}")
    return network.eval()


def write_preview(
    folder: Path, log: Callable[[str], None], layers: int = LAYERS, scenes: int = SCENES, steps: int = STEPS
) -> None:
    """Generate with the starter model in `folder`, fit, and write the preview network beside it."""
    source = ModelSource(folder, STARTER, STARTER.licence)
    model = ModelCache(ModelRegistry({STARTER.name: source})).get(STARTER.name)
    log(f"generating {layers} layers and {scenes} scenes for the preview")
    save_preview(folder, fit_preview(list(preview_pairs(model, layers, scenes)), steps, log))
