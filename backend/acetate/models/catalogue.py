"""Which models there are, and what each can do: read from their folders without loading them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from acetate_wire.errors import WireError

STARTER_FOLDER = Path(__file__).parents[1] / "starter"
"""The model that is part of the package."""

FILES = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
    "transparency/config.json",
    "transparency/decoder.safetensors",
    "transparency/encoder.safetensors",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
)
"""What a model folder in diffusers' layout holds, with its `transparency` folder."""


@dataclass(frozen=True)
class Family:
    """Models of one build: the layer modes they have parts for, and the settings that suit them."""

    name: str
    modes: tuple[str, ...]
    steps: int
    guidance: float
    sampler: str


STARTER = Family("starter", modes=("text",), steps=25, guidance=3.5, sampler="DPM++ 2M")


@dataclass(frozen=True)
class ModelEntry:
    """One model: where its folder is, under which licence, and the side in pixels of what it learned to draw."""

    name: str
    family: Family
    folder: Path
    licence: str
    native_size: int


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file's map. Raises OSError or ValueError."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds no map")
    return content


@dataclass(frozen=True)
class Source:
    """Where a model comes from."""

    folder: Path
    family: Family
    licence: str


@dataclass(frozen=True)
class Catalogue:
    """All models that can be asked for, by name."""

    sources: Mapping[str, Source] = field(
        default_factory=lambda: {"starter": Source(STARTER_FOLDER, STARTER, "Apache-2.0")}
    )

    def entry(self, name: str) -> ModelEntry:
        """The model of that name, complete with its files. Raises WireError `unknown_model` or `model_missing`."""
        source = self.sources.get(name)
        if source is None:
            near = get_close_matches(name, self.sources, n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(self.sources)}"
            raise WireError("unknown_model", f"there is no model {name!r}", field="model", hint=hint)
        missing = [file for file in FILES if not (source.folder / file).is_file()]
        if missing:
            raise missing_model(f"the model {name} lacks {missing[0]} in {source.folder}")
        try:
            side = _native_size(source.folder)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise missing_model(f"the model {name} in {source.folder} is damaged ({error!r})") from error
        return ModelEntry(name, source.family, source.folder, source.licence, side)


def missing_model(message: str) -> WireError:
    """The refusal for a model whose files are missing or unreadable."""
    return WireError("model_missing", message, field="model", hint="install it again")


def _native_size(folder: Path) -> int:
    """The side in pixels of the pictures that a model learned from."""
    vocabulary = folder / "vocabulary.json"
    if vocabulary.is_file():
        return int(read_json(vocabulary)["native_size"])
    halvings = len(read_json(folder / "vae/config.json")["block_out_channels"]) - 1
    return int(read_json(folder / "unet/config.json")["sample_size"]) << halvings
