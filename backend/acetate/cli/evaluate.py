"""`acetate evaluate …`: how good a model is, in figures and pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from acetate.messages import tr as _

if TYPE_CHECKING:
    from acetate.evaluation.figures import Figure
    from acetate.evaluation.starter import StarterReport

STANDARD_OUTPUT = Path("-")
PASSES = (1, 2, 4, 8)

app = typer.Typer(no_args_is_help=True, help=_("Measure how good a model is, and write a report with pictures."))


@app.command()
def starter(
    report: Annotated[
        Path,
        typer.Option("--report", metavar="DIR", help=_("Folder for the report: report.html and report.json.")),
    ] = Path("starter-report"),
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help=_("Write the figures here too; - for standard output.")),
    ] = None,
    layers: Annotated[int, typer.Option(min=0, help=_("How many layers to generate and measure."))] = 64,
    held_out: Annotated[
        Path | None,
        typer.Option("--held-out", metavar="DIR", help=_("Pictures to measure with, instead of the model's own.")),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="DIR", help=_("Folder of a trained model, instead of the installed one.")),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63, help=_("Seed of the first layer; the others count up."))] = 0,
    passes: Annotated[int, typer.Option(help=_("Decodes of which the median is taken: 1, 2, 4 or 8."))] = 8,
) -> None:
    """Measure the starter model: transparency there and back on unseen pictures, and what it generates."""
    # PyTorch takes seconds to import, which no other command should wait for.
    from acetate.evaluation.figures import as_json, layer_figures, reconstruction_figures
    from acetate.evaluation.report import write_report

    if passes not in PASSES:
        _refuse(_("--passes is {passes}: choose 1, 2, 4 or 8").format(passes=passes))
    if model is not None and not model.is_dir():
        _refuse(_("--model {path}: there is no such folder").format(path=model))
    _make_folder(report)
    _check_json(json_file)
    console = Console(stderr=json_file == STANDARD_OUTPUT, highlight=False)
    try:
        measured = _measure(model, held_out, layers, seed, passes)
    except ValueError as error:
        _refuse(str(error))
    console.print(_table(_("Held-out pictures, there and back"), reconstruction_figures(measured.reconstructions)))
    if measured.layers:
        title = _("{count} generated layers").format(count=len(measured.layers))
        console.print(_table(title, layer_figures(measured)))
    if json_file is not None:
        _write_json(json_file, json.dumps(as_json(measured), indent=2, ensure_ascii=False))
    try:
        page = write_report(measured, report)
    except OSError as error:
        _refuse(_("{path} cannot be written: {reason}").format(path=report, reason=error.strerror))
    console.print(_("Report with pictures: {path}").format(path=page), markup=False, soft_wrap=True)


@app.command()
def scenes(
    report: Annotated[
        Path,
        typer.Option("--report", metavar="DIR", help=_("Folder for the report: scenes.html and scenes.json.")),
    ] = Path("scenes-report"),
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help=_("Write the figures here too; - for standard output.")),
    ] = None,
    count: Annotated[int, typer.Option(min=2, help=_("How many scenes to generate and measure."))] = 32,
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="DIR", help=_("Folder of a trained model, instead of the installed one.")),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63, help=_("Seed of the first scene; the others count up."))] = 0,
) -> None:
    """Measure the starter's scenes: does a foreground show up in its blend, where it stands?"""
    from acetate.evaluation.installed import NAME, catalogue_of
    from acetate.evaluation.scenes import evaluate_scenes, scene_figures
    from acetate.evaluation.scenes_report import scenes_json, write_scenes_report
    from acetate.models.catalogue import Catalogue
    from acetate.models.store import ModelStore

    if model is not None and not model.is_dir():
        _refuse(_("--model {path}: there is no such folder").format(path=model))
    _make_folder(report)
    _check_json(json_file)
    console = Console(stderr=json_file == STANDARD_OUTPUT, highlight=False)
    store = ModelStore(Catalogue() if model is None else catalogue_of(model))
    with _bars() as progress:
        bar = progress.add_task(_("Generated scenes"), total=count)
        try:
            measured = evaluate_scenes(
                store, NAME, count, seed=seed, report=lambda done, total: progress.update(bar, completed=done)
            )
        except ValueError as error:
            _refuse(str(error))
    console.print(_table(_("{count} generated scenes").format(count=count), scene_figures(measured)))
    if json_file is not None:
        _write_json(json_file, json.dumps(scenes_json(NAME, measured), indent=2, ensure_ascii=False))
    try:
        page = write_scenes_report(NAME, measured, report)
    except OSError as error:
        _refuse(_("{path} cannot be written: {reason}").format(path=report, reason=error.strerror))
    console.print(_("Report with pictures: {path}").format(path=page), markup=False, soft_wrap=True)


def _measure(model: Path | None, held_out: Path | None, layers: int, seed: int, passes: int) -> StarterReport:
    from acetate.evaluation.held_out import read_held_out
    from acetate.evaluation.installed import catalogue_of, evaluate_installed, held_out_folder
    from acetate.models.catalogue import STARTER_FOLDER, Catalogue
    from acetate.models.store import ModelStore

    catalogue = Catalogue() if model is None else catalogue_of(model)
    catalogue.entry("starter")
    pictures = read_held_out(held_out or held_out_folder(model or STARTER_FOLDER))
    store = ModelStore(catalogue)
    names = {"held-out": _("Held-out pictures"), "layers": _("Generated layers")}
    with _bars() as progress:
        bars = {
            "held-out": progress.add_task(names["held-out"], total=len(pictures.about)),
            "layers": progress.add_task(names["layers"], total=layers, visible=layers > 0),
        }
        return evaluate_installed(
            store,
            pictures,
            layer_count=layers,
            seed=seed,
            passes=passes,  # type: ignore[arg-type]  # checked by the command
            report=lambda stage, done, total: progress.update(bars[stage], completed=done, total=total),
        )


def _table(title: str, figures: Sequence[Figure]) -> Table:
    """The figures with what they mean, a row each."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column(_("Figure"), style="cyan")
    table.add_column(_("Value"), justify="right", no_wrap=True)
    table.add_column(_("What it says"), style="dim")
    for figure in figures:
        table.add_row(_(figure.label), figure.text(), _(figure.meaning))
    return table


def _make_folder(path: Path) -> None:
    """Make the report's folder before minutes are spent on figures that could not be written."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _refuse(_("{path} cannot be written: {reason}").format(path=path, reason=error.strerror))


def _check_json(path: Path | None) -> None:
    if path is not None and path != STANDARD_OUTPUT and not path.parent.is_dir():
        _refuse(_("{path} cannot be written: there is no such folder").format(path=path))


def _bars() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _write_json(path: Path, content: str) -> None:
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
