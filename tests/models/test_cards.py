"""The table of graphics cards in docs/models.md is what is planned for files of the published sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
from acetate.models.backbones.stable_diffusion.footprint import footprint
from acetate.models.families import SD15, SDXL, ModelFamily, ModelSource
from acetate.models.memory_plan import CUDA_PLANS, NO_ADAPTERS, Footprint, adapter_bytes, choose_plan
from acetate.models.registry import ModelRegistry

from benchmarks import full_size

CARDS = (6, 8, 12, 16, 24)
GIB = 1 << 30
PAGE = Path(__file__).parents[2] / "docs" / "models.md"


def footprints(folder: Path, family: ModelFamily) -> list[Footprint]:
    """Those of text, scene, and text with a LoRA, a ControlNet and an IP-Adapter."""
    entry = ModelRegistry({family.name: ModelSource(folder / family.name, family, "")}).entry(family.name)
    side = family.native_size
    kit = adapter_bytes(family.name, [f"{family.name}-style"], ["edge", "style"], 2)
    jobs = (("text", NO_ADAPTERS), ("scene", NO_ADAPTERS), ("text", kit))
    return [footprint(entry, entry.recipe(mode), side, side, 2, adapters=adapters) for mode, adapters in jobs]


def test_the_page_tells_the_plans_for_published_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path))
    monkeypatch.setattr(full_size, "RANDOM_BYTES", 0)
    found = []
    for family in (SD15, SDXL):
        full_size.write_models(tmp_path, family)
        found += footprints(tmp_path, family)
    attn = found[3]
    assert attn.layers == 0, "copies of changed weights are in main memory"
    assert attn.originals == pytest.approx(1.78 * GIB, rel=0.01)
    assert found[5].adapters.controls == pytest.approx(2.50e9, rel=0.01), "SDXL's ControlNet has 2.5 GB"
    rows = []
    for card in CARDS:
        cells = []
        for needs in found:
            plan = CUDA_PLANS[choose_plan(CUDA_PLANS, needs, (card - 1) * GIB)]
            cells.append(f"{plan.describe()} ({needs.needed(plan) / GIB:.1f})")
        rows.append(f"| {card} GB | {' | '.join(cells)} |")
    assert "\n".join(rows) in PAGE.read_text(encoding="utf-8")
