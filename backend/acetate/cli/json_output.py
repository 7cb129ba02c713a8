"""Figures as JSON where `--json` asks for them, and refusals in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeAlias

import typer

from acetate.cli.console import echo
from acetate.i18n import tr as _

STANDARD_OUTPUT = Path("-")


JsonOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help=_("Write the figures here too; - for standard output.")),
]


def refuse(message: str) -> NoReturn:
    """Say what is wrong in one line and leave with code 2."""
    echo(" ".join(message.split()), err=True)
    raise typer.Exit(2)


def write_json(path: Path | None, document: dict[str, Any]) -> None:
    """Write the figures where `--json` asked for them, if it was given."""
    if path is None:
        return
    content = json.dumps(document, indent=2, ensure_ascii=False)
    if path == STANDARD_OUTPUT:
        typer.echo(content)
        return
    try:
        path.write_text(content + "\n", encoding="utf-8")
    except OSError as error:
        refuse(_("{path} cannot be written: {reason}").format(path=path, reason=error.strerror))
