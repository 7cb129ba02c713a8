"""Promises of latent transparency: padding, encoder, latent, decoder, and their folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from acetate.transparency import (
    OffsetEncoder,
    Transparency,
    TransparentDecoder,
    adjusted_latent,
    composite_on_grey,
    load,
    optimize_for_inference,
    pad_rgb,
    save,
)
from torch import Tensor

SMALL = (16, 32, 48, 64, 96)
REFERENCE = Path(__file__).parents[1] / "reference"


def small_decoder(latent_channels: int = 4) -> TransparentDecoder:
    """A decoder of the starter's size, with random weights, the latent's entrance included."""
    torch.manual_seed(7)
    decoder = TransparentDecoder(latent_channels, SMALL)
    torch.nn.init.normal_(decoder.latent_conv_in.weight, std=0.3)
    return decoder.eval().requires_grad_(False)


def disc(size: int = 64) -> Tensor:
    """A red disc on nothing: RGBA with a soft edge, and green where it is transparent."""
    axis = torch.linspace(-1, 1, size)
    distance = (axis[:, None] ** 2 + axis[None] ** 2).sqrt()
    alpha = ((0.6 - distance) * size / 4).clamp(0, 1)
    inside = distance < 0.7
    red, green = inside.float(), (~inside).float()
    return torch.stack([red, green, torch.zeros_like(red), alpha])[None]


def test_padding_spreads_the_visible_colour_and_forgets_the_hidden_one() -> None:
    padded = pad_rgb(disc())
    assert padded[:, 1].max() == 0
    assert padded[:, 0].min() > 0.99


def test_padding_keeps_opaque_colour_exactly() -> None:
    rgba = torch.rand(3, 4, 37, 50)
    rgba[:, 3:] = (rgba[:, 3:] > 0.5).float()
    kept = rgba[:, 3:].bool().expand(-1, 3, -1, -1)
    assert torch.equal(pad_rgb(rgba)[kept], rgba[:, :3][kept])


def test_padding_makes_a_fully_transparent_picture_black() -> None:
    rgba = torch.rand(1, 4, 24, 40)
    rgba[:, 3] = 0
    assert pad_rgb(rgba).abs().max() == 0


def test_padding_of_a_batch_is_that_of_each_picture() -> None:
    batch = torch.rand(4, 4, 33, 21)
    alone = torch.cat([pad_rgb(picture[None]) for picture in batch])
    assert torch.allclose(pad_rgb(batch), alone, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (3, 200)])
def test_padding_takes_pictures_of_any_size(size: tuple[int, int]) -> None:
    rgba = torch.rand(1, 4, *size)
    assert pad_rgb(rgba).shape == (1, 3, *size)


def test_padding_refuses_a_picture_without_alpha_in_words() -> None:
    with pytest.raises(ValueError, match="4, height, width"):
        pad_rgb(torch.rand(1, 3, 8, 8))


def test_the_vae_sees_the_picture_over_mid_grey() -> None:
    rgba = disc()
    over_grey = rgba[:, :3] * rgba[:, 3:] + 0.5 * (1 - rgba[:, 3:])
    assert torch.allclose((composite_on_grey(rgba) + 1) / 2, over_grey, atol=1e-6)


def test_a_fresh_encoder_leaves_the_latent_as_it_is() -> None:
    encoder = OffsetEncoder(latent_channels=8)
    offset = encoder(torch.rand(2, 4, 64, 40))
    mean = torch.randn(2, 8, 8, 5)
    assert torch.equal(adjusted_latent(mean, torch.ones_like(mean), offset), mean)


def test_the_offset_is_measured_in_the_posteriors_deviations() -> None:
    mean, std, offset = torch.randn(3, 1, 4, 6, 6)
    moved = adjusted_latent(mean, std, offset, multiplier=300)
    assert torch.allclose(moved - mean, 300 * std * offset, atol=1e-3)


def test_the_default_decoder_has_the_published_keys_and_shapes() -> None:
    published = json.loads((REFERENCE / "manifest.json").read_text())["shapes"]["transparent_decoder"]
    with torch.device("meta"):
        decoder = TransparentDecoder()
    ours = {key: list(value.shape) for key, value in decoder.state_dict().items()}
    assert ours == published


@pytest.mark.parametrize("size", [(64, 64), (72, 40), (8, 136)])
def test_the_decoder_takes_pictures_that_do_not_fit_its_strides(size: tuple[int, int]) -> None:
    picture = torch.rand(2, 3, *size)
    latent = torch.randn(2, 8, size[0] // 8, size[1] // 8)
    assert small_decoder(latent_channels=8)(picture, latent).shape == (2, 4, *size)


def test_an_odd_size_is_extended_at_its_edge_and_never_stretched() -> None:
    decoder = small_decoder()
    picture, latent = torch.rand(1, 3, 64, 72), torch.randn(1, 4, 8, 9)
    wider = torch.cat([picture, picture[..., -1:].expand(-1, -1, -1, 8)], dim=3)
    latent_wider = torch.cat([latent, latent[..., -1:]], dim=3)
    assert torch.allclose(decoder(picture, latent), decoder(wider, latent_wider)[..., :72], atol=1e-5)


def test_the_decoder_reads_the_latent() -> None:
    decoder = small_decoder()
    picture = torch.rand(1, 3, 64, 64)
    first, second = torch.randn(2, 1, 4, 8, 8)
    assert not torch.allclose(decoder(picture, first), decoder(picture, second), atol=1e-2)


def test_the_decoder_refuses_a_latent_of_another_picture() -> None:
    with pytest.raises(ValueError, match="64 x 64 pixels, but its latent belongs to one of 32 x 64"):
        small_decoder()(torch.rand(1, 3, 64, 64), torch.randn(1, 4, 8, 4))


def test_a_decoder_without_a_level_for_the_latent_is_refused() -> None:
    with pytest.raises(ValueError, match="four or more"):
        TransparentDecoder(block_out_channels=(16, 32, 48))


def test_a_prepared_decoder_answers_the_same_within_one_step_of_eight_bits() -> None:
    decoder = small_decoder()
    picture, latent = torch.rand(1, 3, 64, 64), torch.randn(1, 4, 8, 8)
    before = decoder(picture, latent)
    after = optimize_for_inference(decoder)(picture, latent).float()
    assert (after[:, 0] - before[:, 0]).clamp(0, 1).abs().mean() < 1 / 255


def test_the_folder_gives_back_what_was_saved(tmp_path: Path) -> None:
    encoder, decoder = OffsetEncoder(8, (8, 8, 16, 16, 24, 24, 32, 32)), small_decoder(8)
    save(tmp_path / "transparency", Transparency(encoder, decoder, multiplier=300))
    loaded = load(tmp_path / "transparency")
    assert loaded.multiplier == 300
    assert loaded.encoder.config == encoder.config
    assert loaded.decoder.config == decoder.config
    for ours, theirs in ((loaded.encoder, encoder), (loaded.decoder, decoder)):
        assert all(torch.equal(value, theirs.state_dict()[key]) for key, value in ours.state_dict().items())


def test_the_folder_may_store_half_the_bits(tmp_path: Path) -> None:
    parts = Transparency(OffsetEncoder(), small_decoder())
    save(tmp_path, parts, dtype=torch.bfloat16)
    weight = load(tmp_path).decoder.conv_in.weight
    assert torch.equal(weight, parts.decoder.conv_in.weight.bfloat16().float())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    save(tmp_path, Transparency(OffsetEncoder(), small_decoder()))
    (tmp_path / "decoder.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"decoder\.safetensors is missing"):
        load(tmp_path)


def test_weights_of_another_network_are_refused_by_name(tmp_path: Path) -> None:
    save(tmp_path, Transparency(OffsetEncoder(), small_decoder()))
    config = json.loads((tmp_path / "config.json").read_text())
    config["decoder"]["block_out_channels"] = [16, 32, 48, 64]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"decoder\.safetensors does not fit"):
        load(tmp_path)


def test_an_unknown_field_of_the_configuration_is_refused_by_name(tmp_path: Path) -> None:
    save(tmp_path, Transparency(OffsetEncoder(), small_decoder()))
    config = json.loads((tmp_path / "config.json").read_text())
    config["decoder"]["wobble"] = 1
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="wobble"):
        load(tmp_path)
