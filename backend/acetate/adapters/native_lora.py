"""LoRAs on a transformer, attached through diffusers' own loader and detached bit-identically."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acetate_wire.errors import AcetateError

from acetate.models.offload import without_offloading
from acetate.models.weights import read_weights

if TYPE_CHECKING:
    from torch import Tensor

    from acetate.models.diffusion_model import DiffusionModel


@contextmanager
def apply_native_loras(model: DiffusionModel, files: Sequence[tuple[Path, float]]) -> Iterator[None]:
    """Attach LoRA files with their weights to the model's transformer for a `with` block; afterwards it has its own
    layers back.

    Raises AcetateError `bad_request` naming a file that cannot be read or does not fit.
    """
    if not files:
        yield
        return
    transformer: Any = model.native.denoiser
    found = [_read(model, path) for path, _weight in files]
    names = [f"lora_{number}" for number in range(len(files))]
    try:
        with without_offloading(model):
            for name, weights in zip(names, found, strict=True):
                transformer.load_lora_adapter(dict(weights), prefix=None, adapter_name=name, low_cpu_mem_usage=True)
                if model.fp8:
                    _in_own_format(transformer, weights, name)
            transformer.set_adapters(names, [weight for _path, weight in files])
        yield
    finally:
        with without_offloading(model):
            transformer.unload_lora()


def _in_own_format(transformer: Any, weights: Mapping[str, Tensor], adapter: str) -> None:
    """Give a LoRA its numbers back, which peft rounds to the format that the layer below is stored in."""
    for key, value in weights.items():
        layer, _, matrix = key.removesuffix(".weight").partition(".lora_")
        if matrix in ("A", "B"):
            network = transformer.get_submodule(f"{layer}.lora_{matrix}.{adapter}")
            network.weight.data = value.to(network.weight.device)


def _read(model: DiffusionModel, path: Path) -> dict[str, Tensor]:
    transformer = model.native.denoiser
    try:
        weights = model.native.lora_weights(read_weights(path))
        known = {name for name, _ in transformer.named_modules()}
        foreign = next((name for name in weights if name.partition(".lora_")[0] not in known), None)
        if foreign is not None or not weights:
            raise ValueError(f"{foreign or 'nothing in it'} belongs to no layer of the transformer")
    except (ValueError, KeyError, RuntimeError) as error:
        raise AcetateError(
            "bad_request",
            f"the LoRA {path.name} cannot be used with {model.spec.name} ({error})",
            field="loras",
            hint=f"choose one that was made for {model.spec.family.name}",
        ) from error
    return {name: value.to(model.dtype) for name, value in weights.items()}
