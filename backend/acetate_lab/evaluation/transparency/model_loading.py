"""The parts of a model that carry transparency, by its name or folder; its UNet is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acetate.models.backbones.diffusers_layout import read_json
from acetate.models.devices import best_device
from acetate.models.registry import STARTER_FOLDER, ModelRegistry
from acetate.models.transparency_loader import load_decoder, load_encoder
from acetate.transparency.files import Transparency, load

from acetate_lab.evaluation.generation.generator import PassCount
from acetate_lab.evaluation.transparency.reconstruction import Autoencoder

HELD_OUT = "held_out"
USUAL_SIZE = 256


@dataclass(frozen=True)
class OpenedModel:
    """What `open_parts` found; `size` is the side in pixels of the pictures that the model learned from."""

    name: str
    folder: Path
    parts: Autoencoder
    size: int


def open_parts(model: str, passes: PassCount) -> OpenedModel:
    """Load the VAE, offset encoder and transparent decoder of a catalogue's model or of a folder.

    A folder needs `vae` and `transparency`, no more: the rest of the model may still be untrained. Raises ValueError
    of one line when it is neither, or unreadable, and AcetateError for a model whose files are missing.
    """
    from diffusers import AutoencoderKL

    folder, device = Path(model), best_device()
    if folder.is_dir():
        name, size = folder.resolve().name, _learned_size(folder)
        try:
            transparency = load(folder / "transparency", device=device)
        except FileNotFoundError as error:
            raise ValueError(str(error)) from None
    else:
        if model not in ModelRegistry().sources:
            raise ValueError(f"{model} is neither a folder nor a model that Acetate knows")
        entry = ModelRegistry().entry(model)
        name, folder, size = entry.name, entry.folder, entry.native_size
        encoder, multiplier = load_encoder(entry, device)
        transparency = Transparency(encoder, load_decoder(entry, device), multiplier)
    try:
        vae = AutoencoderKL.from_pretrained(folder / "vae", use_safetensors=True, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{folder / 'vae'} cannot be read: {reason:.200}") from None
    return OpenedModel(
        name, folder, Autoencoder(vae.to(device).eval().requires_grad_(False), transparency, passes), size
    )


def held_out_folder(model: Path) -> Path:
    """The held-out pictures for a model folder: its own, or else those of the installed starter."""
    own = model / HELD_OUT
    return own if own.is_dir() else STARTER_FOLDER / HELD_OUT


def _learned_size(folder: Path) -> int:
    try:
        vocabulary = folder / "vocabulary.json"
        if vocabulary.is_file():
            return int(read_json(vocabulary)["native_size"])
        return int(read_json(folder / "vae" / "config.json").get("sample_size") or USUAL_SIZE)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder} is no model: its vae/config.json or vocabulary.json is unusable ({error})"
        ) from None
