"""The transparency folder of a model: configuration, offset encoder and transparent decoder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from acetate.transparency.decoder import TransparentDecoder
from acetate.transparency.encoder import OffsetEncoder

CONFIG = "config.json"
ENCODER = "encoder.safetensors"
DECODER = "decoder.safetensors"


@dataclass(frozen=True)
class Transparency:
    """What makes a frozen VAE transparent; `multiplier` is the factor on the encoder's offset."""

    encoder: OffsetEncoder
    decoder: TransparentDecoder
    multiplier: float = 1.0


def save(folder: Path, parts: Transparency, dtype: torch.dtype | None = None) -> None:
    """Write the folder, weights stored as `dtype` (their own when None); it is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "multiplier": parts.multiplier,
        "latent_channels": parts.encoder.config["latent_channels"],
        "encoder": {"channels": parts.encoder.config["channels"]},
        "decoder": {key: value for key, value in parts.decoder.config.items() if key != "latent_channels"},
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for name, module in ((ENCODER, parts.encoder), (DECODER, parts.decoder)):
        state = {key: value.detach().to(dtype=dtype).contiguous() for key, value in module.state_dict().items()}
        save_file(state, folder / name)


def load(folder: Path, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> Transparency:
    """Read the folder, ready to compute in `dtype`.

    Raises FileNotFoundError naming a file that is missing, and ValueError naming the field or file that
    is unusable.
    """
    for name in (CONFIG, ENCODER, DECODER):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing: fetch the model again")
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        channels = config["latent_channels"]
        encoder = OffsetEncoder(latent_channels=channels, **config["encoder"])
        decoder = TransparentDecoder(latent_channels=channels, **config["decoder"])
        multiplier = float(config["multiplier"])
    except (ValueError, TypeError) as error:
        raise ValueError(f"{folder / CONFIG} is unusable: {error}") from error
    except KeyError as error:
        raise ValueError(f"{folder / CONFIG} lacks {error}") from error
    for name, module in ((ENCODER, encoder), (DECODER, decoder)):
        _load_weights(folder / name, module)
        module.to(device=device, dtype=dtype).eval().requires_grad_(False)
    return Transparency(encoder, decoder, multiplier)


def _load_weights(path: Path, module: nn.Module) -> None:
    try:
        module.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()
        raise ValueError(f"{path} does not fit {CONFIG} beside it: {' '.join(reason[:2])}") from error
