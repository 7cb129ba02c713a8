"""Reading the TOML file of a training. Errors name the field, the limit and the way out."""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from acetate_wire.errors import AcetateError

Settings = TypeVar("Settings")


def read_settings(path: Path, kind: type[Settings]) -> Settings:
    """The settings in a TOML file; paths in it are relative to its folder.

    Raises AcetateError `bad_request` naming a field that is missing, unknown or out of range.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AcetateError("bad_request", f"{path} cannot be read ({error.strerror})", field="config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AcetateError("bad_request", f"{path} is no TOML file ({error})", field="config") from error
    check_names(table, kind)
    try:
        settings = msgspec.convert(table, kind, dec_hook=lambda expected, text: _path(path.parent, expected, text))
    except msgspec.ValidationError as error:
        raise _explained(error, kind) from error
    return settings


def to_json(settings: Any) -> bytes:
    """The settings with every default written out."""
    return msgspec.json.format(msgspec.json.encode(dataclasses.asdict(settings), enc_hook=str), indent=2) + b"\n"


def check_names(table: Mapping[str, Any], kind: Any, place: str = "") -> None:
    """Raises AcetateError for the first name in the table, or in tables inside it, that the settings do not have."""
    types_of = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    for name, value in table.items():
        full = f"{place}.{name}" if place else name
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
            raise AcetateError("bad_request", f"there is no setting {full}", field=full, hint=hint)
        inner = next(_dataclasses(types_of[name]), None)
        if inner is not None and isinstance(value, Mapping):
            check_names(value, inner, full)


def _dataclasses(kind: Any) -> Iterator[type]:
    options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    return (option for option in options if isinstance(option, type) and dataclasses.is_dataclass(option))


def _path(folder: Path, expected: type, text: Any) -> Path:
    if expected is not Path or not isinstance(text, str):
        raise ValueError(f"Expected a path in quotes, got `{type(text).__name__}`")
    return folder / Path(text).expanduser()


def _explained(error: msgspec.ValidationError, kind: Any) -> AcetateError:
    """From `Expected `int` >= 1 - at `$.run.steps`` to the field and what it takes."""
    text, _, place = str(error).partition(" - at `$")
    field = place.rstrip("`").lstrip(".")
    if text.startswith("Object missing required field"):
        missing = text.split("`")[1]
        field = f"{field}.{missing}" if field else missing
        return AcetateError("bad_request", f"the setting {field} is missing", field=field, hint="give it a value")
    if text.startswith("Invalid enum value"):
        text = f"Choose from {', '.join(_choices(kind, field))}"
    hint = text[0].lower() + text[1:].replace("`", "")
    return AcetateError("bad_request", f"{field or 'the file'} cannot be used", field=field or "config", hint=hint)


def _choices(kind: Any, field: str) -> list[str]:
    """The words that a setting takes, from the `Literal` in its type."""
    for name in field.split("[")[0].split("."):
        kind = typing.get_type_hints(kind)[name]
    while not all(isinstance(choice, str) for choice in typing.get_args(kind)):
        kind = typing.get_args(kind)[0]
    return list(typing.get_args(kind))
