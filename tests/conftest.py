"""What several rooms' tests start from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tiny_starter import write_tiny_starter

# The command line in its own words, whatever language this computer speaks.
os.environ["LANGUAGE"] = "en"
# A conversion takes seconds; the tests of it turn it on.
os.environ["ACETATE_COMPILED"] = "off"

EDITORS = ("krita", "blender")
"""Folders of tests that drive an editor; the marker of the same name selects them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that drive an editor with its name."""
    for item in items:
        for editor in EDITORS:
            if Path(__file__).with_name(editor) in item.path.parents:
                item.add_marker(editor)


@pytest.fixture(scope="session")
def tiny_starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of the starter's layout with tiny untrained networks: it draws noise, but all of the way."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_tiny_starter(folder)
    return folder
