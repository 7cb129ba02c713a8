"""The transparency folder of a model: configuration, offset encoder and transparent decoder; and its upsampler's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from acetate.transparency.adjusted_latent import adjusted_latent
from acetate.transparency.decoder import TransparentDecoder
from acetate.transparency.encoder import OffsetEncoder
from acetate.transparency.padding import pad_rgb
from acetate.transparency.upsampler import LayerUpsampler

CONFIG = "config.json"
ENCODER = "encoder.safetensors"
DECODER = "decoder.safetensors"
UPSAMPLER = "upsampler.safetensors"


@dataclass(frozen=True)
class Transparency:
    """What makes a frozen VAE transparent; `multiplier` is the factor on the encoder's offset."""

    encoder: OffsetEncoder
    decoder: TransparentDecoder
    multiplier: float = 1.0

    def hide(self, posterior: Any, rgba: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n c h/8 w/8"]:
        """The VAE's own latent of straight-alpha pictures in [0, 1] with their alpha hidden in it, float32.

        `posterior` is the VAE's distribution for them over mid grey (`composite_on_grey`).
        """
        offset = self.encoder(torch.cat([rgba[:, 3:], pad_rgb(rgba)], dim=1)).float()
        return adjusted_latent(posterior.mean.float(), posterior.std.float(), offset, self.multiplier)


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
        _save_weights(folder / name, module, dtype)


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


def save_upsampler(folder: Path, upsampler: LayerUpsampler, dtype: torch.dtype | None = None) -> None:
    """Write the folder of an upsampler, weights stored as `dtype` (their own when None)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(upsampler.config, indent=2) + "\n", encoding="utf-8")
    _save_weights(folder / UPSAMPLER, upsampler, dtype)


def load_upsampler(folder: Path, device: torch.device | str = "cpu") -> LayerUpsampler:
    """Read the folder of an upsampler, in float32. Raises FileNotFoundError and ValueError as `load` does."""
    for name in (CONFIG, UPSAMPLER):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing: fetch the model again")
    try:
        upsampler = LayerUpsampler(**json.loads((folder / CONFIG).read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{folder / CONFIG} is unusable: {error}") from error
    _load_weights(folder / UPSAMPLER, upsampler)
    return upsampler.to(device=device, dtype=torch.float32).eval().requires_grad_(False)


def _save_weights(path: Path, module: nn.Module, dtype: torch.dtype | None) -> None:
    save_file({key: value.detach().to(dtype=dtype).contiguous() for key, value in module.state_dict().items()}, path)


def _load_weights(path: Path, module: nn.Module) -> None:
    try:
        module.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()
        raise ValueError(f"{path} does not fit {CONFIG} beside it: {' '.join(reason[:2])}") from error
