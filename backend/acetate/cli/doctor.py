"""`acetate doctor`: does this installation compute what the method says?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from acetate.messages import tr as _

if TYPE_CHECKING:
    from acetate.evaluation.vectors import Case

STANDARD_OUTPUT = Path("-")


def doctor(
    vectors: Annotated[
        Path,
        typer.Option("--vectors", metavar="DIR", help=_("Folder of reference vectors to compute again.")),
    ],
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help=_("Write the figures here too; - for standard output.")),
    ] = None,
) -> None:
    """Compute reference vectors again and compare: one line a case, and an error code when one is missed."""
    # PyTorch takes seconds to import, which no other command should wait for.
    from acetate.evaluation.vector_folder import UnreadableVectorsError
    from acetate.evaluation.vectors import check_vectors

    console = Console(stderr=json_file == STANDARD_OUTPUT, highlight=False, soft_wrap=True)
    cases: list[Case] = []
    try:
        found = check_vectors(vectors)
    except UnreadableVectorsError as error:
        _refuse(str(error))
    console.print(f"{_('case'):<40} {_('error'):>10} {_('tolerance'):>10}  {_('verdict')}", style="bold")
    for case in found:
        cases.append(case)
        console.print(_line(case))
    missed = sum(not case.passed for case in cases)
    console.print(
        _("{passed} of {count} cases are within their tolerance.").format(passed=len(cases) - missed, count=len(cases))
    )
    if json_file is not None:
        _write_json(json_file, vectors, cases)
    if missed:
        raise typer.Exit(1)


def _line(case: Case) -> str:
    """Name, largest error, tolerance and verdict of a case, in columns."""
    error = "-" if case.error is None else f"{case.error:.2e}"
    verdict = f"[green]{_('pass')}[/green]" if case.passed else f"[red]{_('MISS')}[/red]"
    note = f"  {escape(case.note)}" if case.note else ""
    return f"{escape(case.name):<40} {error:>10} {case.tolerance:>10.2e}  {verdict}{note}"


def _write_json(path: Path, folder: Path, cases: list[Case]) -> None:
    content = json.dumps(
        {
            "vectors": str(folder),
            "passed": all(case.passed for case in cases),
            "cases": [asdict(case) for case in cases],
        },
        indent=2,
    )
    if path == STANDARD_OUTPUT:
        typer.echo(content)
        return
    try:
        path.write_text(content + "\n", encoding="utf-8")
    except OSError as error:
        _refuse(_("{path} cannot be written: {reason}").format(path=path, reason=error.strerror))


def _refuse(message: str) -> NoReturn:
    """Say what is wrong in one line and leave with code 2."""
    typer.echo(message, err=True)
    raise typer.Exit(2)
