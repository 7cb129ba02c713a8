"""A command for each layer mode that works on more than words: `scene`, `background`, `refine`, …"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from acetate_wire.modes import MODES
from acetate_wire.request import output_roles

from acetate.cli.adapter_options import control_file
from acetate.cli.console import echo
from acetate.cli.options import Options, SeveralLayers, takes_options
from acetate.cli.output_files import Output
from acetate.cli.request_builder import build_request
from acetate.cli.submit import drawing
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
) -> None:
    """Draw a transparent layer anew from what it is."""
    if strength is None and options.like is None:
        strength = REFINE_STRENGTH
    run_and_save("refine", options, {"layer": layer}, prompt=prompt, strength=strength)


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


def default_outputs(mode: str) -> tuple[str, ...]:
    """What a mode brings back, but the blend."""
    return tuple(role for role in MODES[mode].outputs if role != "blend")


def run_and_save(mode: str, options: Options, pictures: Mapping[str, Path | None], **changes: Any) -> None:
    """Have the daemon draw what the options mean, and write it; see `asking.build_request` for `changes`."""
    asked = build_request(mode, options, pictures, **changes)
    roles = output_roles(asked.request)
    inputs = [path for path in pictures.values() if path is not None] + list(map(control_file, options.control or ()))
    output = Output.checked(options.output, options.count, roles, options.preview, inputs)
    if asked.area is not None:
        echo(asked.area.told(), err=True)
    started = time.monotonic()
    whole_scene = {role: pixels for role, pixels in asked.whole.items() if role not in ("layer", "mask")}
    with drawing() as open_drawing:
        output.save_all(asked.placed(open_drawing.draw(asked.request, asked.frames)), whole_scene)
    echo(_("Done in {seconds:.1f} s.").format(seconds=time.monotonic() - started))


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
