"""Tiny models of all three families with every layer file, loaded in this process or served by a daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from acetate.adapters.shared_attention import SharedAttentionLayers
from acetate.generation import GenerationProgress
from acetate.models.families import SD15, SDXL, STARTER, ModelSource
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.pipelines import GeneratedLayer, run
from acetate_wire.request import LayerRequest, PictureSpec, Rect
from diffusers import UNet2DConditionModel
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from tests.daemon.harness import Daemon, running_daemon
from tests.models.published import random, write
from tests.models.tiny_families import write_sd15, write_sd15_layers, write_sdxl, write_sdxl_layers
from tests.tiny_starter import write_tiny_starter
from tests.typed import Acetate, typed

FAMILIES = {family.name: family for family in (STARTER, SD15, SDXL)}


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders `starter`, `sd15` and `sdxl`, and the published files in `layers`."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny_starter(folder / "starter")
    shapes = SharedAttentionLayers(
        UNet2DConditionModel.from_pretrained(folder / "starter/unet"), 3, rank=2
    ).state_dict()
    make = random(1)
    write(folder / "starter/layers", "joint", {key: 10 * make(tuple(value.shape)) for key, value in shapes.items()})
    write_sd15_layers(folder / "layers", write_sd15(folder / "sd15"))
    write_sdxl_layers(folder / "layers", write_sdxl(folder / "sdxl"))
    for decoder in ("layer_sd15_vae_transparent_decoder", "vae_transparent_decoder"):
        enliven(folder / "layers", decoder)
    return folder


def enliven(folder: Path, name: str) -> None:
    """Have an untrained decoder answer all kinds of alpha and colour; those of small weights are clear everywhere."""
    weights = load_file(folder / f"{name}.safetensors")
    for norm in [key for key in weights if key.endswith("norm_out.weight")]:
        weights[norm] = torch.ones_like(weights[norm])
    weights["conv_out.weight"] = 2 * weights["conv_out.weight"]
    weights["conv_out.bias"] = torch.full_like(weights["conv_out.bias"], 0.5)
    write(folder, name, weights)


@pytest.fixture(scope="session")
def store(models_folder: Path) -> Iterator[ModelCache]:
    """The three models, in memory when they are first asked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACETATE_MODELS_DIR", str(models_folder))
        sources = {name: ModelSource(models_folder / name, family, "Apache-2.0") for name, family in FAMILIES.items()}
        yield ModelCache(ModelRegistry(sources), torch.device("cpu"), torch.float32)


Draw = Callable[..., tuple[GeneratedLayer, ...]]


@pytest.fixture
def draw(store: ModelCache) -> Draw:
    """Runs a mode: `draw("refine", layer=picture, strength=0.3)`; pictures are inputs, other names are fields."""

    def draw(
        mode: str, report: Callable[[GenerationProgress], None] = lambda progress: None, **given: Any
    ) -> tuple[GeneratedLayer, ...]:
        pictures = {name: value for name, value in given.items() if isinstance(value, Tensor)}
        fields = {name: value for name, value in given.items() if name not in pictures}
        return run(a_request(mode, pictures, **fields), pictures, store, report)

    return draw


def a_request(mode: str, pictures: dict[str, Tensor], size: tuple[int, int] = (64, 64), **fields: Any) -> LayerRequest:
    """A quick request for these pictures, as large as they are."""
    if pictures:
        height, width = next(iter(pictures.values())).shape[1:]
    else:
        width, height = size
    headers = {role: PictureSpec(frame, width, height) for frame, role in enumerate(pictures)}
    plain = {"prompt": "a red apple", "seed": 5, "steps": 3, "passes": 1, "sampler": "DDIM", "reply_format": "rgbaf32"}
    place: dict[str, Any] = {"canvas": (width, height), "target": Rect(0, 0, width, height)}
    return LayerRequest(mode=mode, inputs=headers, **{**place, **plain, **fields})


def a_picture(seed: int = 0, width: int = 64, height: int = 64) -> Tensor:
    """A layer of noise with clear, half clear and opaque parts, in whole 255ths."""
    noise = torch.randint(0, 256, (4, height, width), generator=torch.Generator().manual_seed(seed)) / 255
    noise[3, : height // 4] = 0
    noise[3, height // 2 :] = 1
    return noise


class Spy:
    """Notes what a UNet is asked, call by call."""

    def __init__(self, unet: Any) -> None:
        self.samples: list[Tensor] = []
        self.timesteps: list[Tensor] = []
        self.contexts: list[Tensor] = []
        self.processors: list[str] = []
        self.conv_in: list[int] = []
        self._unet = unet
        self._hook = unet.register_forward_pre_hook(self._note, with_kwargs=True)

    def _note(self, unet: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.samples.append(arguments[0].clone())
        self.timesteps.append(torch.as_tensor(arguments[1]).clone())
        self.contexts.append(options["encoder_hidden_states"].clone())
        self.processors.append(type(next(iter(unet.attn_processors.values()))).__name__)
        self.conv_in.append(unet.conv_in.weight.shape[1])

    def __enter__(self) -> Spy:
        return self

    def __exit__(self, *reason: object) -> None:
        self._hook.remove()


@pytest.fixture(scope="package")
def watched_daemon(models_folder: Path) -> Iterator[Daemon]:
    with running_daemon("tests.pipelines.watched_engine:Watched", ACETATE_MODELS_DIR=str(models_folder)) as made:
        yield made


@pytest.fixture
def acetate(
    watched_daemon: Daemon,
    models_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Acetate:
    """The command, run in a folder with a layer, a background and a mask."""
    command = typed(watched_daemon, models_folder / "starter", tmp_path, monkeypatch, capsys)
    noise = np.random.default_rng(1).integers(0, 256, (70, 90, 4), dtype=np.uint8)
    Image.fromarray(noise, "RGBA").save("layer.png")
    Image.fromarray(noise[::-1, :, :3].copy(), "RGB").save("back.png")
    mask = np.zeros((70, 90), np.uint8)
    mask[20:50, 30:60] = 255
    Image.fromarray(mask, "L").save("mask.png")
    return command
