"""What several rooms' tests start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_starter import write_tiny_starter


@pytest.fixture(scope="session")
def tiny_starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of the starter's layout with tiny untrained networks: it draws noise, but all of the way."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_tiny_starter(folder)
    return folder
