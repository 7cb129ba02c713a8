"""`acetate evaluate generation`: what a model draws from prompts, judged by its own data."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import platformdirs
import typer
from acetate.cli.json_output import JsonOption, refuse
from acetate.i18n import tr as _
from rich.console import Console

from acetate_lab.cli.reports import (
    PassesOption,
    ReportOption,
    SeedOption,
    figures_table,
    finish,
    prepare,
    progress_bars,
)

if TYPE_CHECKING:
    from acetate_lab.evaluation.classifier.reference_data import ReferenceData
    from acetate_lab.evaluation.generation.generator import Generate
    from acetate_lab.training.starter.dataset import PictureSet

GLANCE = 32
"""Every so manieth pixel tells pictures of the same names apart."""


def generation(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=_("A model's name, or the folder of one."))],
    report: ReportOption = Path("generation-report"),
    json_file: JsonOption = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help=_("What it learned from: a data set, or any folder of pictures; else the starter's."),
        ),
    ] = None,
    layers: Annotated[int, typer.Option(min=2, help=_("How many layers to draw, spread over all things."))] = 192,
    colours: Annotated[bool, typer.Option(help=_("Also draw twelve things in six colours."))] = True,
    aspects: Annotated[
        int, typer.Option(min=0, help=_("How many of them to draw again at each of 16:9, 3:2, 1:√2 and 9:16."))
    ] = 24,
    judge: Annotated[
        Path | None, typer.Option("--judge", metavar="DIR", help=_("Where the judge is kept; else in the cache."))
    ] = None,
    judge_steps: Annotated[
        int | None, typer.Option(min=1, help=_("Steps of the judge's training; else by how many things it must tell."))
    ] = None,
    seed: SeedOption = 0,
    passes: PassesOption = 8,
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, max=1000, help=_("Steps from noise to picture. (default: the model's own)")),
    ] = None,
) -> None:
    """Judge layers drawn from prompts: subject, colour, copies, and whether their alpha is like the data's.

    The judge is a small classifier trained on the same data, once: it takes minutes. What is stopped goes on: the
    judge's training, and the layers, which are kept beside the report until it is written.
    """
    console = prepare(report, json_file, passes)
    log_console = Console(stderr=True, highlight=False)
    from acetate_lab.evaluation.classifier.training import classifier_for, judged_examples, usual_steps
    from acetate_lab.evaluation.generation.generator import generator
    from acetate_lab.evaluation.generation.measure import colour_things_for, evaluate_generation, prompts_for
    from acetate_lab.evaluation.generation.report import write_generation_report
    from acetate_lab.evaluation.generation.resume import ResumableGeneration, drawn_by
    from acetate_lab.evaluation.generation.summary import generation_figures, generation_json
    from acetate_lab.evaluation.installed import open_store
    from acetate_lab.evaluation.transparency.model_loading import held_out_folder
    from acetate_lab.metrics.held_out import read_held_out
    from acetate_lab.training.packages import PackageError
    from acetate_lab.training.starter.colours import dominant_colour
    from acetate_lab.training.starter.export import VIEW

    try:
        store, name = open_store(model)
        opened = store.get(name)
        reference_data = _data(data, log_console)
        held_out = reference_data.held_out or read_held_out(held_out_folder(opened.spec.folder)).coverage
        teaching = judge_steps or usual_steps(reference_data.pictures)
        classifier_folder = judge or _classifier_folder(reference_data.pictures, teaching)
        judging = classifier_for(
            reference_data.pictures, classifier_folder, teaching, lambda line: log_console.log(line)
        )
        examples = judged_examples(reference_data.pictures, opened.spec.full_size, VIEW)
        known = None if opened.vocabulary is None else set(opened.vocabulary.things.values())
        cases = prompts_for(None if reference_data.taught else known, examples, layers)
    except (ValueError, PackageError) as error:
        refuse(str(error))
    things = colour_things_for(set(examples.things) if reference_data.taught else known) if colours else ()

    def draws(aspect: float = 1.0) -> Generate:
        return generator(store, name, passes, aspect, steps)  # type: ignore[arg-type]  # checked by `prepare`

    unfinished = ResumableGeneration(report, drawn_by(opened.spec, passes, steps))
    if unfinished.found:
        log_console.log(_("{count} layers are there from before").format(count=unfinished.found))
    with progress_bars() as progress:
        bars = {
            "layers": progress.add_task(_("Generated layers"), total=len(cases)),
            "colours": progress.add_task(_("Asked colours"), total=None, visible=bool(things)),
            "aspects": progress.add_task(_("Other shapes"), total=None, visible=aspects > 0),
        }
        measured = evaluate_generation(
            draws(),
            examples,
            judging,
            dominant_colour,
            cases,
            things,
            held_out,
            model=model,
            seed=seed,
            report=lambda stage, done, total: progress.update(bars[stage], completed=done, total=total),
            keep=unfinished,
            generate_at=draws,
            aspect_layers=aspects,
        )
    title = _("{count} generated layers of {size} pixels").format(count=len(cases), size=measured.size)
    figures = generation_figures(measured)
    console.print(figures_table(title, figures))
    if any(figure.key == "judge" and not figure.met for figure in figures):
        console.print(_("The judge itself is often wrong: teach it longer with --judge-steps."), style="yellow")
    finish(console, json_file, generation_json(measured), lambda: write_generation_report(measured, report))
    unfinished.finished()


def _data(data: Path | None, log_console: Console) -> ReferenceData:
    """The data of a model: as a training stored it, or any folder of pictures; without a folder the starter's."""
    from acetate_lab.evaluation.classifier.reference_data import ReferenceData, open_reference_data
    from acetate_lab.training.starter.dataset import build_pictures

    if data is None:
        cache = platformdirs.user_cache_path("acetate")
        return ReferenceData(
            build_pictures(cache / "starter-data", cache / "packages", lambda line: log_console.log(line))
        )
    if not data.is_dir():
        raise ValueError(_("--data {path}: there is no such folder").format(path=data))
    return open_reference_data(data)


def _classifier_folder(pictures: PictureSet, steps: int) -> Path:
    """Where the judge of this data and length is kept: other data never meets it."""
    records = [(record.name, record.set, record.use) for record in pictures.records]
    digest = hashlib.sha256(repr((records, pictures.pictures.shape, steps)).encode())
    digest.update(pictures.pictures[:, ::GLANCE, ::GLANCE].tobytes())
    return platformdirs.user_cache_path("acetate") / "judges" / digest.hexdigest()[:16]
