"""`acetate data …`: data sets of transparent pictures, made, drawn and reviewed on this computer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from acetate.i18n import tr as _
from rich.console import Console

app = typer.Typer(no_args_is_help=True, help=_("Make data sets to train on; docs/training.md tells how."))

DataSet = Annotated[Path, typer.Argument(metavar="DATA", help=_("The data set's folder."))]
Licence = Annotated[str, typer.Option(help=_("The licence of pictures whose own files do not tell it."))]


@app.command()
def build(
    data: DataSet,
    pictures: Annotated[
        list[Path],
        typer.Argument(help=_("Folders, archives (.zip, .tar), documents (.psd, .ora, .kra, .blend) or pictures.")),
    ],
    licence: Licence = "unknown",
    side: Annotated[int, typer.Option(min=1, help=_("The least size in pixels of what is visible."))] = 64,
    largest: Annotated[int, typer.Option(min=64, help=_("Larger pictures are stored at this size in pixels."))] = 1024,
    held_out: Annotated[
        float, typer.Option(min=0, max=0.9, help=_("The share of subjects that is kept for measuring."))
    ] = 0.05,
    pending: Annotated[
        bool, typer.Option("--pending", help=_("Learn from these only after acetate data review has kept them."))
    ] = False,
) -> None:
    """Collect transparent pictures: filtered, captioned, without look-alikes, each with its licence."""
    from acetate_lab.data.build import BuildSettings
    from acetate_lab.data.build import build as run
    from acetate_lab.data.filters import Filter

    console = Console()
    settings = BuildSettings(Filter(side), licence, held_out, largest, pending)
    built = run(data, pictures, settings, lambda line: console.log(line, highlight=False))
    entries = built.collection.entries
    kept_back = sum(entry.split == "held_out" for entry in entries)
    console.print(
        _("{added} pictures added; {data} has {all}, {held} of them held out").format(
            added=built.added, data=data, all=len(entries), held=kept_back
        ),
        highlight=False,
    )
    for reason, count in built.refused.most_common():
        console.print(_("not taken: {count} ({reason})").format(count=count, reason=reason), highlight=False)
    if built.unreadable:
        console.print(_("could not be read: {count}, named above").format(count=len(built.unreadable)), highlight=False)
    if built.unlicensed:
        console.print(
            _("{count} pictures have no known licence: give it with --licence, or in .json files beside them").format(
                count=built.unlicensed
            ),
            highlight=False,
        )


@app.command()
def layers(
    data: DataSet,
    pictures: Annotated[Path, typer.Argument(help=_("A data set of transparent pictures."))],
    backgrounds: Annotated[list[Path], typer.Argument(help=_("Folders of opaque pictures."))],
    count: Annotated[int, typer.Option(min=1, help=_("How many scenes."))] = 1000,
    size: Annotated[int, typer.Option(min=64, help=_("Their side in pixels."))] = 512,
    licence: Licence = "unknown",
    seed: Annotated[int, typer.Option(min=0, help=_("Another seed, other scenes."))] = 0,
) -> None:
    """Make scenes: a foreground, a background and both blended, for training layers."""
    from acetate_lab.data.collection import open_collection
    from acetate_lab.data.scenes import build_scenes

    console = Console()
    made = build_scenes(
        data,
        open_collection(pictures),
        backgrounds,
        count,
        size,
        licence,
        seed,
        lambda line: console.log(line, highlight=False),
    )
    console.print(_("{data} has {count} scenes").format(data=data, count=len(made.entries)), highlight=False)


@app.command()
def render(
    folder: Annotated[Path, typer.Argument(help=_("Where the pictures go."))],
    subjects: Annotated[
        list[str] | None, typer.Argument(help=_("fire, fur-ball, glass-ball, glass-bottle, glow, …; all by default."))
    ] = None,
    count: Annotated[int, typer.Option(min=1, help=_("How many of each subject."))] = 20,
    size: Annotated[int, typer.Option(min=32, max=4096, help=_("Their side in pixels."))] = 512,
    samples: Annotated[int, typer.Option(min=1, help=_("Light paths a pixel: more is slower and less noisy."))] = 64,
    seed: Annotated[int, typer.Option(min=0, help=_("Another seed, other pictures."))] = 0,
    blender: Annotated[
        Path | None, typer.Option(help=_("Blender, or a Python with the module bpy; else the one on the path."))
    ] = None,
) -> None:
    """Render soft subjects with exact alpha in Blender: glass, hair, fur, smoke, fire, glows, thin leaves."""
    from acetate_lab.data.rendering.render import SUBJECTS
    from acetate_lab.data.rendering.render import render as run

    console = Console()
    paths = run(
        folder,
        subjects or SUBJECTS,
        count,
        size,
        samples,
        seed,
        blender,
        lambda line: console.log(line, highlight=False),
    )
    console.print(_("{count} pictures are in {folder}").format(count=len(paths), folder=folder), highlight=False)


@app.command()
def review(
    data: DataSet,
    port: Annotated[int, typer.Option(min=0, max=65535, help=_("The port on this computer; 0 takes a free one."))] = 0,
    browser: Annotated[bool, typer.Option(help=_("Open the page at once."))] = True,
) -> None:
    """Look through a data set in the browser: keep, drop, or correct the caption, all by keyboard."""
    import webbrowser

    from acetate_lab.data.review.review_server import ReviewServer

    with ReviewServer(data, port) as server:
        Console().print(_("Review at {address} (Ctrl+C ends it)").format(address=server.address), soft_wrap=True)
        if browser:
            webbrowser.open(server.address)
        server.serve()
