"""`acetate generate`: a transparent layer from a prompt, as a PNG."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from acetate_wire.errors import WireError
from acetate_wire.request import LayerRequest, Rect

import acetate
from acetate.cli.drawing import Drawn, draw
from acetate.layers import check
from acetate.messages import tr as _
from acetate.models.catalogue import Catalogue
from acetate.models.vocabulary import load_vocabulary

SIZE = re.compile(r"(\d{1,9})(?:[xX×](\d{1,9}))?")


def generate(
    prompt: Annotated[
        str | None, typer.Argument(metavar="PROMPT", help=_("What the layer is to show."), show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.png", help=_("The PNG to write; needed."), show_default=False),
    ] = None,
    negative: Annotated[str | None, typer.Option(help=_("What it is not to show."))] = None,
    seed: Annotated[
        int | None, typer.Option(help=_("The number that the drawing starts from. [default: drawn by lot]"))
    ] = None,
    count: Annotated[
        int, typer.Option(help=_("How many layers, each from the next seed: FILE-1.png, FILE-2.png, …"))
    ] = 1,
    size: Annotated[
        str | None,
        typer.Option(metavar="N|WxH", help=_("The size in pixels. [default: what the model learned]")),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help=_("Steps from noise to picture. [default: the model's own]"))
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(help=_("How closely to follow the prompt; 1 is not at all pressed. [default: the model's own]")),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(help=_("The way from noise to picture; see acetate samplers. [default: the model's own]")),
    ] = None,
    model: Annotated[str | None, typer.Option(help=_("The model to draw with. [default: starter]"))] = None,
    passes: Annotated[
        int | None,
        typer.Option(help=_("Views that the edges are taken from: 1, 2, 4 or 8; more is cleaner. [default: 8]")),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help=_("Make this layer again; options given beside it change it.")),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help=_("Also write the layer over checker, black and white."))
    ] = False,
) -> None:
    """Draw a transparent layer and write it as a PNG, which remembers how it was made."""
    given = {
        "prompt": prompt,
        "negative": negative,
        "seed": seed,
        "steps": steps,
        "guidance": guidance,
        "sampler": sampler,
        "model": model,
        "passes": passes,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    catalogue = Catalogue()
    request = replace(_base(like, catalogue, changes), count=count, **changes)
    if size is not None:
        width, height = parse_size(size)
        request = replace(request, canvas=(width, height), target=Rect(0, 0, width, height))
    request = check(request, catalogue)
    paths = _output(output, count, preview)
    _warn_of_unknown_words(request, catalogue)
    started = time.monotonic()
    layers = draw(request)
    _save(layers, paths, preview)
    for layer, path in zip(layers, paths, strict=True):
        settings = layer.settings
        typer.echo(
            _("{path}: {width} x {height} pixels, seed {seed}").format(
                path=path, width=settings.width, height=settings.height, seed=settings.seed
            )
        )
    typer.echo(_("Done in {seconds:.1f} s.").format(seconds=time.monotonic() - started))


def parse_size(text: str) -> tuple[int, int]:
    """Width and height out of `N` or `WxH`. Raises WireError when it is neither; ranges are checked later."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise WireError("bad_request", f"size is {text!r}", field="size", hint="give one number, 512, or two, 640x480")
    width = int(match[1])
    height = int(match[2] or width)
    for side in (width, height):
        if side < 1:
            raise WireError("bad_request", f"size {text} has no pixels", field="size", hint="give 1 or more")
    return width, height


def _base(like: Path | None, catalogue: Catalogue, changes: dict[str, Any]) -> LayerRequest:
    """The request that options change: another layer's, or one of the model's own size."""
    if like is None:
        if "prompt" not in changes:
            raise WireError(
                "bad_request",
                _("there is no prompt"),
                field="prompt",
                hint=_('say what the layer is to show, as in: acetate generate "a red apple" -o apple.png'),
            )
        name = changes.get("model", "starter")
        side = catalogue.entry(name).native_size
        return LayerRequest("text", (side, side), Rect(0, 0, side, side), prompt="", model=name)
    from acetate.cli.pictures import read_settings

    settings = read_settings(like)
    if settings.version != acetate.__version__:
        typer.echo(
            _("{file} was made by Acetate {version}; this version may draw it differently").format(
                file=like, version=settings.version
            ),
            err=True,
        )
    return settings.request()


def _output(path: Path | None, count: int, preview: bool) -> tuple[Path, ...]:
    """The files to write, all of them found writable."""
    from acetate.cli.pictures import check_writable, output_paths, preview_path

    if path is None:
        raise WireError("bad_request", _("there is no file to write"), field="output", hint=_("add -o FILE.png"))
    paths = output_paths(path, count)
    for each in paths:
        check_writable(each)
        if preview:
            check_writable(preview_path(each))
    return paths


def _warn_of_unknown_words(request: LayerRequest, catalogue: Catalogue) -> None:
    vocabulary = load_vocabulary(catalogue.entry(request.model).folder)
    for unknown in vocabulary.unknown(request.prompt) if vocabulary else ():
        if unknown.nearest:
            text = _("{model} does not know: {word}; nearest: {nearest}")
        else:
            text = _("{model} does not know: {word}")
        typer.echo(text.format(model=request.model, word=unknown.text, nearest=unknown.nearest), err=True)


def _save(layers: tuple[Drawn, ...], paths: tuple[Path, ...], preview: bool) -> None:
    from acetate.cli.pictures import preview_path, save_layer, save_preview

    for layer, path in zip(layers, paths, strict=True):
        save_layer(layer, path)
        if preview:
            save_preview(layer, preview_path(path))
