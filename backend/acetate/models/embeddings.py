"""Textual inversion embeddings: files of vectors that stand for a word in a prompt (Gal et al. 2022)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acetate_wire.errors import AcetateError
from acetate_wire.prompt import Prompt

from acetate.models.backbones.diffusers_layout import read_json, text_folders
from acetate.models.hub_cache import SUFFIX, models_dir
from acetate.models.registry import ModelSpec
from acetate.models.safetensors_header import HeaderError, read_header

if TYPE_CHECKING:
    from torch import Tensor

SDXL_KEYS = ("clip_l", "clip_g")
"""The tensors of a file for two text encoders, in their order; one for a single encoder has one tensor of any name."""


def embedding_folder() -> Path:
    """The folder of embedding files."""
    return models_dir() / "embedding"


def installed_embeddings() -> dict[str, Path]:
    """The embedding files in the models folder by name, in lower case as prompts are read."""
    return {path.stem.lower(): path for path in sorted(embedding_folder().glob(f"*{SUFFIX}"))}


def split_at_embeddings(text: str, names: Collection[str]) -> Iterator[tuple[str, str | None]]:
    """The parts of a text that are words, as (text, None), and those that are embeddings, as ("", name).

    An embedding is called by its file's name, as in AUTOMATIC1111's web UI, or after `embedding:`, as in ComfyUI.
    """
    if not names:
        yield text, None
        return
    called = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    place = 0
    for found in re.finditer(rf"(?<![\w-])(?:embedding:)?({called})(?![\w-])", text, re.IGNORECASE):
        if text[place : found.start()].strip():
            yield text[place : found.start()], None
        yield "", found[1].lower()
        place = found.end()
    if text[place:].strip():
        yield text[place:], None


def text_encoder_configs(entry: ModelSpec) -> list[dict[str, Any]]:
    """The configuration of each text encoder. Raises OSError or ValueError."""
    return [read_json(entry.folder / encoder / "config.json") for encoder, _ in text_folders(entry.family)]


def text_layers(entry: ModelSpec) -> int:
    """How many layers each text encoder has, of two the fewer. Raises OSError, ValueError or KeyError."""
    return min(int(config["num_hidden_layers"]) for config in text_encoder_configs(entry))


def check_embeddings(entry: ModelSpec, prompt: Prompt, field: str) -> None:
    """Raise AcetateError `bad_request` naming an embedding of a prompt that is not there or does not fit the model.

    Reads no more than the headers of the files.
    """
    installed = installed_embeddings()
    widths = [int(config["hidden_size"]) for config in text_encoder_configs(entry)]
    for section in prompt.sections:
        for part in section:
            for words, name in split_at_embeddings(part.text, installed):
                missing = re.search(r"\bembedding:(\S+)", words)
                if missing:
                    raise _refusal(field, f"there is no embedding {missing[1]!r}", _there(installed))
                if name is not None:
                    _check_fit(entry, installed[name], widths, field)


def read_embedding(path: Path) -> tuple[Tensor, ...]:
    """The vectors of a file that fits, one tensor "vectors width" for each text encoder."""
    from acetate.models.weights import read_weights

    tensors = read_weights(path)
    chosen = [tensors[key] for key in SDXL_KEYS] if SDXL_KEYS[0] in tensors else list(tensors.values())
    return tuple(tensor.float().reshape(-1, tensor.shape[-1]) for tensor in chosen)


def _check_fit(entry: ModelSpec, path: Path, widths: list[int], field: str) -> None:
    try:
        header = read_header(path).shapes
    except HeaderError as error:
        raise _refusal(field, f"{path} holds no embedding: it is {error.what}", error.hint) from error
    keys = SDXL_KEYS if set(header) == set(SDXL_KEYS) else tuple(header)
    shapes = [header[key] for key in keys]
    if any(len(shape) not in (1, 2) for shape in shapes):
        raise _refusal(field, f"{path} holds no embedding", "give a .safetensors file of textual inversion")
    found = [shape[-1] for shape in shapes]
    if found != widths:
        sides = " and ".join(map(str, found)), " and ".join(map(str, widths))
        raise _refusal(
            field,
            f"the embedding {path.stem} has vectors of {sides[0]} numbers, those of {entry.name} have {sides[1]}",
            f"choose one that was made for {entry.family.name}",
        )


def _there(installed: Mapping[str, Path]) -> str:
    names = ", ".join(path.stem for path in installed.values())
    return f"there are {names}" if names else f"put its {SUFFIX} file into {embedding_folder()}"


def _refusal(field: str, message: str, hint: str) -> AcetateError:
    return AcetateError("bad_request", message, field=field, hint=hint)
