"""`acetate plugins build` and `acetate plugins install`: the docker for Krita and the add-on for Blender."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acetate.cli.console import echo
from acetate.i18n import tr as _
from acetate.plugin_packaging import EDITORS, packager

app = typer.Typer(help=_("Build or install the plug-ins for Krita and Blender."), no_args_is_help=True)
Editor = Annotated[str, typer.Argument(metavar="|".join(EDITORS), help=_("Which editor it is for."))]


@app.command()
def build(
    editor: Editor,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help=_("The folder that the packages go to."))
    ] = Path("dist"),
) -> None:
    """Pack a plug-in into files that the editor itself can install."""
    for path in packager(editor).build(output):
        echo(path)


@app.command()
def install(editor: Editor) -> None:
    """Put a plug-in into this user's editor; start the editor again afterwards."""
    echo(_("Installed in {folder}.").format(folder=packager(editor).install()))
