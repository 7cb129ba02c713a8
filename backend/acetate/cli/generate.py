"""`acetate generate`: a transparent layer from a prompt, or several on top of each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from acetate_wire.errors import AcetateError

from acetate.cli.elements import ElementOptions
from acetate.cli.options import Options, takes_options
from acetate.cli.run_mode import run_and_save
from acetate.i18n import tr as _


@takes_options
def generate(
    options: Options,
    element: ElementOptions,
    prompts: Annotated[
        list[str] | None, typer.Argument(metavar="PROMPT", help=_("What the layer is to show."), show_default=False)
    ] = None,
    stack: Annotated[
        bool,
        typer.Option(
            "--stack",
            help=_("Draw a layer for each of several prompts, every one over those before, and a background."),
        ),
    ] = False,
    background: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=_("With --stack: the picture to stack on. (default: a new background)")),
    ] = None,
    background_prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help=_("With --stack: what a new background is to show."))
    ] = None,
) -> None:
    """Draw a transparent layer and write it as a PNG, which remembers how it was made."""
    if stack:
        layers = _stacked(options, prompts)
        behind = layers[0] if background is None else ""
        given = {"background": background}
        run_and_save("stack", options, given, prompt=background_prompt or behind, stack=layers)
        return
    if background is not None or background_prompt is not None:
        field = "background" if background is not None else "background_prompt"
        raise AcetateError(
            "bad_request", f"{field} belongs to --stack", field=field, hint=_("add --stack, or leave it out")
        )
    if len(prompts or ()) > 1:
        raise AcetateError(
            "bad_request",
            f"there are {len(prompts or ())} prompts for one layer",
            field="prompt",
            hint=_("quote the prompt as one, or add --stack for a layer of each"),
        )
    run_and_save("text", options, {"mask": element.mask}, element, prompt=prompts[0] if prompts else None)


def _stacked(options: Options, prompts: list[str] | None) -> tuple[str, ...]:
    """What the layers of a stack are to show, from below."""
    if not prompts:
        raise AcetateError(
            "bad_request",
            _("there is no prompt"),
            field="prompt",
            hint=_('name the layers from below, as in: acetate generate --stack "a table" "a candle" -o stack.ora'),
        )
    for field, wrong in {"like": options.like is not None, "control": bool(options.control)}.items():
        if wrong:
            raise AcetateError("bad_request", f"--stack takes no --{field}", field=field, hint=_("leave it out"))
    return tuple(prompts)
