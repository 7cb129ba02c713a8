"""Every text of the docker has its German and Japanese."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[2] / "plugin_krita" / "acetate_krita"


def texts() -> set[str]:
    """What the docker's sources pass to `tr` and `mark`."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PLUGIN.glob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    marked = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("tr", "mark")]
    return {str(call.args[0].value) for call in marked if isinstance(call.args[0], ast.Constant)}


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
