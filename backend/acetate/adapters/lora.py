"""LoRA files on the UNet and the text encoders, several at a time, through diffusers and PEFT."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from acetate_wire.errors import AcetateError
from acetate_wire.request import Lora

from acetate.adapters.diffusers_pipeline import as_pipeline
from acetate.models.adapter_files import lora_path

if TYPE_CHECKING:
    from acetate.models.diffusion_model import DiffusionModel

log = logging.getLogger("acetate.adapters")


@contextmanager
def apply_loras(model: DiffusionModel, loras: Sequence[Lora]) -> Iterator[None]:
    """Apply LoRAs with their weights for a `with` block; afterwards the networks have their own modules back.

    Raises AcetateError `bad_request` naming a file that is missing or does not fit.
    """
    if not loras:
        yield
        return
    files = [(lora, lora_path(lora.name)) for lora in loras]
    pipeline = as_pipeline(model)
    names = [f"lora{number}" for number in range(len(files))]
    try:
        for name, (lora, file) in zip(names, files, strict=True):
            try:
                pipeline.load_lora_weights(str(file.parent), weight_name=file.name, adapter_name=name)
            except (OSError, ValueError, RuntimeError, KeyError, TypeError, IndexError) as error:
                raise _refusal(lora, " ".join(str(error).split())) from error
            if not any(name in held for held in pipeline.get_list_adapters().values()):
                raise _refusal(lora, "nothing in it belongs to this model")
        log.info("LoRAs on %s: %d", model.spec.name, len(loras))
        pipeline.set_adapters(names, [lora.weight for lora in loras])
        yield
    finally:
        pipeline.unload_lora_weights()


def _refusal(lora: Lora, reason: str) -> AcetateError:
    return AcetateError(
        "bad_request",
        f"the LoRA {lora.name} cannot be used with this model ({reason:.200})",
        field="loras",
        hint="choose one that was made for this family of models",
    )
