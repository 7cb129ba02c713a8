"""Tiny models of the large families, with all their layer files, in a models folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from acetate.models.families import SD15, SDXL, ModelSource
from acetate.models.registry import ModelRegistry

from tests.models.tiny_families import write_sd15, write_sd15_layers, write_sdxl, write_sdxl_layers


@pytest.fixture(scope="session")
def written_families(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_sd15_layers(folder / "layers", write_sd15(folder / "sd15"))
    write_sdxl_layers(folder / "layers", write_sdxl(folder / "sdxl"))
    return folder


@pytest.fixture
def families(written_families: Path, monkeypatch: pytest.MonkeyPatch) -> ModelRegistry:
    """A catalogue of the tiny `sd15` and `sdxl`, whose layer files are in the models folder."""
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(written_families))
    return ModelRegistry(
        {
            "sd15": ModelSource(written_families / "sd15", SD15, "Apache-2.0"),
            "sdxl": ModelSource(written_families / "sdxl", SDXL, "Apache-2.0"),
        }
    )
