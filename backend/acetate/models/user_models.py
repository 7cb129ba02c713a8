"""The models that this user added: files in the models folder, and records of `acetate models add`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from acetate_wire.errors import AcetateError

from acetate.models.backbones.file_kind import FileKind, identify
from acetate.models.families import ModelSource, families
from acetate.models.gguf_header import is_gguf
from acetate.models.hub_cache import is_weight_file, models_dir

USER_MODELS_FILE = "catalogue.json"
BASE = "base"
UNKNOWN_LICENCE = "unknown"
OFFERED = (".ckpt", ".pt", ".pth", ".bin", ".gguf")
"""Endings of files that people take for models too; those in `base` are named among what cannot be used."""


class UserModel(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The record of one added model: its family, path or repository, licence, and its layer files by adapter name.

    `prefer` is as in `ModelSource`. `sha256` are the hashes of its files when it was added, by path.
    """

    family: str
    path: str = ""
    repository: str = ""
    licence: str = UNKNOWN_LICENCE
    files: dict[str, str] = {}
    prefer: str = ""
    sha256: dict[str, str] = {}


def user_sources() -> dict[str, ModelSource]:
    """All models that this user added, by name; a record takes precedence over a file of the same name."""
    return dict(_discovered_sources()) | {name: _source(record) for name, record in read_user_models().items()}


def unusable_files() -> dict[Path, FileKind]:
    """What lies in the folder of models and is none that can be used, each with the reason and the way out."""
    kinds = ((path, identify(path)) for path in _offered())
    return {path: kind for path, kind in kinds if kind.family is None}


def _offered() -> Iterator[Path]:
    folder = models_dir() / BASE
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not path.name.startswith(".") and (path.is_dir() or is_weight_file(path) or path.suffix.lower() in OFFERED):
            yield path


def _discovered_sources() -> Iterator[tuple[str, ModelSource]]:
    for path in _offered():
        family = identify(path).family
        if family is not None:
            yield path.stem if path.is_file() else path.name, _source(UserModel(family.name, str(path)))


def _source(record: UserModel) -> ModelSource:
    family, path = families()[record.family], Path(record.path) if record.path else None
    whole = path if path is not None and not (is_weight_file(path) or is_gguf(path)) else None
    return ModelSource(
        folder=whole,
        family=family,
        licence=record.licence,
        repository=record.repository,
        file=None if path == whole else path,
        files={part: Path(file) for part, file in record.files.items()},
        prefer=record.prefer,
        is_user=True,
    )


def read_user_models() -> dict[str, UserModel]:
    """The records of added models. Raises AcetateError when the file is damaged."""
    path = models_dir() / USER_MODELS_FILE
    try:
        records = msgspec.json.decode(path.read_bytes(), type=dict[str, UserModel])
        unknown = sorted({record.family for record in records.values()} - families().keys())
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise _damaged(path, str(error)) from error
    if unknown:
        raise _damaged(path, f"there is no family {unknown[0]}; the package that brings it may be missing")
    return records


def write_user_models(records: Mapping[str, UserModel]) -> None:
    """Replace the records of added models atomically. Raises OSError."""
    folder = models_dir()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{USER_MODELS_FILE}.{os.getpid()}.part"
    part.write_bytes(msgspec.json.format(msgspec.json.encode(records), indent=2) + b"\n")
    part.replace(folder / USER_MODELS_FILE)


def _damaged(path: Path, reason: str) -> AcetateError:
    return AcetateError(
        "model_missing",
        f"the list of added models {path} cannot be read ({reason})",
        field="model",
        hint="put it right, or remove it and add the models again",
    )
