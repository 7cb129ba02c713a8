"""What the commands that measure share: their options, progress, tables, and where their reports go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from acetate.cli.json_output import STANDARD_OUTPUT, refuse, write_json
from acetate.i18n import tr as _
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from acetate_lab.evaluation.metric import Metric, with_threshold

if TYPE_CHECKING:
    from acetate.models.registry import ModelRegistry

PASSES = (1, 2, 4, 8)

ReportOption: TypeAlias = Annotated[
    Path, typer.Option("--report", metavar="DIR", help=_("Folder for the report: one HTML file, and JSON beside it."))
]
SeedOption: TypeAlias = Annotated[
    int, typer.Option(min=0, max=2**63, help=_("Seed of the first layer; the others count up."))
]
PassesOption: TypeAlias = Annotated[int, typer.Option(help=_("Decodes of which the median is taken: 1, 2, 4 or 8."))]

ModelFolderOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--model", metavar="DIR", help=_("Folder of a trained model, instead of the installed one.")),
]


def prepare(report: Path, json_file: Path | None, passes: int | None = None) -> Console:
    """Refuse what could not be written or is no number of passes before minutes are spent, and give the console."""
    if passes is not None and passes not in PASSES:
        refuse(_("--passes is {passes}: choose 1, 2, 4 or 8").format(passes=passes))
    try:
        report.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(_("{path} cannot be written: {reason}").format(path=report, reason=error.strerror))
    if json_file is not None and json_file != STANDARD_OUTPUT and not json_file.parent.is_dir():
        refuse(_("{path} cannot be written: there is no such folder").format(path=json_file))
    return Console(stderr=json_file == STANDARD_OUTPUT, highlight=False)


def chosen_catalogue(model: Path | None) -> ModelRegistry:
    """The models that Acetate knows, or one whose starter is the model in `--model DIR`."""
    from acetate.models.registry import ModelRegistry

    from acetate_lab.evaluation.installed import catalogue_of

    if model is None:
        return ModelRegistry()
    if not model.is_dir():
        refuse(_("--model {path}: there is no such folder").format(path=model))
    return catalogue_of(model)


def finish(console: Console, json_file: Path | None, document: dict[str, Any], write: Callable[[], Path]) -> None:
    """Write the JSON that was asked for and the report, and say where the report is."""
    write_json(json_file, document)
    try:
        page = write()
    except OSError as error:
        refuse(_("{path} cannot be written: {reason}").format(path=error.filename, reason=error.strerror))
    console.print(_("Report with pictures: {path}").format(path=page), markup=False, soft_wrap=True)


def figures_table(title: str, figures: Sequence[Metric]) -> Table:
    """The figures with what they mean, a row each; two columns more where any is held to a bar."""
    held = bool(with_threshold(figures))
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column(_("Figure"), style="cyan")
    table.add_column(_("Value"), justify="right", no_wrap=True)
    if held:
        table.add_column(_("Bar"), no_wrap=True)
        table.add_column(_("Met"))
    table.add_column(_("What it says"), style="dim")
    for figure in figures:
        expected = (figure.expected(), _(figure.verdict()) if figure.verdict() else "") if held else ()
        table.add_row(_(figure.label), figure.text(), *expected, _(figure.meaning))
    return table


def progress_bars() -> Progress:
    """Bars on standard error that vanish when they are full."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
