"""What is on this computer: models with their sizes and places, and whether their files are whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from acetate_wire.errors import AcetateError

from acetate.models.diffusers_layout import CONFIGURATION, OWN_TRANSPARENCY, UPSAMPLER, read_safetensors_header
from acetate.models.families import ModelSource
from acetate.models.hub_cache import SUFFIX
from acetate.models.registry import ModelRegistry, ModelSpec
from acetate.models.user_models import read_user_models

OnBytes = Callable[[int], None]
"""Hears how many bytes more have been read."""
CHUNK = 1 << 20


@dataclass(frozen=True)
class InstalledModel:
    """One model of the catalogue; `missing` says in words what is not there, empty when it can be used."""

    name: str
    family: str
    modes: tuple[str, ...]
    licence: str
    native_size: int
    bytes: int
    place: str
    own: bool
    missing: str = ""


@dataclass(frozen=True)
class FileCheck:
    """One file: `verdict` is `whole`, `damaged`, or `unknown` where nothing says what its hash should be."""

    path: str
    bytes: int
    sha256: str
    verdict: str


def installed_models(catalogue: ModelRegistry) -> tuple[InstalledModel, ...]:
    """All models of a catalogue, whether their files are there or not."""
    return tuple(_holding(catalogue, name, source) for name, source in catalogue.sources.items())


def _holding(catalogue: ModelRegistry, name: str, source: ModelSource) -> InstalledModel:
    family = source.family
    place = str(source.file or source.folder or source.repository)
    try:
        entry = catalogue.entry(name)
    except AcetateError as error:
        return InstalledModel(
            name, family.name, (), source.licence, family.native_size, 0, place, source.is_user, str(error)
        )
    size = sum(path.stat().st_size for path in model_files(entry))
    missing = "" if entry.modes else f"its layer files: fetch them with: acetate models pull {family.name} --layers"
    place = str(entry.file or entry.folder)
    return InstalledModel(
        name, family.name, entry.modes, entry.licence, entry.native_size, size, place, source.is_user, missing
    )


def model_files(entry: ModelSpec) -> tuple[Path, ...]:
    """The files that a model uses, its layer files among them."""
    found = dict.fromkeys(entry.files.values())
    if entry.file is not None:
        found[entry.file] = None
    else:
        networks = {Path(name).parts[0] for name in (*CONFIGURATION, *OWN_TRANSPARENCY, UPSAMPLER)}
        networks |= {"text_encoder", "text_encoder_2"}
        for network in sorted(networks):
            folder = entry.folder / network
            found |= dict.fromkeys(sorted(folder.glob(f"*{SUFFIX}"))) if folder.is_dir() else {}
    return tuple(found)


def file_fingerprint(entry: ModelSpec) -> tuple[tuple[str, int, int], ...]:
    """A model's files as they are now, by path, size and time of the last change: another when one is written anew."""
    found = [(path, path.stat()) for path in model_files(entry)]
    return tuple((str(path), told.st_size, told.st_mtime_ns) for path, told in found)


def check_files(entry: ModelSpec, on_bytes: OnBytes) -> Iterator[FileCheck]:
    """Read every file of a model and compare it with its hash, as the hub or `acetate models add` has noted it."""
    note = read_user_models().get(entry.name)
    noted = {} if note is None else note.sha256
    for path in model_files(entry):
        sha256, blob = _digests(path, on_bytes)
        wanted = noted.get(str(path)) or _hub_digest(path)
        if wanted is not None:
            verdict = "whole" if wanted in (sha256, blob) else "damaged"
        else:
            verdict = "unknown" if read_safetensors_header(path) else "damaged"
        yield FileCheck(str(path), path.stat().st_size, sha256, verdict)


def sha256_of(path: Path, on_bytes: OnBytes = lambda count: None) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return _digests(path, on_bytes)[0]


def _digests(path: Path, on_bytes: OnBytes) -> tuple[str, str]:
    """The SHA-256 of a file, and the hash that git names it by: the hub uses either."""
    whole, blob = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
    blob.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            whole.update(chunk)
            blob.update(chunk)
            on_bytes(len(chunk))
    return whole.hexdigest(), blob.hexdigest()


def _hub_digest(path: Path) -> str | None:
    """The hash by which the hub's cache names a file, None for a file elsewhere."""
    if not path.is_symlink() or path.readlink().parent.name != "blobs":
        return None
    return path.readlink().name
