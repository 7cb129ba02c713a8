"""The LoRA that makes a transformer draw the layers of a mode, attached through diffusers' own loader."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acetate.models.offload import without_offloading
from acetate.models.registry import model_missing_error
from acetate.models.weights import read_weights

if TYPE_CHECKING:
    from acetate.models.diffusion_model import DiffusionModel

NAME = "layers"
BEGINNING = "diffusion_model."
"""How the keys of such files begin, before diffusers' names."""


@contextmanager
def apply_native_lora(model: DiffusionModel, path: Path | None) -> Iterator[None]:
    """Attach a LoRA file to the model's transformer for a `with` block; afterwards its weights are bit-identical.

    Does nothing without a file. Raises AcetateError `model_missing` when it does not fit.
    """
    if path is None:
        yield
        return
    transformer: Any = model.native.denoiser
    try:
        weights = {name.removeprefix(BEGINNING): value.to(model.dtype) for name, value in read_weights(path).items()}
        known = {name for name, _ in transformer.named_modules()}
        foreign = next((name for name in weights if name.partition(".lora_")[0] not in known), None)
        if foreign is not None or not weights:
            raise ValueError(f"{foreign or 'nothing in it'} belongs to no layer of the transformer")
        with without_offloading(model):
            transformer.load_lora_adapter(weights, prefix=None, adapter_name=NAME)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise model_missing_error(f"the layer file {path} cannot be used ({error})") from error
    try:
        yield
    finally:
        with without_offloading(model):
            transformer.unload_lora()
