"""What each mode computes, against the same in a few lines of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from acetate.adapters.shared_attention import SharedAttention
from acetate.image.sizes import Size
from acetate.models.backbones.stable_diffusion.samplers import get_sampler, make_scheduler
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.model_cache import ModelCache
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.models.weights import read_weights
from acetate.pipelines.sampling import FrameBatch, GuidedDenoiser, SamplingParams, TileSpec
from diffusers import DDIMScheduler
from torch import Tensor

from tests.pipelines.conftest import Draw, Spy, a_picture

STEPS = 3


def noise(model: DiffusionModel, frames: int, seed: int = 5) -> Tensor:
    return torch.randn(frames, model.latent_channels, 8, 8, generator=torch.Generator().manual_seed(seed))


def ddim(model: DiffusionModel) -> DDIMScheduler:
    settings = {
        **model.sd.scheduler_config,
        "clip_sample": False,
        "set_alpha_to_one": True,
        "timestep_spacing": "trailing",
    }
    scheduler = DDIMScheduler.from_config({key: value for key, value in settings.items() if key[0] != "_"})
    scheduler.set_timesteps(STEPS)
    return scheduler


@torch.inference_mode()
def words(model: DiffusionModel, *texts: str) -> Tensor:
    return model.sd.text.encode(texts).prompt_embeds


@torch.inference_mode()
def flat(model: DiffusionModel, picture: Tensor) -> Tensor:
    """The VAE's latent of a picture over mid grey, scaled."""
    over_grey = 0.5 + (picture[:3] - 0.5) * picture[3:]
    latent = model.sd.vae.encode(over_grey[None] * 2 - 1).latent_dist.mean
    return latent * model.sd.vae.config.scaling_factor  # type: ignore[no-any-return]


@torch.inference_mode()
def opaque(model: DiffusionModel, latent: Tensor) -> Tensor:
    """The VAE's picture of a scaled latent, "h w 3"."""
    picture = model.sd.vae.decode(latent / model.sd.vae.config.scaling_factor).sample[0] / 2 + 0.5
    return picture.clamp(0, 1).permute(1, 2, 0)  # type: ignore[no-any-return]


@torch.inference_mode()
def transparent(model: DiffusionModel, latent: Tensor) -> Tensor:
    """The transparent decoder's layer of a scaled latent, one pass, "h w 4"."""
    plain = latent / model.sd.vae.config.scaling_factor
    picture = (model.sd.vae.decode(plain).sample / 2 + 0.5).clamp(0, 1)
    alpha_first = model.decoder(picture, plain)[0].float().clamp(0, 1)
    return torch.cat([alpha_first[1:], alpha_first[:1]]).permute(1, 2, 0)


def test_a_scene_is_three_frames_side_by_side_with_own_prompts_in_the_conditional_half(
    draw: Draw, store: ModelCache
) -> None:
    model = store.get("sd15")
    prompts = {"foreground": "a cat", "background": "a green leaf"}
    made = {
        layer.role: layer.picture
        for layer in draw("scene", model="sd15", guidance=4.0, negative="a fish", layer_prompts=prompts)
    }
    latent, scheduler = noise(model, 3), ddim(model)
    negative, common = words(model, "a fish"), words(model, "a red apple")
    own = [words(model, "a cat, a red apple"), words(model, "a green leaf, a red apple")]
    context = torch.cat([negative] * 3 + [*own, common])
    weights = read_weights(model.spec.files["joint"])
    with torch.inference_mode(), SharedAttention(model.sd.unet, 3, weights):
        for step in scheduler.timesteps:
            without, prompted = model.sd.unet(torch.cat([latent, latent]), step, context).sample.chunk(2)
            latent = scheduler.step(without + 4.0 * (prompted - without), step, latent).prev_sample
    # The transparent decoder computes in 16 bits.
    right, wrong = (
        (made["foreground"] - transparent(model, latent[frame : frame + 1])).abs().mean() for frame in (0, 1)
    )
    assert right < 1e-4 and right < wrong / 10
    for role, frame in (("background", 1), ("blend", 2)):
        assert torch.allclose(made[role][..., :3], opaque(model, latent[frame : frame + 1]), atol=2e-4)
        assert bool((made[role][..., 3] == 1).all())


def test_a_given_layer_steers_both_frames_through_the_condition_encoder(draw: Draw, store: ModelCache) -> None:
    model, picture = store.get("sd15"), a_picture(1)
    (background, blend) = draw(
        "background", model="sd15", guidance=1.0, foreground=picture, returns=("background", "blend")
    )
    latent, scheduler = noise(model, 2), ddim(model)
    context = torch.cat([words(model, "a red apple")] * 2)
    sharing = SharedAttention(model.sd.unet, 2, read_weights(model.spec.files["fg2bg"]))
    with torch.inference_mode(), sharing:
        sharing.set_control_image(((0.5 + (picture[:3] - 0.5) * picture[3:]) * 2 - 1)[None])
        for step in scheduler.timesteps:
            latent = scheduler.step(model.sd.unet(latent, step, context).sample, step, latent).prev_sample
    assert torch.allclose(background.picture[..., :3], opaque(model, latent[:1]), atol=2e-4)
    assert torch.allclose(blend.picture[..., :3], opaque(model, latent[1:]), atol=2e-4)


def test_given_frames_of_the_starter_stay_clean_at_time_step_0(draw: Draw, store: ModelCache) -> None:
    model = store.get("starter")
    layer, whole = a_picture(1), a_picture(2)
    whole[3] = 1
    with Spy(model.sd.unet) as spy:
        draw("extract", foreground=layer, blend=whole)
    clean = model.encode(layer[None])
    for sample, timestep in zip(spy.samples, spy.timesteps, strict=True):
        assert sample.shape[0] == 6
        for half in (0, 3):
            assert torch.allclose(sample[half], clean[0], atol=1e-5)
            assert torch.allclose(sample[half + 2], flat(model, whole)[0], atol=1e-5)
            assert torch.equal(sample[half + 1], sample[1])
        noisy = float(timestep[1])
        assert timestep.tolist() == [0, noisy, 0, 0, noisy, 0] and noisy > 0
    assert torch.equal(spy.samples[0][1], noise(model, 1)[0])


@pytest.mark.parametrize(
    ("given", "order"), [("background", ("background", "blend")), ("foreground", ("foreground", "blend"))]
)
def test_latents_of_given_layers_lie_behind_the_noisy_one_the_layer_first(
    draw: Draw, store: ModelCache, given: str, order: tuple[str, ...]
) -> None:
    model = store.get("sdxl")
    pictures = {given: a_picture(1), "blend": a_picture(2)}
    with Spy(model.sd.unet) as spy:
        draw("extract", model="sdxl", stop_at=1.0, **pictures)
    wanted = torch.cat([flat(model, pictures[role]) for role in order], dim=1)
    assert spy.conv_in == [12] * STEPS
    for sample in spy.samples:
        assert torch.allclose(sample[:, 4:], wanted.expand(2, -1, -1, -1), atol=1e-5)
    assert torch.equal(spy.samples[0][:1, :4], noise(model, 1))


def test_sdxl_makes_the_blend_first_and_the_layer_out_of_it(draw: Draw, store: ModelCache) -> None:
    model, picture = store.get("sdxl"), a_picture(3)
    with Spy(model.sd.unet) as spy:
        layer, blend = draw(
            "foreground", model="sdxl", background=picture, returns=("foreground", "blend"), stop_at=1.0
        )
    assert spy.conv_in == [8] * STEPS + [12] * STEPS
    drawn = torch.cat([blend.picture[..., :3], torch.ones(64, 64, 1)], dim=-1).permute(2, 0, 1)
    behind = torch.cat([flat(model, picture), flat(model, drawn)], dim=1)
    assert torch.allclose(spy.samples[-1][:1, 4:], behind, atol=1e-4)
    assert layer.role == "foreground" and blend.role == "blend"
    assert bool((blend.picture[..., 3] == 1).all())


def test_an_sdxl_scene_goes_from_the_foreground_over_the_blend_to_the_background(draw: Draw, store: ModelCache) -> None:
    with Spy(store.get("sdxl").sd.unet) as spy:
        layers = draw("scene", model="sdxl", stop_at=1.0)
    assert spy.conv_in == [4] * STEPS + [8] * STEPS + [12] * STEPS
    assert [layer.role for layer in layers] == ["background", "foreground", "blend"]


@pytest.mark.parametrize(
    ("sampler", "steps", "widened"),
    [("DPM++ 2M SDE Karras", 25, 13), ("DPM++ 2M SDE", 10, 7), ("Euler", 10, 10)],
)
def test_the_second_step_stops_early_by_itself_with_a_dpm_sampler(
    draw: Draw, store: ModelCache, sampler: str, steps: int, widened: int
) -> None:
    """The noise level counts: 0.62 ends at sigma 1.12, which Karras spacing reaches after 13 of 25 steps."""
    with Spy(store.get("sdxl").sd.unet) as spy:
        draw("background", model="sdxl", foreground=a_picture(), sampler=sampler, steps=steps)
    assert spy.conv_in[:steps] == [8] * steps
    assert spy.conv_in[steps:] == [12] * widened + [4] * (steps - widened)


@pytest.mark.parametrize("sampler", ["Euler", "DPM++ 2M", "DPM++ 2M Karras", "DDIM"])
@pytest.mark.parametrize("stop_at", [0.0, 0.25, 0.62, 0.9, 1.0])
def test_the_stop_is_where_forge_has_it(store: ModelCache, sampler: str, stop_at: float) -> None:
    """Forge's percent_to_sigma: the noise level at the share of the trained time steps, logarithms interpolated."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = np.cumprod(1 - betas)
    sigmas = np.sqrt((1 - kept) / kept)
    stop = np.exp(np.interp((1 - stop_at) * 999, np.arange(1000), np.log(sigmas)))
    limit = {0.0: np.inf, 1.0: 0.0}.get(stop_at, stop)
    params = SamplingParams(get_sampler(sampler), 25, 7.0, stop_at=stop_at)
    timesteps = make_scheduler(params.sampler, store.get("sdxl").sd.scheduler_config, 25).timesteps
    levels = np.interp(timesteps.double().numpy(), np.arange(1000), sigmas)
    assert [params.adapts(float(each), 1000) for each in timesteps] == (levels >= limit).tolist()


def test_the_plain_model_goes_on_after_the_stop_with_what_the_sampler_remembers(draw: Draw, store: ModelCache) -> None:
    model = store.get("sd15")
    sampler = get_sampler("DPM++ 2M")
    with Spy(model.sd.unet) as spy:
        (layer,) = draw("text", model="sd15", sampler="DPM++ 2M", steps=6, stop_at=0.5, guidance=1.0)
    assert spy.processors[:3] == ["_SharedAttnProcessor"] * 3 and "_SharedAttnProcessor" not in spy.processors[3:]
    latent, context = noise(model, 1), words(model, "a red apple")
    scheduler = make_scheduler(sampler, model.sd.scheduler_config, 6)
    sharing = SharedAttention(model.sd.unet, 1, read_weights(model.spec.files["transparent_attn"]))
    latents = []
    with torch.inference_mode():
        for number, step in enumerate(scheduler.timesteps):
            if number == 0:
                sharing.attach()
            if number == 3:
                sharing.detach()
            latents.append(latent)
            latent = scheduler.step(model.sd.unet(latent, step, context).sample, step, latent, return_dict=False)[0]
    with Spy(model.sd.unet) as never:
        draw("text", model="sd15", sampler="DPM++ 2M", steps=6, guidance=1.0)
    # The last input of the UNet: the transparent decoder computes in 16 bits, which hides small differences.
    right, wrong = (float((each.samples[-1] - latents[-1]).abs().max()) for each in (spy, never))
    assert right < 1e-5 and right < wrong / 100
    assert (layer.picture - transparent(model, latent)).abs().mean() < 1e-3


def test_refining_starts_from_the_layer_with_noise_of_the_right_strength(draw: Draw, store: ModelCache) -> None:
    model, layer = store.get("starter"), a_picture(4)
    with Spy(model.sd.unet) as spy:
        draw("refine", layer=layer, strength=0.5, steps=10)
    scheduler = ddim(model)
    scheduler.set_timesteps(10)
    assert [int(step) for step in spy.timesteps] == scheduler.timesteps[5:].tolist()
    kept = scheduler.alphas_cumprod[scheduler.timesteps[5]]
    wanted = kept.sqrt() * model.encode(layer[None]) + (1 - kept).sqrt() * noise(model, 1)
    assert torch.allclose(spy.samples[0][:1], wanted, atol=1e-5)


def test_inpainting_sees_the_old_layer_with_the_same_noise_around_the_mask(draw: Draw, store: ModelCache) -> None:
    model, layer = store.get("starter"), a_picture(5)
    mask = torch.zeros(4, 64, 64)
    mask[3], mask[:3, :, 32:] = 1, 1
    with Spy(model.sd.unet) as spy:
        draw("inpaint", layer=layer, mask=mask)
    scheduler = ddim(model)
    for sample, step in zip(spy.samples, scheduler.timesteps, strict=True):
        kept = scheduler.alphas_cumprod[step]
        around = kept.sqrt() * model.encode(layer[None]) + (1 - kept).sqrt() * noise(model, 1)
        assert torch.allclose(sample[:1, :, :, :4], around[..., :4], atol=1e-5)
    assert not torch.allclose(spy.samples[-1][:1, :, :, 4:], around[..., 4:], atol=1e-2)


def test_tiles_of_local_answers_make_the_same_picture_as_the_whole() -> None:
    def local(sample: Tensor, timestep: Tensor, states: PromptEmbeds, *rest: Any) -> Tensor:
        return torch.tanh(sample) + timestep.reshape(-1, 1, 1, 1) / 1000

    seen = torch.randn(2, 4, 40, 56)
    states = PromptEmbeds(torch.zeros(6, 5, 8))
    frames = FrameBatch(3, Size(448, 320), states, {1: torch.randn(1, 4, 40, 56)})
    question = GuidedDenoiser(local, 3.0, frames, torch.tensor(500.0), 0.0)  # type: ignore[arg-type]  # as it is called
    heard: list[float] = []
    tiled = question.predict_tiled(seen, TileSpec(128, 64), heard.append)
    assert torch.allclose(tiled, question.predict(seen), atol=1e-5)
    assert heard == sorted(heard) and len(heard) == TileSpec(128, 64).count(frames.size) - 1


def test_tiles_in_which_nothing_is_to_be_drawn_are_not_asked_about() -> None:
    asked: list[Tensor] = []

    def answer(sample: Tensor, *rest: Any) -> Tensor:
        asked.append(sample)
        return torch.ones_like(sample)

    mask = torch.zeros(1, 1, 16, 64)
    mask[..., :8] = 1
    frames = FrameBatch(1, Size(512, 128), PromptEmbeds(torch.zeros(2, 5, 8)))
    question = GuidedDenoiser(answer, 3.0, frames, torch.tensor(500.0), 0.0)  # type: ignore[arg-type]  # as it is called
    drawn = question.predict_tiled(torch.randn(1, 4, 16, 64), TileSpec(128, 64), lambda share: None, mask)
    assert len(asked) == 1
    assert bool((drawn[..., :8] > 0).all()) and bool((drawn[..., 16:] == 0).all())
