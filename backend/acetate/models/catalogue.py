"""Which models there are, and what each can do: read from their folders without loading them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from acetate_wire.errors import WireError

from acetate.models.families import PUBLISHED, SD15, SDXL, STARTER, Family
from acetate.models.folders import cached_folder, layer_file
from acetate.models.parts import Way

__all__ = ["STARTER", "STARTER_FOLDER", "Catalogue", "ModelEntry", "Source", "missing_model", "read_json"]

STARTER_FOLDER = Path(__file__).parents[1] / "starter"
"""The model that is part of the package."""

FILES = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/tokenizer_config.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
)
"""What every model folder in diffusers' layout holds."""
OWN_TRANSPARENCY = (
    "tokenizer/tokenizer.json",
    "transparency/config.json",
    "transparency/decoder.safetensors",
    "transparency/encoder.safetensors",
)
"""What a folder of the starter's family holds besides."""
ENCODER, DECODER = "encoder", "decoder"
"""The names of the transparency files in `ModelEntry.files`; the others are there under their parts' names."""


@dataclass(frozen=True)
class ModelEntry:
    """One model: where its folder is, under which licence, the side in pixels of what it learned to draw, and the
    ways to work with it that its present files allow, best first.

    `files` has the layer files that are there, by the name of their part, `encoder` and `decoder` among them.
    """

    name: str
    family: Family
    folder: Path
    licence: str
    native_size: int
    ways: tuple[Way, ...]
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def modes(self) -> tuple[str, ...]:
        """The layer modes that it can do, in their usual order."""
        return tuple(dict.fromkeys(way.mode for way in self.ways))

    def way(self, mode: str, given: Collection[str] = ()) -> Way:
        """The best way to do a mode with these pictures. Raises WireError `mode_unsupported` when there is none."""
        ways = [way for way in self.ways if way.mode == mode]
        for way in ways:
            if set(way.given) <= set(given):
                return way
        if ways:
            wanted = " or ".join(" and ".join(way.given) for way in ways)
            raise WireError(
                "mode_unsupported",
                f"the model {self.name} does the mode {mode} with other pictures",
                field="inputs",
                hint=f"give {wanted}",
            )
        raise WireError(
            "mode_unsupported",
            f"the model {self.name} cannot do the mode {mode}",
            field="mode",
            hint=f"it can do {', '.join(self.modes)}" if self.modes else "its layer files are missing",
        )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file's map. Raises OSError or ValueError."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds no map")
    return content


@dataclass(frozen=True)
class Source:
    """Where a model comes from: its folder, or the hub repository whose snapshot in the cache it is."""

    folder: Path | None
    family: Family
    licence: str
    repository: str = ""


def known_sources() -> dict[str, Source]:
    """The models that Acetate knows by itself."""
    return {
        "starter": Source(STARTER_FOLDER, STARTER, "Apache-2.0"),
        "sd15": Source(None, SD15, "CreativeML OpenRAIL-M", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
        "sdxl": Source(None, SDXL, "CreativeML OpenRAIL++-M", "stabilityai/stable-diffusion-xl-base-1.0"),
    }


@dataclass(frozen=True)
class Catalogue:
    """All models that can be asked for, by name."""

    sources: Mapping[str, Source] = field(default_factory=known_sources)

    def entry(self, name: str) -> ModelEntry:
        """The model of that name, complete with its files. Raises WireError `unknown_model` or `model_missing`."""
        source = self.sources.get(name)
        if source is None:
            near = get_close_matches(name, self.sources, n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(self.sources)}"
            raise WireError("unknown_model", f"there is no model {name!r}", field="model", hint=hint)
        folder = source.folder or cached_folder(source.repository)
        if folder is None:
            raise WireError(
                "model_missing",
                f"the model {name} is not on this computer",
                field="model",
                hint=f"fetch it with: acetate models pull {name}",
            )
        wanted = FILES if source.family.decoders else FILES + OWN_TRANSPARENCY
        missing = [file for file in wanted if not (folder / file).is_file()]
        if missing:
            raise missing_model(f"the model {name} lacks {missing[0]} in {folder}")
        try:
            side = _native_size(folder)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise missing_model(f"the model {name} in {folder} is damaged ({error!r})") from error
        files = _layer_files(folder, source.family)
        ways = tuple(way for way in source.family.ways if _is_complete(way, files))
        return ModelEntry(name, source.family, folder, source.licence, side, ways, files)


def missing_model(message: str) -> WireError:
    """The refusal for a model whose files are missing or unreadable."""
    return WireError("model_missing", message, field="model", hint="install it again")


def _layer_files(folder: Path, family: Family) -> dict[str, Path]:
    """The layer files of a family that are on this computer: the model's own, else the published ones."""
    found: dict[str, Path | None] = {}
    for part in {part.name: part for way in family.ways for part in way.parts if part.files}.values():
        own = folder / "layers" / f"{part.name}.safetensors"
        found[part.name] = own if own.is_file() else layer_file(part.files, PUBLISHED)
    if family.decoders:
        found[ENCODER] = layer_file(family.encoders, PUBLISHED)
        found[DECODER] = layer_file(family.decoders, PUBLISHED)
    else:
        found[ENCODER] = folder / "transparency/encoder.safetensors"
        found[DECODER] = folder / "transparency/decoder.safetensors"
    return {name: path for name, path in found.items() if path is not None}


def _is_complete(way: Way, files: Collection[str]) -> bool:
    wanted = {part.name for part in way.parts if part.files}
    wanted |= {ENCODER} if way.encoder else set()
    wanted |= {DECODER} if way.decoder else set()
    return wanted <= set(files)


def _native_size(folder: Path) -> int:
    """The side in pixels of the pictures that a model learned from."""
    vocabulary = folder / "vocabulary.json"
    if vocabulary.is_file():
        return int(read_json(vocabulary)["native_size"])
    halvings = len(read_json(folder / "vae/config.json")["block_out_channels"]) - 1
    return int(read_json(folder / "unet/config.json")["sample_size"]) << halvings
