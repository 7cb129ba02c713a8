"""The models on this computer: sizes, paths, and integrity checks of their files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from acetate_wire.errors import AcetateError

from acetate.models.backbones.diffusers_layout import OWN_TRANSPARENCY, UPSAMPLER, networks_of
from acetate.models.backbones.file_kind import identify
from acetate.models.families import ModelSource
from acetate.models.gguf_header import is_gguf, read_gguf
from acetate.models.hub_cache import weight_files
from acetate.models.registry import ModelRegistry, ModelSpec
from acetate.models.safetensors_header import HeaderError, read_header
from acetate.models.user_models import read_user_models

OnBytes = Callable[[int], None]
"""Called with the number of bytes read since the last call."""
CHUNK = 1 << 20


@dataclass(frozen=True)
class InstalledModel:
    """One model of the registry; `missing` is a message about missing files, empty when it can be used."""

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
    """One checked file: `verdict` is `whole`, `damaged`, or `unknown` without an expected hash.

    `note` is what is wrong with it or strange about it, empty where nothing is.
    """

    path: str
    bytes: int
    sha256: str
    verdict: str
    note: str = ""


def installed_models(catalogue: ModelRegistry) -> tuple[InstalledModel, ...]:
    """All models of a registry, including those with missing files."""
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
    """The weight files that a model uses, including its layer files."""
    found = dict.fromkeys(entry.files.values())
    if entry.file is not None:
        found[entry.file] = None
    else:
        networks = {*networks_of(entry.family), *(Path(name).parts[0] for name in (*OWN_TRANSPARENCY, UPSAMPLER))}
        for network in sorted(networks):
            folder = entry.folder / network
            found |= dict.fromkeys(weight_files(folder))
    return tuple(found)


def file_fingerprint(entry: ModelSpec) -> tuple[tuple[str, int, int], ...]:
    """Path, size in bytes and modification time in ns of each of a model's files; changes when one is rewritten."""
    found = [(path, path.stat()) for path in model_files(entry)]
    return tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in found)


def check_files(entry: ModelSpec, on_bytes: OnBytes, misfits: Mapping[Path, str]) -> Iterator[FileCheck]:
    """Compare every file of a model with its hash from the hub, or as recorded by `acetate models add`.

    `misfits` are the files that do not fit the model, with the reason.
    """
    record = read_user_models().get(entry.name)
    recorded = {} if record is None else record.sha256
    for path in model_files(entry):
        foreign = identify(path).foreign if path == entry.file else ()
        note = f"{len(foreign)} keys belong to no model of {entry.family.name}, such as {foreign[0]}" if foreign else ""
        yield check_file(path, on_bytes, recorded.get(str(path)), misfits.get(path, ""), note)


def check_file(
    path: Path, on_bytes: OnBytes, expected: str | None = None, fault: str = "", note: str = ""
) -> FileCheck:
    """Read one file and compare its hash with the `expected` one, or the hub's; `fault` is what is wrong with its keys.

    A file that is truncated or of another format is damaged, whatever its hash.
    """
    sha256, blob = digests(path, on_bytes)
    try:
        read_gguf(path) if is_gguf(path) else read_header(path)
    except HeaderError as error:
        fault = f"{error.what}: {error.hint}"
    expected = expected or _hub_digest(path)
    if not fault and expected is not None and expected not in (sha256, blob):
        fault = "its hash is another than when it was added or fetched: fetch it again"
    verdict = "damaged" if fault else "unknown" if expected is None else "whole"
    return FileCheck(str(path), path.stat().st_size, sha256, verdict, fault or note)


def sha256_of(path: Path, on_bytes: OnBytes = lambda count: None) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return digests(path, on_bytes)[0]


def digests(path: Path, on_bytes: OnBytes = lambda count: None) -> tuple[str, str]:
    """The SHA-256 of a file and its git blob hash, in hexadecimal; the hub uses either."""
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
