"""`acetate evaluate starter`: the model that comes with Acetate, or one that was trained as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from acetate.cli.json_output import JsonOption, refuse
from acetate.i18n import tr as _

from acetate_lab.cli.reports import (
    ModelFolderOption,
    PassesOption,
    ReportOption,
    SeedOption,
    chosen_catalogue,
    figures_table,
    finish,
    prepare,
    progress_bars,
)

if TYPE_CHECKING:
    from acetate.models.registry import ModelRegistry

    from acetate_lab.evaluation.starter import StarterReport


def starter(
    report: ReportOption = Path("starter-report"),
    json_file: JsonOption = None,
    layers: Annotated[int, typer.Option(min=0, help=_("How many layers to generate and measure."))] = 64,
    held_out: Annotated[
        Path | None,
        typer.Option("--held-out", metavar="DIR", help=_("Pictures to measure with, instead of the model's own.")),
    ] = None,
    model: ModelFolderOption = None,
    seed: SeedOption = 0,
    passes: PassesOption = 8,
) -> None:
    """Measure the starter model: transparency there and back on unseen pictures, and what it generates."""
    # PyTorch takes seconds to import, which no other command should wait for.
    from acetate_lab.evaluation.starter import as_json, layer_figures
    from acetate_lab.evaluation.starter_report import write_report
    from acetate_lab.evaluation.transparency.summary import picture_size, reconstruction_figures

    console = prepare(report, json_file, passes)
    catalogue = chosen_catalogue(model)
    try:
        measured = _measure(catalogue, held_out, layers, seed, passes)
    except ValueError as error:
        refuse(str(error))
    size = picture_size(measured.reconstructions)
    title = _("Held-out pictures of {size} pixels, there and back").format(size=size)
    console.print(figures_table(title, reconstruction_figures(measured.reconstructions)))
    if measured.layers:
        title = _("{count} generated layers of {size} pixels").format(
            count=len(measured.layers), size=measured.layers[0].picture.shape[-1]
        )
        console.print(figures_table(title, layer_figures(measured)))
    finish(console, json_file, as_json(measured), lambda: write_report(measured, report))


def _measure(catalogue: ModelRegistry, held_out: Path | None, layers: int, seed: int, passes: int) -> StarterReport:
    from acetate.models.model_cache import ModelCache

    from acetate_lab.evaluation.installed import NAME, evaluate_installed
    from acetate_lab.evaluation.transparency.model_loading import held_out_folder
    from acetate_lab.metrics.held_out import read_held_out

    pictures = read_held_out(held_out or held_out_folder(catalogue.entry(NAME).folder))
    store = ModelCache(catalogue)
    names = {"held-out": _("Held-out pictures"), "layers": _("Generated layers")}
    with progress_bars() as progress:
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
