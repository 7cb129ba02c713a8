"""Promises of SDXL layer files: every key finds its weight, the sums are right, and nothing stays behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from acetate.adapters.deltas import WeightDeltas, read_deltas
from acetate.models.backbones.stable_diffusion.key_mapping import diffusers_keys
from acetate.models.weights import WeightFileError
from diffusers import UNet2DConditionModel
from torch import Tensor

from tests.models.published import CONCATENATED, original_name, random, sdxl_tensors, sdxl_unet, write

PARTS = ("attn", "conv", *CONCATENATED)


@pytest.fixture(scope="module")
def full_size() -> UNet2DConditionModel:
    with torch.device("meta"):
        return sdxl_unet()


@pytest.fixture
def unet() -> UNet2DConditionModel:
    torch.manual_seed(5)
    return sdxl_unet(width=8, levels=(1, 1, 2), words=16).eval().requires_grad_(False)


def answer(unet: UNet2DConditionModel, channels: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    pooled = torch.randn(1, 16, generator=generator)
    sample: Tensor = unet(
        torch.randn(1, channels, 8, 8, generator=generator),
        500,
        torch.randn(1, 5, 16, generator=generator),
        added_cond_kwargs={"text_embeds": pooled, "time_ids": torch.full((1, 6), 64.0)},
    ).sample
    return sample


def test_every_original_name_of_sdxl_is_known(full_size: UNet2DConditionModel) -> None:
    names = {original_name(name, full_size): name for name, _ in full_size.named_parameters()}
    assert len(names) == 1680
    assert diffusers_keys(names, full_size.config) == names


def test_few_names_are_known_as_well_as_all(full_size: UNet2DConditionModel) -> None:
    key = "output_blocks.5.1.transformer_blocks.1.attn2.to_v.weight"
    assert diffusers_keys([key], full_size.config) == {
        key: "up_blocks.1.attentions.2.transformer_blocks.1.attn2.to_v.weight"
    }


@pytest.mark.parametrize("part", PARTS)
def test_a_full_size_file_fits_sdxl_key_for_key(full_size: UNet2DConditionModel, tmp_path: Path, part: str) -> None:
    def small(shape: tuple[int, ...]) -> Tensor:
        return torch.zeros(1, dtype=torch.float16).expand(shape)

    tensors = sdxl_tensors(part, full_size, small)
    path = write(tmp_path, f"layer_xl_{part}", tensors)
    deltas = read_deltas(path, full_size, CONCATENATED.get(part, 0))
    assert len(deltas) == len({key.split("::")[0] for key in tensors})
    parameters = dict(full_size.named_parameters())
    assert all(delta.shape == parameters[name].shape for name, delta in deltas.items() if name != "conv_in.weight")
    if part in CONCATENATED:
        assert deltas["conv_in.weight"].shape == (320, 4 + 4 * CONCATENATED[part], 3, 3)


@pytest.mark.parametrize("part", PARTS)
def test_deltas_come_and_go_without_a_trace(unet: UNet2DConditionModel, tmp_path: Path, part: str) -> None:
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    plain = answer(unet, 4)
    latents = CONCATENATED.get(part, 0)
    path = write(tmp_path, f"layer_xl_{part}", sdxl_tensors(part, unet, random(3)))
    deltas = WeightDeltas(unet, read_deltas(path, unet, latents))
    deltas.attach()
    changed = answer(unet, 4 + 4 * latents)
    deltas.detach()
    assert (changed - plain).abs().max() > 1e-4
    assert all(torch.equal(value, before[name]) for name, value in unet.state_dict().items())
    assert torch.equal(answer(unet, 4), plain)


def test_the_sums_are_those_of_the_formats(unet: UNet2DConditionModel, tmp_path: Path) -> None:
    make = random(9)
    linear = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight"
    conv = "down_blocks.0.resnets.0.conv1.weight"
    up, down = make((32, 4)), make((4, 32))
    conv_up, conv_down = make((8, 2, 1, 1)), make((2, 8, 3, 3))
    wide = make((8, 12, 3, 3))
    keys = {name: f"diffusion_model.{original_name(name, unet)}" for name in (linear, conv, "conv_in.weight")}
    path = write(
        tmp_path,
        "layer_xl_bgble2fg",
        {
            f"{keys[linear]}::lora::0": up,
            f"{keys[linear]}::lora::1": down,
            f"{keys[linear]}::lora::2": torch.tensor(2.0),
            f"{keys[conv]}::lora::0": conv_up,
            f"{keys[conv]}::lora::1": conv_down,
            f"{keys['conv_in.weight']}::diff::0": wide,
        },
    )
    old = {name: value.clone() for name, value in unet.state_dict().items()}
    deltas = WeightDeltas(unet, read_deltas(path, unet, 2), weight=0.5)
    deltas.attach()
    new = unet.state_dict()
    assert torch.allclose(new[linear], old[linear] + 0.5 * (2.0 / 4) * up @ down, atol=1e-6)
    product = torch.einsum("or,rihw->oihw", conv_up[:, :, 0, 0], conv_down)
    assert torch.allclose(new[conv], old[conv] + 0.5 * product, atol=1e-6)
    padded = torch.cat([old["conv_in.weight"], torch.zeros(8, 8, 3, 3)], dim=1)
    assert torch.allclose(new["conv_in.weight"], padded + 0.5 * wide, atol=1e-6)
    deltas.detach()


def test_deltas_under_diffusers_names_are_added_as_they_are(unet: UNet2DConditionModel, tmp_path: Path) -> None:
    name = "up_blocks.0.attentions.0.transformer_blocks.0.attn2.to_out.0.weight"
    old = unet.state_dict()[name].clone()
    delta = random(2)(tuple(old.shape))
    deltas = WeightDeltas(unet, read_deltas(write(tmp_path, "ld_diffusers_sdxl_attn", {name: delta}), unet))
    deltas.attach()
    assert torch.equal(unet.state_dict()[name], old + delta)
    deltas.detach()
    assert torch.equal(unet.state_dict()[name], old)


def test_half_precision_weights_come_back_bit_for_bit(unet: UNet2DConditionModel, tmp_path: Path) -> None:
    unet.to(torch.bfloat16, memory_format=torch.channels_last)
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    path = write(tmp_path, "layer_xl_fg2ble", sdxl_tensors("fg2ble", unet, random(3)))
    deltas = WeightDeltas(unet, read_deltas(path, unet, 1), weight=1.7)
    for _ in range(3):
        deltas.attach()
        deltas.detach()
    after = unet.state_dict()
    assert all(torch.equal(after[name], value) and after[name].dtype == value.dtype for name, value in before.items())
    assert unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)


def spoilt(unet: UNet2DConditionModel, folder: Path, part: str, drop: str = "", **more: Tensor) -> Path:
    tensors = {key: value for key, value in sdxl_tensors(part, unet, random(3)).items() if key != drop}
    return write(folder, f"layer_xl_{part}", {**tensors, **more})


MIDDLE = "diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_q.weight"


@pytest.mark.parametrize(
    ("part", "drop", "more", "words"),
    [
        ("attn", f"{MIDDLE}::lora::1", {}, r"lacks .*middle_block\.1.*attn1\.to_q\.weight::lora::1"),
        ("attn", "", {"diffusion_model.nowhere.weight::diff::0": (1,)}, r"should not have diffusion_model\.nowhere"),
        ("attn", "", {f"{MIDDLE}::lora::3": (1,)}, "should not have .*::lora::3"),
        ("attn", "", {f"{MIDDLE}::what::0": (1,)}, "of the kinds lora, what"),
        ("attn", "", {f"{MIDDLE}::lora::0": (31, 2)}, r"to_q\.weight::lora makes a 31 x 32 delta"),
        ("conv", "", {f"{MIDDLE}::diff::0": (3, 3)}, r"attn1\.to_q\.weight is 3 x 3 and should be 32 x 32"),
        ("fg2ble", "diffusion_model.input_blocks.0.0.weight::diff::0", {}, r"lacks the delta of conv_in\.weight for 8"),
        ("attn", "", {"stray": (1,)}, "should not have stray"),
    ],
)
def test_a_wrong_key_is_named(
    unet: UNet2DConditionModel,
    tmp_path: Path,
    part: str,
    drop: str,
    more: dict[str, tuple[int, ...]],
    words: str,
) -> None:
    path = spoilt(unet, tmp_path, part, drop, **{key: torch.zeros(shape) for key, shape in more.items()})
    with pytest.raises(WeightFileError, match=words):
        read_deltas(path, unet, CONCATENATED.get(part, 0))


def test_a_part_for_another_number_of_latents_is_refused(unet: UNet2DConditionModel, tmp_path: Path) -> None:
    path = spoilt(unet, tmp_path, "fg2ble")
    with pytest.raises(WeightFileError, match=r"conv_in\.weight is 8 x 8 x 3 x 3 and should be 8 x 12 x 3 x 3"):
        read_deltas(path, unet, 2)


def test_what_is_no_safetensors_file_is_refused(unet: UNet2DConditionModel, tmp_path: Path) -> None:
    path = tmp_path / "layer_xl_transparent_attn.safetensors"
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(WeightFileError, match="cannot be read"):
        read_deltas(path, unet)
