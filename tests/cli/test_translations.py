"""Every text of the command line has its German and Japanese, and is shown in the user's language."""

from __future__ import annotations

import ast
import gettext
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from acetate.cli.lazy_group import OWN
from acetate.extensions import COMMANDS, load_extensions
from acetate.i18n import CATALOGUES

BACKEND = Path(__file__).parents[2] / "backend"
LANGUAGES = ["de", "ja"]
MESSAGE = re.compile(r'^msgid (".*")\nmsgstr (".*")$', re.MULTILINE)


def texts() -> set[str]:
    """What the sources pass to `_`, and the help of every command."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in BACKEND.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    marked = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "_"]
    return {str(text.value) for text in marked if isinstance(text, ast.Constant)} | helps()


def helps() -> set[str]:
    """The docstrings of all commands and of those of groups."""
    found: set[str] = set()
    for loaded in [*(place.load() for place in OWN.values()), *(each for _, each in load_extensions(COMMANDS))]:
        found |= {inspect.getdoc(callback) or "" for callback in callbacks(loaded)}
    return found


def callbacks(command: Any) -> list[Any]:
    """The functions of a command, or of a group's commands and groups."""
    if not isinstance(command, typer.Typer):
        return [command]
    groups = [each.typer_instance for each in command.registered_groups]
    return [each.callback for each in command.registered_commands] + [each for one in groups for each in callbacks(one)]


def folder(language: str) -> Path:
    return CATALOGUES / language / "LC_MESSAGES"


def catalogue(language: str) -> dict[str, str]:
    """The translations of a language, as its translator wrote them."""
    text = (folder(language) / "acetate.po").read_text(encoding="utf-8")
    pairs = [(ast.literal_eval(found[1]), ast.literal_eval(found[2])) for found in MESSAGE.finditer(text)]
    assert len(pairs) == text.count("\nmsgid "), "each text and its translation stand on one line"
    return {text: translated for text, translated in pairs if text}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_missing_and_none_is_left_over(language: str) -> None:
    translations = catalogue(language)
    assert translations.keys() == texts()
    assert all(translations.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_places_for_values(language: str) -> None:
    places = re.compile(r"{[\w:.]+}")
    for text, translated in catalogue(language).items():
        assert sorted(places.findall(text)) == sorted(places.findall(translated)), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_loaded_is_what_the_translator_wrote(language: str) -> None:
    with (folder(language) / "acetate.mo").open("rb") as file:
        loaded = gettext.GNUTranslations(file)
    for text, translated in catalogue(language).items():
        assert loaded.gettext(text) == translated, "make acetate.mo again: msgfmt -o acetate.mo acetate.po"


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({"LANGUAGE": "de"}, "Der Daemon läuft nicht."),
        ({"LANG": "ja_JP.UTF-8"}, "デーモンは動いていません。"),
        ({"LANG": "fr_FR.UTF-8"}, "The daemon is not running."),
    ],
)
def test_the_command_line_speaks_the_users_language(tmp_path: Path, variables: dict[str, str], shown: str) -> None:
    kept = {name: value for name, value in os.environ.items() if name not in ("LANGUAGE", "LC_ALL", "LC_MESSAGES")}
    folders = {f"ACETATE_{name}_DIR": str(tmp_path) for name in ("STATE", "RUNTIME", "CONFIG")}
    environment = {**kept, **folders, "PYTHONIOENCODING": "utf-8", **variables}
    command = [sys.executable, "-m", "acetate", "status"]
    answer = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert answer.stdout == f"{shown}\n"


def test_help_is_translated(tmp_path: Path) -> None:
    environment = {**os.environ, "LANGUAGE": "de", "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "acetate", "cancel", "--help"]
    answer = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=True)
    assert "Einen Auftrag abbrechen." in answer.stdout
    assert "Die Kennung des Auftrags oder ihr Anfang" in answer.stdout
