"""`acetate evaluate …`: how good a model is, in figures and pictures; a module for each command."""

from __future__ import annotations

import typer
from acetate.i18n import tr as _

app = typer.Typer(no_args_is_help=True, help=_("Measure how good a model is, and write a report with pictures."))

# Below, since these import `acetate.cli`, which loads `app` by its entry point.
from acetate_lab.cli.evaluate.cutout import cutout  # noqa: E402
from acetate_lab.cli.evaluate.generation import generation  # noqa: E402
from acetate_lab.cli.evaluate.scenes import scenes  # noqa: E402
from acetate_lab.cli.evaluate.starter import starter  # noqa: E402
from acetate_lab.cli.evaluate.transparency import transparency  # noqa: E402

for command in (starter, transparency, generation, cutout, scenes):
    app.command()(command)
