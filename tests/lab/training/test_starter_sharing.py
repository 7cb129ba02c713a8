"""The starter's attention sharing as it ships: narrow, and in half of float16's bytes."""

from __future__ import annotations

from pathlib import Path

import torch
from acetate.adapters.shared_attention import SharedAttentionLayers
from acetate.models.registry import STARTER_FOLDER
from acetate_lab.training.starter.networks import new_unet
from acetate_lab.training.starter.sharing import FILE, RANK, narrowed, open_sharing, save_sharing
from safetensors.torch import load_file

WIDE = 16


def random_sharing(rank: int = WIDE) -> SharedAttentionLayers:
    torch.manual_seed(0)
    sharing = SharedAttentionLayers(new_unet(128), 3, rank=rank)
    with torch.no_grad():
        for parameter in sharing.parameters():
            parameter.normal_(std=0.05)
    return sharing


def test_a_narrow_lora_is_the_nearest_one_of_its_rank() -> None:
    weights = random_sharing().state_dict()
    narrow = narrowed(weights, RANK)
    name = "hookers.layers.0.to_q_lora.1"
    whole = weights[f"{name}.up.weight"] @ weights[f"{name}.down.weight"]
    found = narrow[f"{name}.up.weight"] @ narrow[f"{name}.down.weight"]
    lost = torch.linalg.svdvals(whole)[RANK:].square().sum().sqrt()
    assert torch.linalg.matrix_rank(found) == RANK
    torch.testing.assert_close((whole - found).norm(), lost, rtol=1e-3, atol=1e-5)
    assert narrow["hookers.layers.0.temporal_q.weight"] is weights["hookers.layers.0.temporal_q.weight"]


def test_a_lora_that_is_narrow_already_stays_as_it_is() -> None:
    weights = random_sharing().state_dict()
    assert all(part is weights[name] for name, part in narrowed(weights, WIDE).items())


def test_what_is_saved_comes_back_within_the_rounding_of_its_matrices(tmp_path: Path) -> None:
    sharing = random_sharing(RANK)
    save_sharing(tmp_path, sharing)
    back = open_sharing(new_unet(128), tmp_path).state_dict()
    for name, part in sharing.state_dict().items():
        assert (back[name] - part).norm() <= 0.05 * part.norm(), name


def test_all_weights_that_ship_take_70_megabytes_at_most() -> None:
    assert {part.dtype for part in load_file(STARTER_FOLDER / FILE).values()} == {torch.float16, torch.float8_e4m3fn}
    assert sum(file.stat().st_size for file in STARTER_FOLDER.rglob("*.safetensors")) <= 70e6
