"""The page on the architecture names what there is; its floors are those that are enforced."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`\n]+)`", PAGE)
DOTTED = sorted({name for name in CODE if re.fullmatch(r"acetate(_\w+)?(\.\w+)+", name)} - {"acetate.commands"})
PATHS = sorted({name for name in CODE if "/" in name or re.fullmatch(r"\w+\.(py|toml|txt)", name)})
MOST_WORDS = 20
MOST_FILES = 25


def module_of(name: str) -> tuple[Path, list[str]]:
    """The file of the longest module that a dotted name begins with, and the names inside it that are left."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        for base in (ROOT / "backend", ROOT / "shared"):
            plain = base.joinpath(*parts[:length])
            for file in (plain.with_suffix(".py"), plain / "__init__.py"):
                if file.is_file():
                    return file, parts[length:]
    raise AssertionError(f"{name} is in no module of ours")


def defines(body: list[ast.stmt], names: list[str]) -> bool:
    """Whether these statements define the first name, its body the second, and so on."""
    if not names:
        return True
    for statement in body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name == names[0]:
            return defines(statement.body, names[1:])
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == ".".join(names):
            return True
    return False


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", DOTTED)
def test_every_dotted_name_exists(name: str) -> None:
    file, left = module_of(name)
    assert defines(ast.parse(file.read_text(encoding="utf-8")).body, left), f"{file} has no {'.'.join(left)}"


@pytest.mark.parametrize("path", PATHS)
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([\w./-]+\.md)\)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).is_file()] == []


def test_the_floors_are_those_that_are_enforced() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (each["layers"] for each in contracts if each["name"].startswith("Floors of the product"))
    assert re.findall(r"^\d+\. `([\w.]+)`$", section("Floors"), re.MULTILINE) == layers


def test_a_request_is_followed_through_few_files() -> None:
    followed = section("One request, from the command line to the file")
    files = {module_of(name)[0] for name in re.findall(r"`(acetate(?:_\w+)?(?:\.\w+)+)`", followed)}
    assert 10 < len(files) <= MOST_FILES


def test_the_word_list_is_short() -> None:
    words = re.findall(r"^\| ([\w -]+) \|", section("Words"), re.MULTILINE)[1:]
    assert 0 < len(words) <= MOST_WORDS
    assert len(set(words)) == len(words)
