"""A model folder put through the starter's evaluation, its layers drawn as any editor's request is."""

from __future__ import annotations

from pathlib import Path

from acetate_wire.request import LayerRequest, Rect
from torch import Tensor

from acetate import layers
from acetate.evaluation.held_out import HeldOut
from acetate.evaluation.starter import (
    Parts,
    PassCount,
    Report,
    StarterReport,
    evaluate_starter,
    evaluation_prompts,
)
from acetate.models.catalogue import STARTER, STARTER_FOLDER, Catalogue, Source
from acetate.models.store import ModelStore

NAME = "starter"
HELD_OUT = "held_out"


def catalogue_of(folder: Path) -> Catalogue:
    """A catalogue whose starter is the model in this folder, such as one that was just trained."""
    return Catalogue({NAME: Source(folder, STARTER, "Apache-2.0")})


def held_out_folder(model: Path) -> Path:
    """The held-out pictures for a model folder: its own, or else those of the installed starter."""
    own = model / HELD_OUT
    return own if own.is_dir() else STARTER_FOLDER / HELD_OUT


def evaluate_installed(
    store: ModelStore,
    held_out: HeldOut,
    *,
    layer_count: int = 64,
    seed: int = 0,
    passes: PassCount = 8,
    report: Report = lambda stage, done, total: None,
) -> StarterReport:
    """Measure the starter in `store`; the prompts are spread over all things of its vocabulary.

    Raises WireError when the model is missing or cannot be read, and ValueError when layers are asked for and
    it has no vocabulary.
    """
    model = store.get(NAME)
    prompts: tuple[str, ...] = ()
    if layer_count:
        if model.vocabulary is None:
            raise ValueError(f"{model.entry.folder} has no vocabulary.json: measure it with no layers")
        prompts = evaluation_prompts(sorted(set(model.vocabulary.things.values())), layer_count)

    def generate(prompt: str, seed: int) -> Tensor:
        size = model.entry.native_size
        request = LayerRequest(
            mode="text",
            canvas=(size, size),
            target=Rect(0, 0, size, size),
            prompt=prompt,
            model=NAME,
            seed=seed,
            passes=passes,
            reply_format="rgbaf32",
        )
        (layer,) = layers.run(request, {}, store, lambda progress: None)
        return layer.picture.permute(2, 0, 1)[None]

    parts = Parts(model.vae, model.transparency, passes)
    return evaluate_starter(parts, held_out, generate, prompts, model=NAME, seed=seed, report=report)
