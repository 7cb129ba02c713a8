"""Every text of the docker has its German and Japanese."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugin_krita" / "acetate_krita"
SHARED = ROOT / "shared" / "acetate_editor"


def texts() -> set[str]:
    """What the sources of the docker and of what it shares pass to `tr` and `mark`."""
    files = [*PLUGIN.rglob("*.py"), *SHARED.glob("*.py")]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files if "vendor" not in path.parts]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    marked = [call for call in calls if name_of(call.func) in ("tr", "mark")]
    return {str(call.args[0].value) for call in marked if isinstance(call.args[0], ast.Constant)}


def name_of(function: ast.expr) -> str:
    """The last name of what is called: `tr` for `tr(...)` and `self._tr(...)`."""
    name = (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )
    return name.lstrip("_")


@pytest.mark.parametrize("language", ["de", "ja"])
def test_no_text_is_missing_and_none_is_left_over(language: str) -> None:
    catalogue = json.loads((PLUGIN / "locales" / f"{language}.json").read_text(encoding="utf-8"))
    assert set(catalogue) == texts()


@pytest.mark.parametrize("language", ["de", "ja"])
def test_translations_keep_the_places_for_values(language: str) -> None:
    catalogue = json.loads((PLUGIN / "locales" / f"{language}.json").read_text(encoding="utf-8"))
    places = re.compile(r"{\w+}")
    for text, translated in catalogue.items():
        assert sorted(places.findall(text)) == sorted(places.findall(translated)), text
