"""A model folder put through the starter's evaluation."""

from __future__ import annotations

from pathlib import Path

from acetate.models.families import ModelSource
from acetate.models.model_cache import ModelCache
from acetate.models.registry import STARTER, ModelRegistry

from acetate_lab.evaluation.generation.generator import PassCount, evaluation_prompts, generator
from acetate_lab.evaluation.starter import Report, StarterReport, evaluate_starter
from acetate_lab.evaluation.transparency.reconstruction import Autoencoder
from acetate_lab.metrics.held_out import HeldOut
from acetate_lab.synthetic.soft import SOFT_SUBJECTS

NAME = "starter"


def catalogue_of(folder: Path) -> ModelRegistry:
    """A catalogue whose starter is the model in this folder, such as one that was just trained."""
    return ModelRegistry({NAME: ModelSource(folder, STARTER, "Apache-2.0")})


def open_store(model: str) -> tuple[ModelCache, str]:
    """A store that holds a model of the catalogue, or the one in a folder, and its name there.

    Raises ValueError of one line when it is neither.
    """
    if Path(model).is_dir():
        return ModelCache(catalogue_of(Path(model))), NAME
    if model not in ModelRegistry().sources:
        raise ValueError(f"{model} is neither a folder nor a model that Acetate knows")
    return ModelCache(), model


def evaluate_installed(
    store: ModelCache,
    held_out: HeldOut,
    *,
    layer_count: int = 64,
    seed: int = 0,
    passes: PassCount = 8,
    report: Report = lambda stage, done, total: None,
) -> StarterReport:
    """Measure the starter in `store`; the prompts are spread over all things of its vocabulary.

    Raises AcetateError when the model is missing or cannot be read, and ValueError when layers are asked for and
    it has no vocabulary.
    """
    model = store.get(NAME)
    prompts: tuple[str, ...] = ()
    if layer_count:
        if model.vocabulary is None:
            raise ValueError(f"{model.spec.folder} has no vocabulary.json: measure it with no layers")
        prompts = evaluation_prompts(sorted(set(model.vocabulary.things.values())), layer_count)
    parts = Autoencoder(model.sd.vae, model.transparency, passes)
    generate = generator(store, NAME, passes)
    return evaluate_starter(
        parts, held_out, generate, prompts, model=NAME, seed=seed, soft=SOFT_SUBJECTS, report=report
    )
