"""A command for each layer mode that works on more than words: `scene`, `background`, `refine`, …"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from acetate.cli.options import Options, SeveralLayers, takes_options
from acetate.cli.run_mode import default_outputs, run_and_save
from acetate.i18n import tr as _

REFINE_STRENGTH = 0.5
"""How much a layer changes when it is refined, where nothing else is said."""

Prompt = Annotated[str | None, typer.Argument(metavar="PROMPT", help=_("What is to be seen."), show_default=False)]
Blend = Annotated[
    bool | None,
    typer.Option(
        "--blend/--no-blend", help=_("Whether to write the picture of both together too."), show_default=False
    ),
]
Strength = Annotated[
    float | None,
    typer.Option(help=_("How much the layer may change: 0 is not at all, 1 is all."), show_default=False),
]


def input_option(role: str, words: str) -> Any:
    """An option for a picture file."""
    return typer.Option(f"--{role}", metavar="FILE", help=words, show_default=False)


@takes_options
def scene(options: Options, prompts: SeveralLayers, prompt: Prompt = None, blend: Blend = None) -> None:
    """Draw a foreground and a background that fit together."""
    returns = default_outputs("scene") if blend is False else None
    run_and_save("scene", options, {}, prompt=prompt, layer_prompts=prompts.given or None, returns=returns)


@takes_options
def background(
    options: Options,
    prompts: SeveralLayers,
    foreground: Annotated[Path, input_option("foreground", _("The layer that it is to lie behind."))],
    prompt: Prompt = None,
    blend: Blend = None,
) -> None:
    """Draw the background of a given foreground."""
    _beside("background", {"foreground": foreground}, options, prompts, prompt, blend)


@takes_options
def foreground(
    options: Options,
    prompts: SeveralLayers,
    background: Annotated[Path, input_option("background", _("The picture that it is to stand before."))],
    prompt: Prompt = None,
    blend: Blend = None,
) -> None:
    """Draw a transparent layer that fits a given background."""
    _beside("foreground", {"background": background}, options, prompts, prompt, blend)


@takes_options
def extract(
    options: Options,
    prompts: SeveralLayers,
    blend: Annotated[Path, input_option("blend", _("The picture of both together."))],
    foreground: Annotated[
        Path | None, input_option("foreground", _("The layer before; the background is found."))
    ] = None,
    background: Annotated[
        Path | None, input_option("background", _("The picture behind; the foreground is found."))
    ] = None,
    prompt: Prompt = None,
) -> None:
    """Find the missing layer of a picture and one of its layers."""
    pictures = {"blend": blend, "foreground": foreground, "background": background}
    run_and_save("extract", options, pictures, prompt=prompt, layer_prompts=prompts.given or None)


@takes_options
def refine(
    options: Options,
    layer: Annotated[Path, input_option("layer", _("The layer to draw anew."))],
    prompt: Prompt = None,
    strength: Strength = None,
    keep_matte: Annotated[
        bool | None,
        typer.Option(
            "--keep-matte/--no-keep-matte",
            help=_("Draw the colours alone: the layer's alpha stays as it is, to the last bit. (default: no)"),
            show_default=False,
        ),
    ] = None,
) -> None:
    """Draw a transparent layer anew from what it is."""
    if strength is None and options.like is None:
        strength = REFINE_STRENGTH
    run_and_save("refine", options, {"layer": layer}, prompt=prompt, strength=strength, keep_matte=keep_matte)


@takes_options
def inpaint(
    options: Options,
    layer: Annotated[Path, input_option("layer", _("The layer to draw on."))],
    mask: Annotated[Path, input_option("mask", _("Where to draw: white; black stays as it is, to the last bit."))],
    prompt: Prompt = None,
    strength: Strength = None,
) -> None:
    """Draw a part of a transparent layer anew, its alpha too."""
    run_and_save("inpaint", options, {"layer": layer, "mask": mask}, prompt=prompt, strength=strength)


@takes_options
def remove(
    options: Options,
    layer: Annotated[Path, input_option("layer", _("The layer to take from."))],
    mask: Annotated[Path, input_option("mask", _("What is to go: white; black stays as it is, to the last bit."))],
    prompt: Annotated[str | None, typer.Argument(hidden=True)] = None,
) -> None:
    """Take away a part of a layer; what is around it goes on into it, or it becomes clear."""
    run_and_save("remove", options, {"layer": layer, "mask": mask}, prompt=prompt)


@takes_options
def split(
    options: Options,
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help=_("The picture or layer to split."))],
    prompt: Prompt = None,
    layers: Annotated[
        int | None, typer.Option(help=_("How many layers, 1 to 10. (default: as many as are found)"))
    ] = None,
) -> None:
    """Split a picture into layers, which together give exactly that picture."""
    run_and_save("split", options, {"blend": picture}, prompt=prompt, layers=layers)


def _beside(
    mode: str,
    pictures: Mapping[str, Path | None],
    options: Options,
    prompts: SeveralLayers,
    prompt: str | None,
    blend: bool | None,
) -> None:
    """Draw one layer beside a given one, and the blend of both where it is asked for."""
    returns = (*default_outputs(mode), "blend") if blend else default_outputs(mode) if blend is False else None
    run_and_save(mode, options, pictures, prompt=prompt, layer_prompts=prompts.given or None, returns=returns)
