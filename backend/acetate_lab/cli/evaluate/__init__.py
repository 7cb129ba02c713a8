"""`acetate evaluate …`: how good a model is, in figures and pictures; a module for each command."""

from __future__ import annotations

import typer
from acetate.i18n import tr as _

from acetate_lab.cli.evaluate.cutout import cutout
from acetate_lab.cli.evaluate.generation import generation
from acetate_lab.cli.evaluate.scenes import scenes
from acetate_lab.cli.evaluate.starter import starter
from acetate_lab.cli.evaluate.transparency import transparency

app = typer.Typer(no_args_is_help=True, help=_("Measure how good a model is, and write a report with pictures."))


for command in (starter, transparency, generation, cutout, scenes):
    app.command()(command)
