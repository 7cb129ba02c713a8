"""Promises of files from the wild: each is told by its keys and shapes, and refused with a way out or used rightly."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.models.backbones.file_kind import ATTENDS, identify
from acetate.models.backbones.stable_diffusion.original_unet import DEEPEST, input_skips, unet_names
from acetate.models.families import SD15, SDXL, ModelFamily, ModelSource
from acetate.models.registry import ModelRegistry
from acetate.models.user_models import unusable_files, user_sources
from acetate_wire.errors import AcetateError
from diffusers import UNet2DConditionModel

from tests.models.published import original_name, sdxl_unet
from tests.models.tiny_families import sd15_unet

Shapes = dict[str, tuple[int, ...]]
UNET = "model.diffusion_model."


def unet_shapes(family: ModelFamily) -> Shapes:
    """The shapes of a narrow UNet in the original layout."""
    with torch.device("meta"):
        unet = sd15_unet() if family is SD15 else sdxl_unet(width=8, levels=(1, 1, 2), words=16)
    return {UNET + original_name(name, unet): tuple(value.shape) for name, value in unet.state_dict().items()}


def write_zeros(path: Path, shapes: Mapping[str, tuple[int, ...]], metadata: Mapping[str, str] | None = None) -> Path:
    """A .safetensors file of zeros in float16."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        size = 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    return path


@pytest.fixture(scope="module")
def sd15() -> Shapes:
    return unet_shapes(SD15)


@pytest.fixture(scope="module")
def sdxl() -> Shapes:
    return unet_shapes(SDXL)


@pytest.mark.parametrize("family", [SD15, SDXL], ids=lambda family: family.name)
def test_the_names_of_a_whole_unet_are_those_of_the_published_ones(family: ModelFamily) -> None:
    depths = {"input_blocks.4.1": 2, "input_blocks.5.1": 2, **{f"output_blocks.{number}.1": 2 for number in (3, 4, 5)}}
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768) if family is SD15 else sdxl_unet()
    names = {original_name(name, unet) for name in unet.state_dict()}
    depth: Callable[[str], int] = (lambda place: 1) if family is SD15 else (lambda place: depths.get(place, DEEPEST))
    required = set(unet_names(ATTENDS[family.name], added=family is SDXL, depth=depth))
    assert required <= names
    assert names - required <= set(input_skips(len(ATTENDS[family.name])))
    assert len(names) == (686 if family is SD15 else 1680)


@pytest.mark.parametrize("ending", [".safetensors", ".SAFETENSORS", ".SafeTensors", ".sft"])
def test_a_checkpoint_is_of_its_family_whatever_its_ending(
    sd15: Shapes, sdxl: Shapes, tmp_path: Path, ending: str
) -> None:
    for family, shapes in ((SD15, sd15), (SDXL, sdxl)):
        kind = identify(write_zeros(tmp_path / f"{family.name}{ending}", shapes))
        assert (kind.family, dict(kind.schedule), kind.foreign) == (family, {}, ())


@pytest.mark.parametrize(
    ("more", "metadata", "schedule"),
    [
        (("v_pred",), {}, {"prediction_type": "v_prediction"}),
        (
            ("v_pred", "ztsnr"),
            {},
            {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"},
        ),
        ((), {"modelspec.prediction_type": "v"}, {"prediction_type": "v_prediction"}),
        ((), {"modelspec.prediction_type": "epsilon"}, {}),
    ],
)
def test_v_prediction_and_zero_terminal_snr_are_told_by_their_keys(
    sd15: Shapes,
    sdxl: Shapes,
    tmp_path: Path,
    more: tuple[str, ...],
    metadata: dict[str, str],
    schedule: dict[str, Any],
) -> None:
    for family, shapes in ((SD15, sd15), (SDXL, sdxl)):
        path = write_zeros(tmp_path / "v.safetensors", {**shapes, **dict.fromkeys(more, (0,))}, metadata)
        kind = identify(path)
        assert (kind.family, dict(kind.schedule)) == (family, schedule)


def widened(shapes: Shapes, channels: int) -> Shapes:
    first = f"{UNET}input_blocks.0.0.weight"
    return {**shapes, first: (shapes[first][0], channels, 3, 3)}


def halved(shapes: Shapes, beginnings: tuple[str, ...]) -> Shapes:
    return {name: shape for name, shape in shapes.items() if not name.removeprefix(UNET).startswith(beginnings)}


KINDS: Mapping[str, tuple[Callable[[Shapes, Shapes], Shapes], str, str]] = {
    "inpainting": (lambda sd15, sdxl: widened(sd15, 9), "an inpainting checkpoint", "the plain version"),
    "inpainting XL": (lambda sd15, sdxl: widened(sdxl, 9), "an inpainting checkpoint", "the plain version"),
    "edit": (lambda sd15, sdxl: widened(sd15, 8), "an edit checkpoint", "the plain version"),
    "depth": (lambda sd15, sdxl: widened(sd15, 5), "takes 5 channels, not 4", "the plain version"),
    "refiner": (
        lambda sd15, sdxl: {**sdxl, f"{UNET}input_blocks.9.0.op.weight": (8, 8, 3, 3)},
        "SDXL's refiner",
        "SDXL's base model",
    ),
    "SD 2": (
        lambda sd15, sdxl: {**sd15, f"{UNET}input_blocks.1.1.proj_in.weight": (8, 8)},
        "Stable Diffusion 2",
        "take a checkpoint of Stable Diffusion 1.5 or SDXL",
    ),
    "FLUX": (lambda sd15, sdxl: {"double_blocks.0.img_attn.qkv.weight": (9, 3)}, "a FLUX model", "SDXL"),
    "FLUX, whole": (
        lambda sd15, sdxl: {f"{UNET}double_blocks.0.img_attn.qkv.weight": (9, 3), "vae.decoder.up.0": (1,)},
        "a FLUX model",
        "SDXL",
    ),
    "SD 3": (lambda sd15, sdxl: {f"{UNET}joint_blocks.0.x.weight": (3, 3)}, "Stable Diffusion 3", "SDXL"),
    "CosXL": (lambda sd15, sdxl: {**sdxl, "edm_vpred.sigma_max": (1,)}, "a CosXL checkpoint", "predicts noise or v"),
    "Playground": (lambda sd15, sdxl: {**sdxl, "edm_mean": (4,)}, "Playground 2.5", "predicts noise or v"),
    "NF4": (
        lambda sd15, sdxl: {**sdxl, f"{UNET}out.2.weight.absmax": (4,)},
        "quantized by bitsandbytes",
        "its version in float16",
    ),
    "VAE": (lambda sd15, sdxl: {"decoder.up.0.block.0.conv1.weight": (8, 8, 3, 3)}, "a VAE alone", "has a UNet"),
    "LoRA": (
        lambda sd15, sdxl: {"lora_unet_mid_block_attentions_0_proj_in.lora_up.weight": (8, 2)},
        "a LoRA, not a model",
        "put it into lora",
    ),
    "ControlNet": (
        lambda sd15, sdxl: {"control_model.input_hint_block.0.weight": (8, 3, 3, 3)},
        "a ControlNet",
        "put it into control/sd15",
    ),
    "embedding": (lambda sd15, sdxl: {"emb_params": (4, 768)}, "a textual inversion", "put it into embedding"),
    "UNet alone": (
        lambda sd15, sdxl: {"down_blocks.0.resnets.0.conv1.weight": (8, 8, 3, 3)},
        "a UNet alone",
        "model_index.json",
    ),
    "UNet alone, in the original layout": (
        lambda sd15, sdxl: {name.removeprefix(UNET): shape for name, shape in sd15.items()},
        "a UNet alone",
        "the whole checkpoint",
    ),
    "AnimateDiff": (
        lambda sd15, sdxl: {"down_blocks.0.motion_modules.0.temporal_transformer.norm.weight": (8,)},
        "a motion module",
        "SDXL",
    ),
    "Cascade": (lambda sd15, sdxl: {"down_blocks.0.0.norm": (8,), "clip_txt_mapper.weight": (8, 8)}, "Cascade", "SDXL"),
    "CLIP": (
        lambda sd15, sdxl: {"vision_model.encoder.layers.0.mlp.fc1.weight": (8, 8)},
        "an image encoder",
        "style/sd15",
    ),
    "half": (
        lambda sd15, sdxl: halved(sd15, ("output_blocks.", "out.")),
        "truncated: 388 of 682 weights of its UNet are missing",
        "fetch it again",
    ),
    "the other half": (
        lambda sd15, sdxl: halved(sdxl, ("input_blocks.", "time_embed", "label_emb")),
        "weights of its UNet are missing, such as time_embed.0.weight",
        "fetch it again",
    ),
    "one key less": (
        lambda sd15, sdxl: halved(sd15, ("output_blocks.11.1.proj_out.bias",)),
        "1 of 682 weights of its UNet is missing, such as output_blocks.11.1.proj_out.bias",
        "fetch it again",
    ),
    "something": (lambda sd15, sdxl: {"weight": (2,)}, "no checkpoint of Stable Diffusion 1.5 or SDXL", "SDXL"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_cannot_be_used_is_named_with_a_way_out(sd15: Shapes, sdxl: Shapes, tmp_path: Path, name: str) -> None:
    make, words, way_out = KINDS[name]
    kind = identify(write_zeros(tmp_path / "other.safetensors", make(dict(sd15), dict(sdxl))))
    assert kind.family is None
    assert words in kind.what and way_out in kind.hint


def nested(depth: int) -> bytes:
    text = b"[" * depth + b"]" * depth
    return len(text).to_bytes(8, "little") + text


def with_header(text: bytes, body: int = 0) -> bytes:
    return len(text).to_bytes(8, "little") + text + bytes(body)


FOREIGN: Mapping[str, tuple[bytes, str, str]] = {
    "page": (b"<!DOCTYPE html>\n<html><head>", "a web page, not a model", "log in"),
    "page after spaces": (b"\n\n  <html>" + bytes(90), "a web page, not a model", "log in"),
    "pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 2132696762\n",
        "a Git LFS pointer",
        "git lfs pull",
    ),
    "GGUF": (b"GGUF\x03\0\0\0" + bytes(90), "a GGUF file", ".safetensors version"),
    "archive": (b"PK\x03\x04" + bytes(90), "which can contain code", ".safetensors version"),
    "pickle": (b"\x80\x02}q\0" + bytes(90), "which can contain code", ".safetensors version"),
    "message": (b'{"error": "Unauthorized"}', "a JSON text", "read it"),
    "nothing": (b"", "empty", "fetch it again"),
    "a few bytes": (b"\x10\0\0", "truncated: only 3 bytes", "fetch it again"),
    "noise": (bytes(range(7, 107)), "no .safetensors file", ".safetensors version"),
    "header longer than its file": (
        (90_000).to_bytes(8, "little") + b'{"a":',
        "truncated: its header has 90000 bytes, and the file only 5",
        "fetch it again",
    ),
    "nested lists": (nested(100_000), "no .safetensors file", ".safetensors version"),
    "nested lists in a map": (
        with_header(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        "damaged: its header is no JSON",
        "fetch it again",
    ),
    "list in a map": (with_header(b'{"a": [1, 2]}'), "does not describe tensors", "fetch it again"),
    "metadata that is none": (
        with_header(b'{"__metadata__": [1], "a": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}', 2),
        "does not describe tensors",
        "fetch it again",
    ),
    "shape of words": (
        with_header(b'{"a": {"dtype": "F16", "shape": ["x"], "data_offsets": [0, 2]}}', 2),
        "does not describe tensors",
        "fetch it again",
    ),
    "shorter than its header says": (
        with_header(b'{"a": {"dtype": "F16", "shape": [2000000], "data_offsets": [0, 4000000]}}', 1_000_000),
        "truncated: 3.0 MB of 4.0 MB are missing",
        "fetch it again",
    ),
    "longer than its header says": (
        with_header(b'{"a": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}', 1002),
        "damaged: it has 1.0 kB more than its header says",
        "fetch it again",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_another_kind_or_a_part_of_one_is_named(tmp_path: Path, name: str) -> None:
    content, words, way_out = FOREIGN[name]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    kind = identify(path)
    assert kind.family is None
    assert words in kind.what and way_out in kind.hint


@pytest.mark.parametrize("cause", ["index", "unet"])
def test_a_folder_of_another_model_is_named(tmp_path: Path, cause: str) -> None:
    folder = tmp_path / "folder"
    (folder / "unet").mkdir(parents=True)
    cases: list[tuple[object, object, str]] = [
        ({"_class_name": "StableDiffusionInpaintPipeline"}, {}, "diffusers' StableDiffusionInpaintPipeline"),
        ({"_class_name": "FluxPipeline"}, {}, "diffusers' FluxPipeline"),
        ({"_class_name": "StableDiffusionPipeline"}, {"in_channels": 9}, "an inpainting checkpoint"),
        ({"_class_name": "StableDiffusionPipeline"}, {"use_linear_projection": True}, "Stable Diffusion 2"),
        ([[]], {}, "configuration is damaged"),
    ]
    for index, unet, words in cases:
        (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
        (folder / "unet/config.json").write_text(json.dumps(unet), encoding="utf-8")
        assert words in identify(folder).what and identify(folder).family is None
    deep = "[" * 100_000 + "]" * 100_000
    (folder / ("model_index.json" if cause == "index" else "unet/config.json")).write_text(deep, encoding="utf-8")
    (folder / "unet/config.json").touch()
    assert "configuration is damaged" in identify(folder).what


def test_what_lies_among_the_models_is_used_or_named_by_whoever_asks_for_it(
    sd15: Shapes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "base"
    for name in ("ink.SAFETENSORS", "wash.sft", ".hidden.safetensors"):
        write_zeros(base / name, sd15)
    write_zeros(base / "paint.safetensors", widened(sd15, 9))
    (base / "old.ckpt").write_bytes(b"PK\x03\x04" + bytes(90))
    (base / "deep.safetensors").write_bytes(FOREIGN["nested lists in a map"][0])
    (base / "readme.txt").write_text("nothing", encoding="utf-8")
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path))
    assert user_sources().keys() == {"ink", "wash"}
    assert {path.name for path in unusable_files()} == {"paint.safetensors", "old.ckpt", "deep.safetensors"}
    for name, words in (
        ("paint", "paint.safetensors is no model that can be used .an inpainting checkpoint.*the plain version"),
        ("old.ckpt", "can contain code.*fetch its .safetensors version"),
        ("deep", "its header is no JSON"),
    ):
        with pytest.raises(AcetateError, match=words) as refusal:
            ModelRegistry().entry(name)
        assert refusal.value.code == "model_missing"
    added = ModelSource(None, SDXL, "unknown", file=base / "ink.SAFETENSORS")
    with pytest.raises(AcetateError, match=r"no model of sdxl \(a checkpoint of sd15\)"):
        ModelRegistry({"ink": added}).entry("ink")


def test_keys_that_no_model_has_are_noticed(sd15: Shapes, tmp_path: Path) -> None:
    more: Shapes = {f"{UNET}input_blocks.1.0.stray.weight": (2, 2), "other.network.weight": (2, 2), "sigmas": (9,)}
    kind = identify(write_zeros(tmp_path / "more.safetensors", {**sd15, **more, "model_ema.decay.weight": (2, 2)}))
    assert kind.family is SD15
    assert set(kind.foreign) == {f"{UNET}input_blocks.1.0.stray.weight", "other.network.weight"}
