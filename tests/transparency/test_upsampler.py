"""The upsampler: what it makes of a decoded layer, its folder, and where a model's layers become larger by it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from acetate import pipelines
from acetate.image.sizes import Learned
from acetate.models.inventory import model_files
from acetate.models.model_cache import ModelCache
from acetate.pipelines.working_size import WorkingSize
from acetate.transparency import LayerUpsampler, load_upsampler, save_upsampler
from acetate_lab.evaluation.installed import catalogue_of
from acetate_wire.errors import AcetateError
from acetate_wire.modes import MODES
from acetate_wire.request import LayerRequest, PictureSpec, Rect
from torch import Tensor
from torch.nn import functional as F


@pytest.fixture
def enlarging(tiny_starter: Path, tmp_path: Path) -> Path:
    """The tiny starter with an upsampler that makes everything a little brighter and more opaque."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_starter, folder)
    upsampler = LayerUpsampler(factor=2, width=8, depth=1)
    assert upsampler.conv_out.bias is not None
    torch.nn.init.constant_(upsampler.conv_out.bias, 0.05)
    save_upsampler(folder / "upsampler", upsampler)
    return folder


def drawn(folder: Path, width: int, height: int, mode: str = "text") -> Tensor:
    request = LayerRequest(
        mode=mode,
        canvas=(width, height),
        target=Rect(0, 0, width, height),
        prompt="cat",
        model="starter",
        seed=1,
        steps=2,
        passes=1,
        reply_format="rgbaf32",
    )
    return pipelines.run(request, {}, ModelCache(catalogue_of(folder)), lambda progress: None)[0].picture


def test_a_fresh_upsampler_enlarges_evenly() -> None:
    rgba = torch.rand(2, 4, 6, 10)
    made = LayerUpsampler(width=8, depth=2)(rgba)
    assert torch.equal(made, F.interpolate(rgba, scale_factor=2, mode="bilinear", align_corners=False))


def test_a_folder_gives_the_same_upsampler_back(tmp_path: Path) -> None:
    upsampler = LayerUpsampler(factor=3, width=8, depth=2)
    torch.nn.init.normal_(upsampler.conv_out.weight)
    save_upsampler(tmp_path, upsampler)
    again = load_upsampler(tmp_path)
    rgba = torch.rand(1, 4, 5, 5)
    assert torch.equal(again(rgba), upsampler(rgba))
    assert again(rgba).shape == (1, 4, 15, 15)
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_a_target_with_more_pixels_gets_what_the_upsampler_makes(enlarging: Path, tiny_starter: Path) -> None:
    plain, large = drawn(tiny_starter, 128, 128), drawn(enlarging, 128, 128)
    assert float((large - plain)[..., 3].mean()) > 0.005
    assert torch.equal(drawn(enlarging, 64, 64), drawn(tiny_starter, 64, 64)), "the model's own size needs none"


@pytest.mark.parametrize("mode", ["text", "refine"])
@pytest.mark.parametrize(("width", "height"), [(200, 90), (130, 300), (640, 100)])
def test_an_enlarged_layer_lies_where_the_plain_one_does(mode: str, width: int, height: int) -> None:
    inputs = {role: PictureSpec(0, width, height) for role in MODES[mode].inputs}
    request = LayerRequest(
        mode=mode, canvas=(width, height), target=Rect(0, 0, width, height), prompt="cat", inputs=inputs
    )
    sheet = WorkingSize.base(request, Learned(64, 2.0))
    y, x = torch.meshgrid(
        *(torch.linspace(-3, 3, side) for side in (sheet.size.height, sheet.size.width)), indexing="ij"
    )
    plain = torch.stack([x.sigmoid(), y.sigmoid(), (x + y).sigmoid(), (2 - x.square() - y.square()).sigmoid()])
    large = F.interpolate(plain[None], scale_factor=2, mode="bilinear", align_corners=False)[0]
    assert sheet.needs_upscale
    one, other = (sheet.to_target(picture, torch.float32) for picture in (plain, large))
    assert float((one - other).abs()[..., 3].max()) < 0.02


def test_the_models_full_size_is_the_enlarged_one(enlarging: Path, tiny_starter: Path) -> None:
    entry, plain = (catalogue_of(folder).entry("starter") for folder in (enlarging, tiny_starter))
    assert (entry.native_size, entry.full_size) == (64, 128)
    assert (plain.native_size, plain.full_size) == (64, 64)
    assert enlarging / "upsampler/upsampler.safetensors" in model_files(entry)


def test_an_opaque_layer_stays_opaque(enlarging: Path) -> None:
    model = ModelCache(catalogue_of(enlarging)).get("starter")
    large = model.upscale(torch.cat([torch.rand(3, 16, 16), torch.ones(1, 16, 16)]))
    assert large.shape == (4, 32, 32)
    assert bool((large[3] == 1).all())


@pytest.mark.parametrize(
    ("config", "told"), [("{", "damaged"), ('{"factor": 2, "height": 8}', "unusable"), (None, "missing")]
)
def test_a_damaged_upsampler_is_refused_by_name(enlarging: Path, config: str | None, told: str) -> None:
    if config is None:
        (enlarging / "upsampler/upsampler.safetensors").unlink()
    else:
        (enlarging / "upsampler/config.json").write_text(config)
    with pytest.raises(AcetateError, match=told) as refused:
        drawn(enlarging, 128, 128)
    assert refused.value.code == "model_missing"


def test_weights_that_do_not_fit_their_configuration_are_refused(enlarging: Path) -> None:
    (enlarging / "upsampler/config.json").write_text(json.dumps({"factor": 2, "width": 16, "depth": 1}))
    with pytest.raises(AcetateError, match=r"upsampler\.safetensors does not fit"):
        drawn(enlarging, 128, 128)
