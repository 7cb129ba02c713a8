"""The `acetate` command: one module for each of its commands."""

from __future__ import annotations

import gc
import logging
import os
import sys
from typing import Annotated

import typer
from acetate_wire.errors import AcetateError
from acetate_wire.logs import LEVEL_VARIABLE

import acetate
from acetate import extensions, logs
from acetate.cli.console import echo
from acetate.cli.lazy_group import LazyGroup
from acetate.i18n import tr as _

app = typer.Typer(
    name="acetate",
    cls=LazyGroup,
    # Plain text: Rich takes as long to import as all else that the help needs.
    rich_markup_mode=None,
    help=_("Transparent picture layers, drawn on this computer."),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
log = logging.getLogger("acetate.cli")


GARBAGE_AFTER = 50_000
"""How many new objects the garbage collector waits for; Python's own 700 are far fewer than a command imports."""
REFUSED = 2
FAILED = 1
REFUSALS = frozenset({"bad_request", "too_large", "unknown_model", "mode_unsupported"})
"""Codes of what was asked wrongly; the others are for what went wrong."""


def _show_version(wanted: bool) -> None:
    if wanted:
        echo(f"acetate {acetate.__version__}")
        raise typer.Exit


@app.callback()
def options(
    log_level: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL", help=_("Tell more: debug, info, warning or error. [default: warning, the daemon's info]")
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", help=_("Show the version and leave."), callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Take the options that stand before any command."""
    if log_level is not None:
        # A daemon that this command starts logs at the same level.
        os.environ[LEVEL_VARIABLE] = log_level
    logs.log_to_stderr(logs.chosen_level("warning"))


def main() -> None:
    """Run the command line. What is wrong is said in one line on standard error, with exit code 2 for bad values."""
    # What is imported stays until the end: looking through it for garbage takes a tenth of a short command's time.
    gc.set_threshold(GARBAGE_AFTER)
    try:
        code = app(standalone_mode=False, prog_name="acetate")
    except AcetateError as error:
        log.debug("the command failed", exc_info=True)
        code = _complain(str(error), REFUSED if error.code in REFUSALS else FAILED)
    except ModuleNotFoundError as error:
        if error.name not in extensions.modules_of_extra("train"):
            raise
        wanted = _("{name} is missing, of the extra for training: {python} -m pip install 'acetate[train]'")
        code = _complain(wanted.format(name=error.name, python=sys.executable), FAILED)
    except typer.TyperException as error:
        # Without a command there is nothing wrong: Typer has shown the help.
        message = error.format_message()
        code = _complain(message, error.exit_code) if message else REFUSED
    except typer.Abort:
        code = _complain(_("stopped"), 130)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str, code: int) -> int:
    echo(f"acetate: {' '.join(message.split())}", err=True)
    return code
