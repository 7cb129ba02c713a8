"""`acetate evaluate cutout`: native layers against layers that were cut out of flat pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from acetate.cli.json_output import JsonOption, refuse
from acetate.i18n import tr as _

from acetate_lab.cli.reports import PassesOption, ReportOption, figures_table, finish, prepare, progress_bars

if TYPE_CHECKING:
    from torch import Tensor

    from acetate_lab.evaluation.cutout.measure import Subject

SOFT_KINDS = {
    "hair": ("hair tuft", "fur ball", "feather", "dandelion clock"),
    "glass": ("drinking glass", "glass bottle", "soap bubble", "ice cube"),
    "smoke": ("smoke plume", "steam", "fog bank", "ink in water"),
    "fire": ("flame", "burning match", "candle flame", "torch fire"),
}
SCENES = ("meadow", "brick wall", "night sky", "wooden table", "forest", "city street")
SCREENS = {"green screen": (0.0, 0.7, 0.25), "white": (1.0, 1.0, 1.0)}
UNSEEN = 1000
"""Renders from this number on are of no training."""


def cutout(
    model: Annotated[
        str, typer.Option("--model", help=_("A model's name, or a folder with a vae and its transparency."))
    ] = "starter",
    report: ReportOption = Path("cutout-report"),
    json_file: JsonOption = None,
    each: Annotated[int, typer.Option(min=1, help=_("How many subjects of each kind."))] = 4,
    backgrounds: Annotated[
        int, typer.Option(min=1, max=len(SCENES) + len(SCREENS), help=_("How many backgrounds for each subject."))
    ] = 6,
    size: Annotated[
        int | None, typer.Option(min=64, metavar="PIXELS", help=_("Side of the pictures; else the model's own."))
    ] = None,
    passes: PassesOption = 8,
) -> None:
    """Compare native layers with cut-outs of the same pictures: hard edges, hair, glass, smoke and fire."""
    console = prepare(report, json_file, passes)
    if size is not None and size % 64:
        refuse(_("--size is {size}: choose a multiple of {step}").format(size=size, step=64))
    # Not first needed when half of the pictures are made.
    import pymatting  # noqa: F401

    import acetate_lab.synthetic.soft  # noqa: F401
    from acetate_lab.evaluation.cutout.measure import evaluate_cutout
    from acetate_lab.evaluation.cutout.methods import cut_out_methods
    from acetate_lab.evaluation.cutout.report import write_cutout_report
    from acetate_lab.evaluation.cutout.summary import chosen, cutout_json, method_figures, method_names
    from acetate_lab.evaluation.transparency.model_loading import held_out_folder, open_parts

    try:
        opened = open_parts(model, passes)  # type: ignore[arg-type]  # checked above
        side = size or opened.size
        subjects = tuple(_subjects(held_out_folder(opened.folder), each, side))
    except ValueError as error:
        refuse(str(error))
    under, methods = dict(_backgrounds(backgrounds, side)), cut_out_methods()
    with progress_bars() as progress:
        bar = progress.add_task(_("Subjects, native and cut out"), total=len(subjects))
        results = tuple(
            evaluate_cutout(
                opened.parts, subjects, under, methods, lambda done, total: progress.update(bar, completed=done)
            )
        )
    for method in method_names(results):
        console.print(figures_table(method, method_figures(chosen(results, method))))
    if "rembg" not in methods:
        console.print(_("rembg was left out: it or its weights are not on this computer."), style="dim")
    finish(
        console,
        json_file,
        cutout_json(opened.name, results),
        lambda: write_cutout_report(opened.name, results, under, report),
    )


def _subjects(held_out: Path, each: int, size: int) -> Iterator[Subject]:
    """Held-out pictures with hard edges, and renders of soft subjects that no training saw."""
    import numpy as np

    from acetate_lab.evaluation.cutout.measure import Subject
    from acetate_lab.evaluation.image_folder import read_pictures, spread
    from acetate_lab.synthetic.soft import SOFT_SUBJECTS

    given = read_pictures(held_out, UNSEEN, size)
    # One picture of each thing: the same in another style would say the same again.
    hard = list({about.name: index for index, about in enumerate(given.about) if about.kind == "hard"}.values())
    for index in spread(len(hard), each):
        yield Subject(given.about[hard[index]].name, "hard edge", given.pictures[hard[index]])
    for kind, names in SOFT_KINDS.items():
        for number in range(each):
            name = names[number % len(names)]
            rendered = SOFT_SUBJECTS[name].render(np.random.default_rng((UNSEEN, number)), size)
            yield Subject(name, kind, _tensor(rendered.picture))


def _backgrounds(count: int, size: int) -> Iterator[tuple[str, Tensor]]:
    """Plain screens and drawn scenes by turns."""
    import numpy as np
    import torch

    from acetate_lab.synthetic.backgrounds import BACKDROPS

    plain = [(name, torch.tensor(colour).view(3, 1, 1).expand(3, size, size)) for name, colour in SCREENS.items()]
    scenes = [
        (name, _tensor(BACKDROPS[name].render(np.random.default_rng(UNSEEN), size)[0])[:3]) for name in SCENES[:count]
    ]
    yield from [*plain, *scenes][:count]


def _tensor(pixels: object) -> Tensor:
    import torch

    return torch.tensor(pixels).permute(2, 0, 1).float() / 255
