"""Loading a model folder, and keeping what was loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from acetate.models.catalogue import Catalogue, ModelEntry, missing_model, read_json
from acetate.models.loaded import LoadedModel
from acetate.models.text import TextEncoders
from acetate.models.vocabulary import load_vocabulary
from acetate.transparency import fastest_dtype


@dataclass
class ModelStore:
    """The models in memory: loaded when first asked for, then kept."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    device: torch.device = field(default_factory=lambda: best_device())
    dtype: torch.dtype | None = None
    _loaded: dict[str, LoadedModel] = field(default_factory=dict)

    def get(self, name: str) -> LoadedModel:
        """The model of that name. Raises WireError `unknown_model` or `model_missing`."""
        if name not in self._loaded:
            dtype = fastest_dtype(self.device) if self.dtype is None else self.dtype
            self._loaded[name] = load_model(self.catalogue.entry(name), self.device, dtype)
        return self._loaded[name]


def best_device() -> torch.device:
    """The graphics card where there is one that PyTorch can use, else the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def load_model(entry: ModelEntry, device: torch.device, dtype: torch.dtype) -> LoadedModel:
    """Load a model folder in diffusers' layout, weights from .safetensors only, without any network.

    Raises WireError `model_missing` naming the folder when a file is unreadable or does not fit its configuration.
    """
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from diffusers.utils import logging as diffusers_logging
    from transformers import CLIPTextModel, CLIPTokenizer
    from transformers.utils import logging as transformers_logging

    for logging in (diffusers_logging, transformers_logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    folder = entry.folder
    try:
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        model = LoadedModel(
            entry=entry,
            vae=_network(AutoencoderKL, folder / "vae", device, torch.float32),
            unet=_network(UNet2DConditionModel, folder / "unet", device, dtype),
            text=TextEncoders((tokenizer,), (_text_encoder(CLIPTextModel, folder / "text_encoder", device),)),
            scheduler_config=read_json(folder / "scheduler" / "scheduler_config.json"),
            vocabulary=load_vocabulary(folder),
            device=device,
            dtype=dtype,
        )
        if not entry.family.decoders:
            model.transparency  # noqa: B018  # a damaged model is refused when it is loaded
        return model
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise missing_model(f"the model {entry.name} in {folder} cannot be read ({reason:.300})") from error


def _network(kind: Any, folder: Path, device: torch.device, dtype: torch.dtype) -> Any:
    """A diffusers network, with its channels last: convolutions are faster so on every device."""
    network = kind.from_pretrained(folder, torch_dtype=dtype, use_safetensors=True, local_files_only=True)
    return network.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)


def _text_encoder(kind: Any, folder: Path, device: torch.device) -> Any:
    encoder = kind.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, local_files_only=True)
    return encoder.to(device).eval().requires_grad_(False)
