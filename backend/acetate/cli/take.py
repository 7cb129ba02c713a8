"""`acetate take`: the layers of a job that nobody has fetched, written as the command that asked would have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from acetate_wire.modes import MODES

from acetate.cli.jobs import JobId, find_job
from acetate.cli.run_mode import numbered_roles
from acetate.cli.submit import drawing
from acetate.i18n import tr as _

if TYPE_CHECKING:
    from acetate.cli.submit import ResultLayer

NAME_CHARACTERS = 40
"""How much of a prompt goes into the name of a file."""


def take(
    job: JobId,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help=_("The file to write: .png, or .ora or .psd for all layers in one document. (default: the prompt)"),
            show_default=False,
        ),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help=_("Also write the layer over checker, black and white."))
    ] = False,
) -> None:
    """Write the layers of a job that is done, or wait for them where it is not yet.

    Pictures that the job worked on are not among them, in a document neither.
    """
    from acetate.cli.layer_png import PNG, check_writable
    from acetate.cli.output_files import ENDINGS, Output

    if output is not None:
        check_writable(output, ENDINGS)
    with drawing() as open_drawing:
        found = find_job(open_drawing.session, job)
        layers = open_drawing.take(found["id"])
        roles = _roles(layers, found["mode"])
        samples = len(layers) // len(roles)
        if output is None:
            names = (Path(f"{stem}{PNG}") for stem in _stems(found["prompt"] or found["mode"]))
            output = next(path for path in names if not any(map(Path.exists, Output(path, samples, roles).files)))
        Output.checked(output, samples, roles, preview).save_all(layers)


def _roles(layers: Sequence[ResultLayer], mode: str) -> tuple[str, ...]:
    """The roles of one sample: those of all layers, which come sample by sample, until they begin anew; the frames of a
    loop have one role, and several layers of one role have numbers instead.
    """
    if MODES[mode].several:
        samples = max(1, sum(layer.role == "background" for layer in layers))
        return numbered_roles([layer.role for layer in layers[: len(layers) // samples]])
    element = layers[0].settings.element
    return tuple(dict.fromkeys(layer.role for layer in layers)) * (1 if element is None else element.frames)


def _stems(words: str) -> Iterator[str]:
    """Names for a file out of words: the words themselves, then with numbers from 2."""
    plain = re.sub(r"\W+", "-", words.lower()).strip("-")[:NAME_CHARACTERS].strip("-") or "layer"
    return (plain if number == 1 else f"{plain}-{number}" for number in count(1))
