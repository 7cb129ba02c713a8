"""The models that this user has added: files dropped into the models folder, and what `acetate models add` noted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from acetate_wire.errors import AcetateError

from acetate.models.diffusers_layout import family_of
from acetate.models.families import ModelSource, families
from acetate.models.hub_cache import SUFFIX, models_dir

USER_MODELS_FILE = "catalogue.json"
BASE = "base"
UNKNOWN_LICENCE = "unknown"


class UserModel(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One added model: its family, where it is, its licence, and layer files of its own by the name of their part.

    `prefer` is as in `ModelSource`. `sha256` has the hashes that its files had when they were added, by their paths.
    """

    family: str
    path: str = ""
    repository: str = ""
    licence: str = UNKNOWN_LICENCE
    files: dict[str, str] = {}
    prefer: str = ""
    sha256: dict[str, str] = {}


def user_sources() -> dict[str, ModelSource]:
    """All models that this user has added, by name; noted ones come before dropped ones of the same name."""
    return dict(_discovered_sources()) | {name: _source(note) for name, note in read_user_models().items()}


def _discovered_sources() -> Iterator[tuple[str, ModelSource]]:
    folder = models_dir() / BASE
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() or path.suffix == SUFFIX:
            family = family_of(path)
            if family is not None:
                note = UserModel(family.name, str(path))
                yield path.stem if path.is_file() else path.name, _source(note)


def _source(note: UserModel) -> ModelSource:
    family, path = families()[note.family], Path(note.path) if note.path else None
    whole = path if path is not None and path.suffix != SUFFIX else None
    return ModelSource(
        folder=whole,
        family=family,
        licence=note.licence,
        repository=note.repository,
        file=None if path == whole else path,
        files={part: Path(file) for part, file in note.files.items()},
        prefer=note.prefer,
        is_user=True,
    )


def read_user_models() -> dict[str, UserModel]:
    """The noted models. Raises AcetateError when the list is damaged."""
    path = models_dir() / USER_MODELS_FILE
    try:
        notes = msgspec.json.decode(path.read_bytes(), type=dict[str, UserModel])
        unknown = sorted({note.family for note in notes.values()} - families().keys())
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise _damaged(path, str(error)) from error
    if unknown:
        raise _damaged(path, f"there is no family {unknown[0]}; the package that brings it may be missing")
    return notes


def write_user_models(notes: Mapping[str, UserModel]) -> None:
    """Replace the list of noted models, whole or not at all. Raises OSError."""
    folder = models_dir()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{USER_MODELS_FILE}.{os.getpid()}.part"
    part.write_bytes(msgspec.json.format(msgspec.json.encode(notes), indent=2) + b"\n")
    part.replace(folder / USER_MODELS_FILE)


def _damaged(path: Path, reason: str) -> AcetateError:
    return AcetateError(
        "model_missing",
        f"the list of added models {path} cannot be read ({reason})",
        field="model",
        hint="put it right, or remove it and add the models again",
    )
