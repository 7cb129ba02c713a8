"""`acetate evaluate scenes`: whether a scene's layers agree with its blend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from acetate.cli.json_output import JsonOption, refuse
from acetate.i18n import tr as _

from acetate_lab.cli.reports import (
    ModelFolderOption,
    ReportOption,
    SeedOption,
    chosen_catalogue,
    figures_table,
    finish,
    prepare,
    progress_bars,
)


def scenes(
    report: ReportOption = Path("scenes-report"),
    json_file: JsonOption = None,
    count: Annotated[int, typer.Option(min=2, help=_("How many scenes to generate and measure."))] = 32,
    model: ModelFolderOption = None,
    seed: SeedOption = 0,
) -> None:
    """Measure the starter's scenes: does a foreground show up in its blend, where it stands?"""
    from acetate.models.model_cache import ModelCache

    from acetate_lab.evaluation.installed import NAME
    from acetate_lab.evaluation.scenes import evaluate_scenes, scene_figures
    from acetate_lab.evaluation.scenes_report import scenes_json, write_scenes_report

    console = prepare(report, json_file)
    store = ModelCache(chosen_catalogue(model))
    with progress_bars() as progress:
        bar = progress.add_task(_("Generated scenes"), total=count)
        try:
            measured = evaluate_scenes(
                store, NAME, count, seed=seed, report=lambda done, total: progress.update(bar, completed=done)
            )
        except ValueError as error:
            refuse(str(error))
    console.print(figures_table(_("{count} generated scenes").format(count=count), scene_figures(measured)))
    finish(console, json_file, scenes_json(NAME, measured), lambda: write_scenes_report(NAME, measured, report))
