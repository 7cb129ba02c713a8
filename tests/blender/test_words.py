"""Everything that an artist reads is said in German and Japanese too."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blender.editors import Blender

ROOT = Path(__file__).parents[2]
ADD_ON = ROOT / "plugin_blender" / "acetate_blender"
SHARED = ROOT / "shared" / "acetate_editor"
SHOWN_ARGUMENTS = ("name", "description", "text", "heading", "text_ctxt")
SHOWN_ATTRIBUTES = ("bl_label", "bl_description")
SHOWN_TABLES = ("ROLE_NAMES", "VERBS", "WORKED_ON")


def shown(file: Path) -> Iterator[str]:
    """The words in a module that Blender shows."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            if _called(node.func) in ("tr", "mark"):
                yield from _words(node.args[0])
            elif not (isinstance(node.func, ast.Attribute) and node.func.attr in ("new", "Origin")):
                for keyword in node.keywords:
                    if keyword.arg in SHOWN_ARGUMENTS:
                        yield from _words(keyword.value)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in SHOWN_ATTRIBUTES:
                yield from _words(node.value)
            elif name in SHOWN_TABLES and isinstance(node.value, ast.Dict):
                for value in node.value.values:
                    yield from _words(value)
        elif isinstance(node, ast.Tuple) and len(node.elts) >= 3:
            # The items of a choice: identifier, label, description, …
            texts = [part.value for part in node.elts[:3] if isinstance(part, ast.Constant)]
            if len(texts) == 3 and all(isinstance(text, str) for text in texts) and " " in str(texts[2]):
                yield str(texts[1])
                yield str(texts[2])


def _called(function: ast.expr) -> str:
    """The last name of what is called: `tr` for `tr(...)` and `self._tr(...)`."""
    name = (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )
    return name.lstrip("_")


def _words(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search("[A-Za-z]", node.value):
        yield node.value


def dictionary(language: str) -> dict[str, str]:
    """The words of one language."""
    sys.path.insert(0, str(ADD_ON / "languages"))
    try:
        words: dict[str, str] = __import__(language).WORDS
        return words
    finally:
        sys.path.pop(0)


FILES = [*(file for file in ADD_ON.rglob("*.py") if "languages" not in file.parts), *SHARED.glob("*.py")]
EVERYTHING = sorted({text for file in FILES for text in shown(file)})


@pytest.mark.parametrize("language", ("german", "japanese"))
def test_every_word_that_is_shown_is_translated(language: str) -> None:
    known = dictionary(language)
    assert [text for text in EVERYTHING if text not in known] == []


@pytest.mark.parametrize("language", ("german", "japanese"))
def test_no_translation_is_left_over_and_all_keep_their_blanks(language: str) -> None:
    known = dictionary(language)
    assert [text for text in known if text not in EVERYTHING] == []
    for text, said in known.items():
        assert sorted(re.findall(r"{\w+", text)) == sorted(re.findall(r"{\w+", said)), text


@pytest.mark.parametrize(
    ("language", "said"), (("de_DE", "Es gibt keinen Prompt"), ("ja_JP", "プロンプトがありません"))
)
@pytest.mark.parametrize("blender", ("3.4",), indirect=True)
def test_blender_speaks_the_language_of_its_interface(blender: Blender, language: str, said: str) -> None:
    try:
        blender.call("scene.speak", language=language)
        assert said in blender.call("scene.refused", prompt=" ")
    finally:
        blender.call("scene.speak", language="en_US")
