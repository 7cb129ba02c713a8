"""The commands of `acetate`, each imported when it is called; the list of all is written without importing them."""

from __future__ import annotations

import ast
import contextlib
import inspect
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from acetate import extensions
from acetate.i18n import tr as _

OWN = {
    name: EntryPoint(name, f"acetate.cli.{place}", extensions.COMMANDS)
    for name, place in {
        "generate": "generate:generate",
        **{
            mode: f"mode_commands:{mode}"
            for mode in ("scene", "background", "foreground", "extract", "refine", "inpaint", "remove", "split")
        },
        "samplers": "samplers:samplers",
        "elements": "elements:elements",
        "doctor": "doctor:doctor",
        "profile": "profile:profile",
        "bug-report": "bug_report:bug_report",
        "serve": "serve:serve",
        "status": "jobs:status",
        "stop": "jobs:stop",
        "jobs": "jobs:jobs",
        "take": "take:take",
        "cancel": "jobs:cancel",
        "pair": "jobs:pair",
        "farm": "farm:app",
        "models": "models:app",
        "plugins": "plugins:app",
    }.items()
}
"""Acetate's own commands, functions or Typer apps, in the order of the help."""


class LazyGroup(TyperGroup):
    """The group of Acetate's own commands and of those that installed packages add."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Acetate's own names, then the others'."""
        return list(OWN | extensions.find_extensions(extensions.COMMANDS))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported; None where there is none, and then all are imported to suggest one that is alike."""
        if cmd_name not in self.commands:
            found = OWN.get(cmd_name) or extensions.find_extensions(extensions.COMMANDS).get(cmd_name)
            if found is None:
                for name in self.list_commands(ctx):
                    self.get_command(ctx, name)
            elif (loaded := extensions.load_extension(found)) is not None:
                self.commands[cmd_name] = _command(cmd_name, loaded)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write each command with the first sentence of its help."""
        places = OWN | extensions.find_extensions(extensions.COMMANDS)
        rows = [(name, help) for name, place in places.items() if (help := command_help(place)) is not None]
        with formatter.section("Commands"):
            formatter.write_dl([(name, _(help).partition("\n\n")[0].replace("\n", " ")) for name, help in rows])


def command_help(place: EntryPoint) -> str | None:
    """The help of a command, untranslated: a function's docstring, or what a Typer app is given as `help`.

    Read in the source where it stands there; else imported. None where that fails, which is logged.
    """
    with contextlib.suppress(ImportError, OSError, SyntaxError):
        for node in _statements(place.module):
            match node:
                case ast.FunctionDef(name=name) if name == place.attr:
                    return ast.get_docstring(node)
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(keywords=options)) if name == place.attr:
                    for text in (each.value for each in options if each.arg == "help"):
                        match text:
                            case ast.Constant(value=str(help)) | ast.Call(args=[ast.Constant(value=str(help))]):
                                return help
    loaded = extensions.load_extension(place)
    if isinstance(loaded, typer.Typer):
        return str(loaded.info.help or "")
    return None if loaded is None else inspect.getdoc(loaded) or ""


@cache
def _statements(module: str) -> list[ast.stmt]:
    spec = find_spec(module)
    return ast.parse(Path(spec.origin).read_bytes()).body if spec is not None and spec.origin else []


def _command(name: str, loaded: typer.Typer | Callable[..., None]) -> Any:
    """The command, or the group of commands, of what an entry point names; its help is plain text, translated."""
    app = loaded if isinstance(loaded, typer.Typer) else typer.Typer(add_completion=False)
    if app is not loaded:
        app.command(name)(loaded)
    app.rich_markup_mode = None
    _translate_help(app)
    return get_group(app) if app is loaded else get_command(app)


def _translate_help(commands: typer.Typer) -> None:
    """Give every command its docstring in the user's language as its help."""
    for command in commands.registered_commands:
        command.help = command.help or _(inspect.getdoc(command.callback) or " ")
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            _translate_help(group.typer_instance)
