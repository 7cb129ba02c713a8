"""One version: `acetate.__version__`, and what must spell it out for a program that cannot import it says the same."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import acetate

ROOT = Path(__file__).parents[1]
MANIFEST = ROOT / "plugin_blender/acetate_blender/blender_manifest.toml"


def assigned(path: str, name: str) -> Any:
    """The literal that a module assigns to a name, read without running it, as Blender reads `bl_info`."""
    for statement in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == [name]:
            return ast.literal_eval(statement.value)
    raise AssertionError(f"{path} assigns nothing to {name}")


def test_the_installed_package_has_the_version_of_its_sources() -> None:
    assert version("acetate") == acetate.__version__


def test_the_krita_plugin_has_it() -> None:
    assert assigned("plugin_krita/acetate_krita/__init__.py", "VERSION") == acetate.__version__


def test_the_blender_addon_has_it_where_blender_of_any_age_reads_it() -> None:
    manifest = tomllib.loads(
        (ROOT / "plugin_blender/acetate_blender/blender_manifest.toml").read_text(encoding="utf-8")
    )
    assert manifest["version"] == acetate.__version__
    numbers = assigned("plugin_blender/acetate_blender/__init__.py", "bl_info")["version"]
    assert ".".join(map(str, numbers)) == acetate.__version__
    assert assigned("plugin_blender/acetate_blender/release.py", "VERSION") == numbers


def test_the_changelog_tells_about_it() -> None:
    headings = re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert next(heading for heading in headings if heading != "Unreleased") == acetate.__version__


def test_the_blender_extension_credits_what_its_package_carries() -> None:
    manifest = tomllib.loads(
        (ROOT / "plugin_blender/acetate_blender/blender_manifest.toml").read_text(encoding="utf-8")
    )
    credits = " ".join(manifest["copyright"])
    for library, licence in (("pyzmq", "BSD-3-Clause"), ("libzmq", "MPL-2.0"), ("msgpack", "Apache-2.0")):
        assert re.search(rf"{library}.*{licence}", credits)
