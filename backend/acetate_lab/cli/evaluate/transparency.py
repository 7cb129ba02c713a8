"""`acetate evaluate transparency`: how exactly a model carries transparency there and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from acetate.cli.json_output import JsonOption, refuse
from acetate.i18n import tr as _

from acetate_lab.cli.reports import PassesOption, ReportOption, figures_table, finish, prepare, progress_bars

SIDE_STEP = 64


def transparency(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help=_("A model's name, or a folder with a vae and its transparency."))
    ],
    pictures: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PICTURES]", help=_("A folder of transparent pictures; else those held out from the training.")
        ),
    ] = None,
    report: ReportOption = Path("transparency-report"),
    json_file: JsonOption = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=SIDE_STEP,
            metavar="PIXELS",
            help=_("Fit the pictures into squares of this side; else as they are, or the model's own."),
        ),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help=_("Measure this many pictures at most, evenly spread."))] = 128,
    passes: PassesOption = 8,
) -> None:
    """Measure pictures there and back: alpha, colour, what is seen over nine backgrounds, and known failures."""
    from acetate_lab.evaluation.image_folder import read_pictures
    from acetate_lab.evaluation.transparency.model_loading import held_out_folder, open_parts
    from acetate_lab.evaluation.transparency.perceptual import local_lpips
    from acetate_lab.evaluation.transparency.probes import probe_checks, run_probes
    from acetate_lab.evaluation.transparency.reconstruction import reconstruct
    from acetate_lab.evaluation.transparency.report import (
        TransparencyReport,
        transparency_json,
        write_transparency_report,
    )
    from acetate_lab.evaluation.transparency.summary import picture_size, reconstruction_figures

    console = prepare(report, json_file, passes)
    if size is not None and size % SIDE_STEP:
        refuse(_("--size is {size}: choose a multiple of {step}").format(size=size, step=SIDE_STEP))
    try:
        opened = open_parts(model, passes)  # type: ignore[arg-type]  # checked above
        given = read_pictures(pictures or held_out_folder(opened.folder), count, size, opened.size)
    except ValueError as error:
        refuse(str(error))
    perceptual = local_lpips()
    with progress_bars() as progress:
        bar = progress.add_task(_("Pictures there and back"), total=len(given.about))
        results = tuple(
            reconstruct(opened.parts, given, lambda done, total: progress.update(bar, completed=done), perceptual)
        )
    measured = TransparencyReport(opened.name, passes, results, run_probes(opened.parts, given.pictures.shape[-1]))
    title = _("{count} pictures of {size} pixels there and back").format(count=len(results), size=picture_size(results))
    console.print(figures_table(title, reconstruction_figures(results)))
    console.print(figures_table(_("Known failures"), probe_checks(measured.probes)))
    if perceptual is None:
        console.print(_("LPIPS was left out: its networks are not on this computer."), style="dim")
    finish(console, json_file, transparency_json(measured), lambda: write_transparency_report(measured, report))
