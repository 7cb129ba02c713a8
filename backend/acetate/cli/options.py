"""Options that several commands share, declared once: a command takes them as one value."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from acetate.i18n import tr as _


@dataclass(frozen=True)
class Options:
    """What every command that draws takes. None is the default of the model, of the mode, or of `--like`."""

    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help=_("The file to write: .png, or .ora or .psd for all layers in one document; needed."),
            show_default=False,
        ),
    ] = None
    negative: Annotated[str | None, typer.Option(help=_("What it is not to show."))] = None
    seed: Annotated[int | None, typer.Option(help=_("The number that the drawing starts from. (default: random)"))] = (
        None
    )
    count: Annotated[
        int, typer.Option(help=_("How many times, each from the next seed: FILE-1.png, FILE-2.png, …"))
    ] = 1
    size: Annotated[
        str | None,
        typer.Option(
            metavar="N|WxH", help=_("The size in pixels. (default: a given picture's, else what the model learned)")
        ),
    ] = None
    fill: Annotated[
        bool | None,
        typer.Option(
            "--fill/--no-fill",
            help=_("Draw over the whole size, whatever its shape; work on all of a given picture. (default: no)"),
            show_default=False,
        ),
    ] = None
    detail: Annotated[
        float | None,
        typer.Option(help=_("How strongly a size over the model's is drawn over once more, 0 to 1. (default: 0)")),
    ] = None
    steps: Annotated[int | None, typer.Option(help=_("Steps from noise to picture. (default: the model's own)"))] = None
    guidance: Annotated[
        float | None,
        typer.Option(help=_("How closely to follow the prompt; 1 disables guidance. (default: the model's own)")),
    ] = None
    sampler: Annotated[
        str | None,
        typer.Option(help=_("The way from noise to picture; see acetate samplers. (default: the model's own)")),
    ] = None
    clip_skip: Annotated[
        int | None,
        typer.Option(
            help=_("The layer of the text encoder that is read, from the last, 1; often 2. (default: the model's own)")
        ),
    ] = None
    model: Annotated[str | None, typer.Option(help=_("The model to draw with. (default: starter)"))] = None
    transparency: Annotated[
        float | None,
        typer.Option(help=_("How strongly the layer files change the model, 0 to 2. (default: 1)")),
    ] = None
    stop_at: Annotated[
        float | None,
        typer.Option(help=_("The share of the noise after which the plain model goes on. (default: each step's own)")),
    ] = None
    lora: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=WEIGHT]", help=_("A LoRA file to apply, by name or path; may be repeated.")),
    ] = None
    control: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND[*WEIGHT]=FILE",
            help=_("A picture that steers, as in edge=outline.png or edge:edges=layer.png; may be repeated."),
        ),
    ] = None
    passes: Annotated[
        int | None,
        typer.Option(
            help=_("Views that the edges are taken from: 1, 2, 4 or 8; more is cleaner. (default: the model's own)")
        ),
    ] = None
    however_long: Annotated[
        bool, typer.Option("--however-long", help=_("Also draw what takes hours on this computer."))
    ] = False
    like: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help=_("Make this layer again; options given beside it change it.")),
    ] = None
    preview: Annotated[
        bool, typer.Option("--preview", help=_("Also write the layer over checker, black and white."))
    ] = False


@dataclass(frozen=True)
class SeveralLayers:
    """What commands take that draw more than one layer."""

    foreground_prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help=_("What the foreground is to show. (default: the prompt)"))
    ] = None
    background_prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help=_("What the background is to show. (default: the prompt)"))
    ] = None
    blend_prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help=_("What both together are to show. (default: the prompt)"))
    ] = None

    @property
    def given(self) -> dict[str, str]:
        """The prompts that were given, by role."""
        roles = ("foreground", "background", "blend")
        prompts = {role: getattr(self, f"{role}_prompt") for role in roles}
        return {role: prompt for role, prompt in prompts.items() if prompt is not None}


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the fields of its option values as options of its own."""
    hints = get_type_hints(command, include_extras=True)
    shared: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    own = [each for each in inspect.signature(command).parameters.values() if each.name not in shared]
    parameters = [_keyword(each.name, each.default, hints[each.name]) for each in own]
    for kind in shared.values():
        of_kind = get_type_hints(kind, include_extras=True)
        parameters += [_keyword(field.name, field.default, of_kind[field.name]) for field in fields(kind)]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        values = {
            name: kind(**{field.name: given.pop(field.name) for field in fields(kind)}) for name, kind in shared.items()
        }
        command(**given, **values)

    named = {parameter.name: parameter.annotation for parameter in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {**named, "return": None}
    return run


def _keyword(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
