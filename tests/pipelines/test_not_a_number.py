"""Not-a-number is never an empty layer: it is refused in what is given, and told where a model makes it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from acetate.models.families import ModelSource, families
from acetate.models.memory_plan import MemoryPlan
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.pipelines import run
from acetate.transparency import fastest_dtype
from acetate_wire.blocking import BlockingClient
from acetate_wire.errors import AcetateError
from acetate_wire.events import Failed
from acetate_wire.request import Control, LayerRequest, Lora, PictureSpec, Rect
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

from tests.adapters.tiny_kit import write_lora
from tests.daemon.harness import running_daemon
from tests.pipelines.conftest import a_picture, a_request

SIDE = 64
TYPES = {"rgbaf16": np.float16, "rgbaf32": np.float32}


def changed(file: Path, chosen: str, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Change the tensors whose names contain this."""
    weights = load_file(file)
    found = [name for name in weights if chosen in name]
    assert found
    save_file({name: change(value) if name in found else value for name, value in weights.items()}, file)


def nothing(value: torch.Tensor) -> torch.Tensor:
    return torch.full_like(value, torch.nan)


@pytest.fixture(scope="module")
def damaged(models_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole starter with bad LoRAs, an SD 1.5 with a bad UNet, and an SDXL with a bad autoencoder."""
    folder = tmp_path_factory.mktemp("damaged") / "models"
    shutil.copytree(models_folder, folder)
    unet = UNet2DConditionModel.from_pretrained(folder / "starter/unet")
    for name in ("good", "nan", "huge", "million", "strong"):
        write_lora(folder / f"lora/{name}.safetensors", unet)
    changed(folder / "lora/nan.safetensors", "lora_B", nothing)
    changed(folder / "lora/huge.safetensors", "lora_", lambda value: value * 1e30)
    changed(folder / "lora/million.safetensors", "lora_", lambda value: value * 1e6)
    changed(folder / "lora/strong.safetensors", "lora_", lambda value: value * 10)
    changed(next((folder / "sd15/unet").glob("*.safetensors")), "conv_out.bias", nothing)
    changed(next((folder / "sdxl/vae").glob("*.safetensors")), "decoder.conv_out.bias", lambda value: value + torch.inf)
    return folder


@pytest.fixture(scope="module")
def session(damaged: Path) -> Iterator[BlockingClient]:
    """A client of a daemon with these models."""
    with (
        running_daemon("tests.pipelines.watched_engine:Watched", ACETATE_MODELS_DIR=str(damaged)) as daemon,
        daemon.session() as session,
    ):
        yield session


def asked(mode: str = "text", **fields: Any) -> LayerRequest:
    plain: dict[str, Any] = {"seed": 5, "steps": 2, "passes": 1, "prompt": "a red apple", **fields}
    return LayerRequest(mode, (SIDE, SIDE), Rect(0, 0, SIDE, SIDE), **plain)


def refusal(session: BlockingClient, request: LayerRequest, frames: Sequence[bytes] = ()) -> AcetateError:
    with pytest.raises(AcetateError) as caught:
        session.run(request, frames)
    return caught.value


def float_layer(format: str, x: int, y: int, channel: int, value: float, alpha: float = 0.5) -> bytes:
    pixels = np.full((SIDE, SIDE, 4), 0.5, TYPES[format])
    pixels[y, x, 3] = alpha
    pixels[y, x, channel] = value
    return pixels.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nan", "is not a number, or infinite"),
        ("huge", "is not a number, or infinite"),
        ("million", "overflow half precision"),
    ],
)
def test_a_lora_of_no_numbers_is_refused_by_name_and_leaves_the_model_whole(
    session: BlockingClient, name: str, words: str
) -> None:
    before = session.run(asked()).layers[0].picture.pixels
    error = refusal(session, asked(loras=(Lora(name),)))
    assert error.code == "bad_request" and not error.retry
    assert name in error.message and words in error.message and "fetch it again" in error.hint
    assert bytes(session.run(asked()).layers[0].picture.pixels) == bytes(before)
    assert session.run(asked(loras=(Lora("good"),))).layers


def test_a_lora_far_too_strong_still_answers_in_numbers(session: BlockingClient) -> None:
    """In 32 bits, where the norms of a network bring it back; half precision would overflow."""
    plain = session.run(asked(reply_format="rgbaf32")).layers[0].picture.pixels
    strong = session.run(asked(loras=(Lora("strong"),), reply_format="rgbaf32")).layers[0].picture.pixels
    assert np.isfinite(np.frombuffer(strong, np.float32)).all()
    assert bytes(strong) != bytes(plain)


@pytest.mark.parametrize(("model", "network"), [("sd15", "UNet"), ("sdxl", "VAE")])
@pytest.mark.parametrize("mode", ["text", "refine", "inpaint", "scene"])
def test_a_damaged_checkpoint_fails_by_name_in_every_mode(
    session: BlockingClient, model: str, network: str, mode: str
) -> None:
    roles = {"refine": ("layer",), "inpaint": ("layer", "mask")}.get(mode, ())
    inputs = {role: PictureSpec(frame, SIDE, SIDE) for frame, role in enumerate(roles)}
    noise = np.random.default_rng(1).integers(1, 256, (SIDE, SIDE, 4), dtype=np.uint8).tobytes()
    error = refusal(session, asked(mode, model=model, inputs=inputs), [noise] * len(roles))
    assert error.code == "internal" and f"not-a-number after the {network})" in error.message


@pytest.mark.parametrize("format", TYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channel", [1, 3])
def test_what_is_given_is_named_with_how_many_and_where(
    session: BlockingClient, format: str, value: float, channel: int
) -> None:
    for rows, y in (("top-down", 9), ("bottom-up", SIDE - 1 - 9)):
        header = PictureSpec(0, SIDE, SIDE, format, rows)
        error = refusal(session, asked("refine", inputs={"layer": header}), [float_layer(format, 7, y, channel, value)])
        assert (error.code, error.field) == ("bad_request", "inputs.layer")
        assert error.message == (
            "inputs.layer has 1 pixel that is not a finite number (NaN or infinite), "
            "the first at x 7, y 9 from the top left"
        )
        assert error.hint


def test_a_mask_is_named_too(session: BlockingClient) -> None:
    layer, mask = PictureSpec(0, SIDE, SIDE, "rgbaf32"), PictureSpec(1, SIDE, SIDE, "rgbaf32", space="linear")
    white = np.ones((SIDE, SIDE, 4), np.float32)
    strange = white.copy()
    strange[3:5, 2:6, 0] = np.nan
    request = asked("inpaint", inputs={"layer": layer, "mask": mask})
    error = refusal(session, request, [white.tobytes(), strange.tobytes()])
    assert (error.code, error.field) == ("bad_request", "inputs.mask")
    assert "8 pixels" in error.message and "the first at x 2, y 3" in error.message


def test_a_control_is_named_by_its_number() -> None:
    from acetate.worker.job_io import read_job
    from acetate_wire.request_codec import encode_request

    header = PictureSpec(0, SIDE, SIDE, "rgbaf16")
    frame = float_layer("rgbaf16", 1, 2, 0, np.nan)
    request = asked(controls=(Control("edge", header),))
    with tempfile.NamedTemporaryFile() as file:
        file.write(frame)
        file.flush()
        fields = {"id": "x", "request": encode_request(request), "sizes": [len(frame)], "input": file.name}
        with pytest.raises(AcetateError, match="1 pixel") as caught:
            read_job(fields, ())
    assert (caught.value.code, caught.value.field) == ("bad_request", "controls[0].picture")


@pytest.mark.parametrize("format", TYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("space", ["srgb", "linear"])
def test_the_colour_of_clear_pixels_may_be_anything(
    session: BlockingClient, format: str, value: float, space: str
) -> None:
    header = PictureSpec(0, SIDE, SIDE, format, space=space)
    layers = []
    for colour in (value, 0.0):
        frame = float_layer(format, 7, 9, 1, colour, alpha=0.0)
        request = asked("refine", inputs={"layer": header}, strength=0.5, reply_format="rgbaf32")
        (layer,) = session.run(request, [frame]).layers
        layers.append(np.frombuffer(layer.picture.pixels, np.float32))
    assert np.isfinite(layers[0]).all()
    assert np.array_equal(layers[0], layers[1])


@pytest.mark.parametrize(
    ("file", "chosen", "network"),
    [
        ("layers/vae_transparent_decoder.safetensors", "conv_out.bias", "transparent decoder"),
        ("sdxl/vae/*.safetensors", "encoder.conv_out.bias", "VAE's encoder"),
    ],
)
def test_every_network_is_named(
    models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, chosen: str, network: str
) -> None:
    folder = tmp_path / "models"
    shutil.copytree(models_folder, folder)
    changed(next(folder.glob(file)), chosen, nothing)
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(folder))
    sdxl = next(family for family in families().values() if family.name == "sdxl")
    store = ModelCache(
        ModelRegistry({"sdxl": ModelSource(folder / "sdxl", sdxl, "Apache-2.0")}), torch.device("cpu"), torch.float32
    )
    pictures = {"layer": a_picture()}
    for passes in (1, 4, 8):
        with pytest.raises(AcetateError, match=f"not-a-number after the {network}\\)"):
            run(a_request("refine", pictures, model="sdxl", passes=passes), pictures, store, lambda progress: None)


def test_the_failure_of_a_job_tells_its_field(session: BlockingClient) -> None:
    header = PictureSpec(0, SIDE, SIDE, "rgbaf32")
    job = session.submit(asked("refine", inputs={"layer": header}), [float_layer("rgbaf32", 1, 1, 3, np.nan)])
    event = session._receive_until(lambda each: isinstance(each, Failed) and each.id == job, 60)
    assert isinstance(event, Failed) and event.field == "inputs.layer"
    session.acknowledge(job)


def starter_in(dtype: torch.dtype, folder: Path) -> ModelCache:
    sources = {"starter": ModelSource(folder / "starter", families()["starter"], "Apache-2.0")}
    return ModelCache(ModelRegistry(sources), torch.device("cpu"), dtype)


def test_a_job_whose_unet_overflows_in_float16_begins_again_in_a_wider_format(
    damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(damaged))
    half, wide = starter_in(torch.float16, damaged), starter_in(fastest_dtype(torch.device("cpu")), damaged)
    strong = damaged / "lora/strong.safetensors"
    shutil.copy(damaged / "lora/good.safetensors", strong)
    changed(strong, "unet.", lambda value: value * 250)
    request = a_request("text", {}, steps=2, loras=(Lora("strong"),))
    stages: list[str] = []
    (layer,) = run(request, {}, half, lambda progress: stages.append(progress.stage))
    assert stages.count("loading") == 2 and "drawing" not in stages[: stages.index("loading", 1)], "found at once"
    (expected,) = run(request, {}, wide, lambda progress: None)
    assert torch.equal(layer.picture, expected.picture) and bool(layer.picture.isfinite().all())
    assert half.get("starter").dtype == wide.get("starter").dtype != torch.float16
    stages.clear()
    run(request, {}, half, lambda progress: stages.append(progress.stage))
    assert stages.count("loading") == 1, "the next job does not try float16 again"


def test_what_no_format_helps_fails_by_name_and_the_model_stays_in_float16(
    damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(damaged))
    sources = {"sd15": ModelSource(damaged / "sd15", families()["sd15"], "Apache-2.0")}
    half = ModelCache(ModelRegistry(sources), torch.device("cpu"), torch.float16)
    stages: list[str] = []
    with pytest.raises(AcetateError, match="not-a-number after the UNet") as failed:
        run(a_request("text", {}, model="sd15"), {}, half, lambda progress: stages.append(progress.stage))
    assert (failed.value.code, failed.value.field) == ("internal", "model") and failed.value.hint
    assert stages == ["loading", "loading"]
    assert half.get("sd15").dtype == torch.float16


def test_a_transparent_decoder_that_overflows_in_float16_computes_in_float32(
    models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(models_folder))
    model = starter_in(torch.float32, models_folder).get("starter")
    latent = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    model.decoder.float()
    expected = model.decode_transparent(latent, 1)
    model.decoder.half()
    overflowing = model.decoder.register_forward_hook(
        lambda module, inputs, answer: answer * (1 if module.conv_in.weight.dtype == torch.float32 else torch.inf)
    )
    found = model.decode_transparent(latent, 1)
    overflowing.remove()
    assert torch.allclose(found, expected, atol=2e-3) and model.decoder.conv_in.weight.dtype == torch.float32


def test_a_layer_in_which_nothing_is_seen_says_so(
    models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(models_folder))
    model = (store := starter_in(torch.float32, models_folder)).get("starter")

    def warned() -> list[str]:
        (layer,) = run(a_request("text", {}, steps=1), {}, store, lambda progress: None)
        return [warning.code for warning in layer.warnings]

    assert "empty" not in warned()
    clearing = model.decoder.register_forward_hook(lambda module, inputs, answer: torch.zeros_like(answer))
    assert warned() == ["empty"]
    clearing.remove()


def test_published_families_compute_in_float16_on_cards_first(models_folder: Path) -> None:
    """bfloat16 has three digits fewer: what a weight delta of a thousandth adds would be gone."""
    found = {name: ModelSource(models_folder / name, family, "x") for name, family in families().items()}
    for device in ("cuda", "xpu"):
        store = ModelCache(ModelRegistry(found), torch.device(device))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(f"torch.{device}.is_bf16_supported", lambda **_: True)
            chosen = {name: store._dtype(name, MemoryPlan()) for name in ("starter", "sd15", "sdxl")}
        assert chosen == {"starter": torch.bfloat16, "sd15": torch.float16, "sdxl": torch.float16}
