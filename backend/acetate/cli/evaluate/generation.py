"""`acetate evaluate generation`: what a model draws from prompts, judged by its own data."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import platformdirs
import typer
from rich.console import Console

from acetate.cli.reports import (
    JsonOption,
    PassesOption,
    ReportOption,
    SeedOption,
    figures_table,
    finish,
    prepare,
    progress_bars,
    refuse,
)
from acetate.messages import tr as _

if TYPE_CHECKING:
    from acetate.training.starter.pictures import PictureSet


def generation(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=_("A model's name, or the folder of one."))],
    report: ReportOption = Path("generation-report"),
    json_file: JsonOption = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help=_("The pictures that it learned from; else the starter's, built when missing."),
        ),
    ] = None,
    layers: Annotated[int, typer.Option(min=2, help=_("How many layers to draw, spread over all things."))] = 192,
    colours: Annotated[bool, typer.Option(help=_("Also draw twelve things in six colours."))] = True,
    judge: Annotated[
        Path | None, typer.Option("--judge", metavar="DIR", help=_("Where the judge is kept; else in the cache."))
    ] = None,
    judge_steps: Annotated[
        int, typer.Option(min=1, help=_("Steps of the judge's training, the first time it is needed."))
    ] = 600,
    seed: SeedOption = 0,
    passes: PassesOption = 8,
) -> None:
    """Judge layers drawn from prompts: subject, colour, copies, and whether their alpha is like the data's.

    The judge is a small classifier trained on the same data, once: it takes minutes, and goes on when it was stopped.
    """
    console = prepare(report, json_file, passes)
    say = Console(stderr=True, highlight=False)
    try:
        # With the training's libraries missing, this is where they would first be asked for.
        from acetate.training.judge import judge_for, judged_examples
        from acetate.training.packages import PackageError
        from acetate.training.starter.colours import dominant_colour
        from acetate.training.starter.latents import VIEW
    except ImportError as error:
        refuse(_("{name} is missing: install Acetate with its training tools (acetate[train])").format(name=error.name))
    from acetate.evaluation.drawing import drawer
    from acetate.evaluation.generation.figures import generation_figures, generation_json
    from acetate.evaluation.generation.measure import colour_things_for, evaluate_generation, prompts_for
    from acetate.evaluation.generation.report import write_generation_report
    from acetate.evaluation.held_out import read_held_out
    from acetate.evaluation.installed import open_store
    from acetate.evaluation.transparency.opened import held_out_folder

    try:
        store, name = open_store(model)
        opened = store.get(name)
        stated = read_held_out(held_out_folder(opened.entry.folder)).coverage
        pictures = _pictures(data, say)
        kept = judge or _kept_judge(pictures, judge_steps)
        judging = judge_for(pictures, kept, judge_steps, lambda line: say.log(line))
        examples = judged_examples(pictures, opened.entry.full_size, VIEW)
        known = None if opened.vocabulary is None else sorted(set(opened.vocabulary.things.values()))
        prompts = prompts_for(known, examples, layers)
    except (ValueError, PackageError) as error:
        refuse(str(error))
    things = colour_things_for(known) if colours else ()
    with progress_bars() as progress:
        bars = {
            "layers": progress.add_task(_("Generated layers"), total=len(prompts)),
            "colours": progress.add_task(_("Asked colours"), total=None, visible=bool(things)),
        }
        measured = evaluate_generation(
            drawer(store, name, passes),  # type: ignore[arg-type]  # checked above
            examples,
            judging,
            dominant_colour,
            prompts,
            things,
            stated,
            model=model,
            seed=seed,
            report=lambda stage, done, total: progress.update(bars[stage], completed=done, total=total),
        )
    console.print(figures_table(_("{count} generated layers").format(count=len(prompts)), generation_figures(measured)))
    finish(console, json_file, generation_json(measured), lambda: write_generation_report(measured, report))


def _pictures(data: Path | None, say: Console) -> PictureSet:
    """The data of a model: as a training stored it, or any folder of pictures; without a folder the starter's."""
    from acetate.training.judge import folder_pictures
    from acetate.training.starter.pictures import build_pictures, open_pictures

    if data is None:
        cache = platformdirs.user_cache_path("acetate")
        return build_pictures(cache / "starter-data", cache / "packages", lambda line: say.log(line))
    if not data.is_dir():
        raise ValueError(_("--data {path}: there is no such folder").format(path=data))
    return open_pictures(data) if (data / "records.json").is_file() else folder_pictures(data)


def _kept_judge(pictures: PictureSet, steps: int) -> Path:
    """Where the judge of this data and length is kept: other data never meets it."""
    told = [(record.name, record.set, record.use) for record in pictures.records]
    digest = hashlib.sha256(repr((told, pictures.pictures.shape, steps)).encode()).hexdigest()
    return platformdirs.user_cache_path("acetate") / "judges" / digest[:16]
