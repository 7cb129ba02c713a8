"""Promises of attention sharing: frames of one sample that hear each other, attached without a trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from acetate.adapters.shared_attention import SharedAttention, SharedAttentionLayers, attention_layers
from diffusers import UNet2DConditionModel
from torch import Tensor

PUBLISHED = json.loads((Path(__file__).parents[1] / "reference" / "published_sd15_keys.json").read_text())
WORDS, WIDTH = 5, 24


@pytest.fixture(scope="module")
def sd15() -> UNet2DConditionModel:
    """The UNet of Stable Diffusion 1.5, without numbers."""
    with torch.device("meta"):
        return UNet2DConditionModel(cross_attention_dim=768)


@pytest.fixture
def unet() -> UNet2DConditionModel:
    """A UNet as small as the starter's: two levels, four heads."""
    torch.manual_seed(3)
    model = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=4,
        norm_num_groups=8,
        cross_attention_dim=WIDTH,
    )
    return model.eval().requires_grad_(False)


def noise(rows: int, size: int = 16) -> Tensor:
    return torch.randn(rows, 4, size, size, generator=torch.Generator().manual_seed(rows))


def words(rows: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, WORDS, WIDTH, generator=torch.Generator().manual_seed(seed))


def denoise(unet: UNet2DConditionModel, latents: Tensor, context: Tensor) -> Tensor:
    answer: Tensor = unet(latents, 500, encoder_hidden_states=context).sample
    return answer


def trained(unet: UNet2DConditionModel, frames: int, control_channels: int | None = None) -> SharedAttentionLayers:
    """Layers as after training: no weight is zero."""
    torch.manual_seed(11)
    layers = SharedAttentionLayers(unet, frames, rank=4, control_channels=control_channels)
    for parameter in layers.parameters():
        fan_in = parameter[0].numel() if parameter.ndim > 1 else 100
        torch.nn.init.normal_(parameter, std=fan_in**-0.5)
    return layers.eval().requires_grad_(False)


def test_units_stand_where_the_published_ones_do(sd15: UNet2DConditionModel) -> None:
    order = PUBLISHED["sharing_unit_order"]
    assert {str(unit): name for unit, (name, _) in enumerate(attention_layers(sd15))} == order


@pytest.mark.parametrize("name", PUBLISHED["files"])
def test_a_published_file_loads_key_for_key(sd15: UNet2DConditionModel, name: str) -> None:
    shapes = PUBLISHED["files"][name]
    with torch.device("meta"):
        layers = SharedAttentionLayers.from_weights(sd15, {key: torch.zeros(shape) for key, shape in shapes.items()})
    assert {key: list(value.shape) for key, value in layers.state_dict().items()} == shapes


def test_a_published_file_tells_its_frames_and_control(sd15: UNet2DConditionModel) -> None:
    with torch.device("meta"):
        found = {
            name: SharedAttentionLayers.from_weights(sd15, {key: torch.zeros(shape) for key, shape in shapes.items()})
            for name, shapes in PUBLISHED["files"].items()
        }
    assert {name: (layers.frames, layers.kwargs_encoder is not None) for name, layers in found.items()} == {
        "layer_sd15_transparent_attn": (1, False),
        "layer_sd15_joint": (3, False),
        "layer_sd15_fg2bg": (2, True),
        "layer_sd15_bg2fg": (2, True),
    }


def test_fresh_sharing_changes_nothing(unet: UNet2DConditionModel) -> None:
    alone = denoise(unet, noise(6), words(6))
    with SharedAttention(unet, frames=3, rank=4):
        together = denoise(unet, noise(6), words(6))
    assert torch.allclose(alone, together, atol=1e-5)


def test_detaching_leaves_no_trace(unet: UNet2DConditionModel) -> None:
    state = {key: value.clone() for key, value in unet.state_dict().items()}
    processors = dict(unet.attn_processors)
    answer = denoise(unet, noise(2), words(2))
    with SharedAttention(unet, frames=2, weights=trained(unet, 2)):
        assert list(unet.state_dict()) == list(state)
        denoise(unet, noise(2), words(2))
    assert all(torch.equal(value, state[key]) for key, value in unet.state_dict().items())
    assert all(unet.attn_processors[name] is processor for name, processor in processors.items())
    assert torch.equal(denoise(unet, noise(2), words(2)), answer)


def test_an_error_while_attached_still_detaches(unet: UNet2DConditionModel) -> None:
    processors = dict(unet.attn_processors)
    with pytest.raises(KeyboardInterrupt), SharedAttention(unet, frames=2, rank=4):
        raise KeyboardInterrupt
    assert all(unet.attn_processors[name] is processor for name, processor in processors.items())


def test_attaching_twice_is_refused(unet: UNet2DConditionModel) -> None:
    with SharedAttention(unet, frames=2, rank=4) as shared, pytest.raises(RuntimeError, match="already"):
        shared.attach()


def test_frames_of_a_sample_hear_each_other_and_no_other_sample(unet: UNet2DConditionModel) -> None:
    latents, context = noise(4), words(4)
    changed = latents.clone()
    changed[1] += 1
    with SharedAttention(unet, frames=2, weights=trained(unet, 2)):
        moved = (denoise(unet, changed, context) - denoise(unet, latents, context)).abs().amax(dim=(1, 2, 3))
    assert moved[0] > 1e-4
    assert moved[2:].max() < 1e-5


def test_every_frame_has_weights_of_its_own(unet: UNet2DConditionModel) -> None:
    latents, context = noise(1).expand(2, -1, -1, -1), words(1).expand(2, -1, -1)
    with SharedAttention(unet, frames=2, weights=trained(unet, 2)):
        first, second = denoise(unet, latents, context)
    assert (first - second).abs().max() > 1e-3


def test_a_frames_own_prompt_replaces_only_the_conditional_half(unet: UNet2DConditionModel) -> None:
    latents, context = noise(4), words(4)
    with SharedAttention(unet, frames=2, weights=trained(unet, 2)) as shared:
        plain = denoise(unet, latents, context)
        shared.set_prompts([words(1, seed=9), None], conditional=[False, True])
        own = denoise(unet, latents, context)
        replaced = context.clone()
        replaced[2] = words(1, seed=9)[0]
        shared.set_prompts(None)
        expected = denoise(unet, latents, replaced)
    assert torch.equal(own[:2], plain[:2])
    assert torch.allclose(own, expected, atol=1e-5)
    assert not torch.allclose(own[2], plain[2], atol=1e-3)


def test_a_prompt_of_another_length_is_refused_in_words(unet: UNet2DConditionModel) -> None:
    with SharedAttention(unet, frames=2, weights=trained(unet, 2)) as shared:
        shared.set_prompts([torch.randn(1, 9, WIDTH), None], conditional=[True])
        with pytest.raises(ValueError, match="prompt of frame 0 has 9 tokens"):
            denoise(unet, noise(2), words(2))


def test_prompts_for_another_batch_are_refused_in_words(unet: UNet2DConditionModel) -> None:
    with SharedAttention(unet, frames=2, weights=trained(unet, 2)) as shared:
        shared.set_prompts([words(1), None], conditional=[True, False])
        with pytest.raises(ValueError, match="2 samples do not fit a batch of 1"):
            denoise(unet, noise(2), words(2))


def test_a_given_layer_steers_the_picture(unet: UNet2DConditionModel) -> None:
    dark, bright = torch.zeros(1, 3, 128, 128), torch.ones(1, 3, 128, 128)
    with SharedAttention(unet, frames=2, weights=trained(unet, 2, control_channels=16)) as shared:
        shared.set_control_image(dark)
        first = denoise(unet, noise(4), words(4))
        shared.set_control_image(bright)
        second = denoise(unet, noise(4), words(4))
    assert (first - second).abs().max() > 1e-4


def test_each_sample_may_have_a_given_layer_of_its_own(unet: UNet2DConditionModel) -> None:
    pictures = torch.rand(2, 3, 128, 128)
    with SharedAttention(unet, frames=2, weights=trained(unet, 2, control_channels=16)) as shared:
        shared.set_control_image(pictures)
        both = denoise(unet, noise(4), words(4))
        shared.set_control_image(pictures[1:])
        second = denoise(unet, noise(4)[2:], words(4)[2:])
    assert torch.allclose(both[2:], second, atol=1e-5)


def test_a_missing_given_layer_is_named(unet: UNet2DConditionModel) -> None:
    with (
        SharedAttention(unet, frames=2, weights=trained(unet, 2, control_channels=16)),
        pytest.raises(ValueError, match="give it the picture of that layer"),
    ):
        denoise(unet, noise(2), words(2))


def test_a_given_layer_of_another_size_is_refused_in_words(unet: UNet2DConditionModel) -> None:
    with SharedAttention(unet, frames=2, weights=trained(unet, 2, control_channels=16)) as shared:
        shared.set_control_image(torch.zeros(1, 3, 72, 72))
        with pytest.raises(ValueError, match="as large as the picture to generate"):
            denoise(unet, noise(2), words(2))


def test_weights_without_control_take_no_given_layer(unet: UNet2DConditionModel) -> None:
    shared = SharedAttention(unet, frames=2, rank=4)
    with pytest.raises(ValueError, match="no control"):
        shared.set_control_image(torch.zeros(1, 3, 128, 128))


def test_weights_for_another_number_of_frames_are_refused(unet: UNet2DConditionModel) -> None:
    with pytest.raises(ValueError, match="made for 2 frames, not 3"):
        SharedAttention(unet, frames=3, weights=trained(unet, 2).state_dict())


def test_weights_of_another_model_are_refused(unet: UNet2DConditionModel) -> None:
    shapes = PUBLISHED["files"]["layer_sd15_transparent_attn"]
    with pytest.raises(ValueError, match="belong to another model"), torch.device("meta"):
        SharedAttentionLayers.from_weights(unet, {key: torch.zeros(shape) for key, shape in shapes.items()})


def test_a_file_of_something_else_is_refused(unet: UNet2DConditionModel) -> None:
    with pytest.raises(ValueError, match="no attention-sharing weights"):
        SharedAttention(unet, frames=1, weights={"conv_in.weight": torch.zeros(1)})


def test_saved_layers_make_the_same_picture_again(unet: UNet2DConditionModel) -> None:
    layers = trained(unet, 2)
    with SharedAttention(unet, frames=2, weights=layers):
        before = denoise(unet, noise(2), words(2))
    with SharedAttention(unet, frames=2, weights=layers.state_dict()):
        after = denoise(unet, noise(2), words(2))
    assert torch.equal(before, after)


def test_training_reaches_every_weight_of_the_layers_and_none_of_the_unet(unet: UNet2DConditionModel) -> None:
    layers = trained(unet, 2, control_channels=16).requires_grad_(True)
    with SharedAttention(unet, frames=2, weights=layers) as shared:
        shared.set_control_image(torch.rand(1, 3, 128, 128))
        error = denoise(unet, noise(4), words(4)).square().mean()
        error.backward()  # type: ignore[no-untyped-call]
    # This UNet has two of the four sizes that the condition encoder makes maps for.
    unused = ("kwargs_encoder.blocks_2", "kwargs_encoder.blocks_3")
    used = [weight for name, weight in layers.named_parameters() if not name.startswith(unused)]
    assert all(weight.grad is not None and weight.grad.any() for weight in used)
    assert all(parameter.grad is None for parameter in unet.parameters())
