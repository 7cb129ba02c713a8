"""Every mode of SD 1.5 and SDXL at full size on the processor, with random weights: how long and how much memory.

The models have the published configurations but for `sample_size`, which is that of 256 pixels. Their files are sparse:
the first numbers of each tensor are random and the rest is zero, so that a folder of 20 GB takes a few MB of disk.
What is computed is therefore no picture; the work and the memory are those of real weights. Each mode runs in a process
of its own, one after the other.

    python -m benchmarks.full_size sd15 --json -
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import torch
import typer
from acetate.generation import GenerationProgress
from acetate.models.families import SD15, SDXL, ModelFamily, ModelSource
from acetate.models.model_cache import ModelCache
from acetate.models.recipes import stack_recipes
from acetate.models.registry import ModelRegistry
from acetate.pipelines import run
from acetate.transparency import OffsetEncoder, TransparentDecoder
from acetate_wire.request import Control, LayerRequest, Lora, PictureSpec, Rect, StackLayer
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from tests.models.published import CONCATENATED, SD15_KEYS, original_name
from tests.models.tiny_published import CONFIGURATIONS
from tests.tiny_starter import tiny_tokenizer

SIDE = 256
RANDOM_BYTES = 1 << 15
"""How much of each tensor is random."""
RANK, LORA_RANK = 256, 16
WHOLE_BYTES = 3_620_000_000
"""The size of the published files with whole deltas."""
MODES: Mapping[str, tuple[str, ...]] = {
    "text": (),
    "refine": ("layer",),
    "inpaint": ("layer", "mask"),
    "remove": ("layer", "mask"),
    "scene": (),
    "background": ("foreground",),
    "foreground": ("background",),
    "extract": ("blend", "background"),
    "stack": (),
}
KIT, MATTE = "text with LoRA, ControlNet, IP-Adapter", "refine with the matte kept"
VARIANTS = {KIT: "text", MATTE: "refine"}
"""Modes with more than they need."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Run:
    """One mode in a process of its own. Times in seconds, memory in bytes.

    `step` is the time of a step, `memory` the most that was in main memory besides mapped files, `peak` with them.
    """

    family: str
    mode: str
    dtype: str
    seconds: float
    load: float
    step: float
    memory: int
    peak: int
    failure: str = ""


def write_models(folder: Path, family: ModelFamily) -> None:
    """A family's base model in `folder/NAME`, its layer files and its adapters, full size and sparse."""
    base = folder / family.name
    _write_configurations(base, family)
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(base / "unet"))
        networks: dict[str, Any] = {
            "unet": unet,
            "vae": AutoencoderKL.from_config(AutoencoderKL.load_config(base / "vae")),
            "text_encoder": CLIPTextModel(CLIPTextConfig.from_pretrained(base / "text_encoder")),
        }
        if family.text_encoders > 1:
            second = CLIPTextConfig.from_pretrained(base / "text_encoder_2")
            networks["text_encoder_2"] = CLIPTextModelWithProjection(second)
        transparency = {"encoder": OffsetEncoder(), "decoder": TransparentDecoder()}
    for name, network in networks.items():
        file = "model" if name.startswith("text") else "diffusion_pytorch_model"
        write_sparse(base / name / f"{file}.safetensors", _shapes(network))
    layers = folder / "layers"
    write_sparse(layers / f"{next(iter(family.encoders))}.safetensors", _shapes(transparency["encoder"]))
    write_sparse(layers / f"{family.decoders[0]}.safetensors", _shapes(transparency["decoder"]))
    if family is SD15:
        for name, shapes in SD15_KEYS.items():
            write_sparse(layers / f"{name}.safetensors", {key: tuple(shape) for key, shape in shapes.items()})
    else:
        for part in ("attn", "conv", *CONCATENATED):
            name = f"layer_xl_transparent_{part}" if part in ("attn", "conv") else f"layer_xl_{part}"
            write_sparse(layers / f"{name}.safetensors", _deltas(part, unet))
    _write_adapters(folder, family, unet)


def _write_configurations(base: Path, family: ModelFamily) -> None:
    tokenizer = tiny_tokenizer()
    for path, published in CONFIGURATIONS[family.repository].items():
        own = {"sample_size": SIDE // 8} if path == "unet/config.json" else {}
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_text(json.dumps({**published, **own}), encoding="utf-8")
    for name in ("tokenizer", "tokenizer_2")[: family.text_encoders]:
        # The published vocabulary is not here; the text encoders have its size all the same.
        tokenizer.model_max_length = 77
        tokenizer.save_pretrained(base / name)


def _deltas(part: str, unet: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shapes of an SDXL layer file: low-rank deltas on attention; in `conv` and `bgble2fg` whole ones, as many as
    the published file has bytes for.
    """
    found: dict[str, tuple[int, ...]] = {}
    left = WHOLE_BYTES // 2 if part in ("conv", "bgble2fg") else 0
    for name, value in unet.named_parameters():
        key = f"diffusion_model.{original_name(name, unet)}"
        shape = tuple(value.shape)
        attention = re.search(r"\.attn[12]\.to_\w+(\.0)?\.weight$", name) is not None
        if name == "conv_in.weight" and part in CONCATENATED:
            found[f"{key}::diff::0"] = (shape[0], shape[1] * (1 + CONCATENATED[part]), *shape[2:])
        elif len(shape) > 1 and value.numel() <= left:
            found[f"{key}::diff::0"] = shape
            left -= value.numel()
        elif part not in ("conv", "bgble2fg") and attention:
            found[f"{key}::lora::0"], found[f"{key}::lora::1"] = (shape[0], RANK), (RANK, shape[1])
    return found


def _write_adapters(folder: Path, family: ModelFamily, unet: Any) -> None:
    """A LoRA of all attention, a ControlNet of the kind `edge`, and an IP-Adapter with its image encoder (ViT-H)."""
    lora: dict[str, tuple[int, ...]] = {}
    style: dict[str, tuple[int, ...]] = {}
    width, tokens = unet.config.cross_attention_dim, 4
    for name, module in unet.named_modules():
        if re.search(r"\.attn[12]\.to_[qkv]$", name):
            lora[f"unet.{name}.lora.down.weight"] = (LORA_RANK, module.in_features)
            lora[f"unet.{name}.lora.up.weight"] = (module.out_features, LORA_RANK)
    for number, name in enumerate(unet.attn_processors):
        if ".attn2." in name:
            size = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
            style |= {f"ip_adapter.{number}.to_{letter}_ip.weight": (size, width) for letter in "kv"}
    encoder = CLIPVisionConfig(
        hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=16, patch_size=14,
        image_size=224, projection_dim=1024, hidden_act="gelu",
    )  # fmt: skip
    style |= {
        "image_proj.proj.weight": (tokens * width, encoder.projection_dim),
        "image_proj.proj.bias": (tokens * width,),
        "image_proj.norm.weight": (width,),
        "image_proj.norm.bias": (width,),
    }
    write_sparse(folder / "lora" / f"{family.name}-style.safetensors", lora)
    write_sparse(folder / "style" / family.name / "ip-adapter.safetensors", style)
    with torch.device("meta"):
        control = ControlNetModel.from_unet(unet, load_weights_from_unet=False)
        vision = CLIPVisionModelWithProjection(encoder)
    edge, images = folder / "control" / family.name / "edge", folder / "style" / family.name / "image_encoder"
    control.save_config(edge)
    images.mkdir(parents=True)
    encoder.save_pretrained(images)
    write_sparse(edge / "diffusion_pytorch_model.safetensors", _shapes(control))
    write_sparse(images / "model.safetensors", _shapes(vision))


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def write_sparse(path: Path, shapes: Shapes) -> None:
    """A .safetensors file in float16 whose tensors are random at their beginning and zero, a hole, after it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [begin, end]}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    draw = np.random.default_rng(len(encoded))
    with path.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        start = file.tell()
        file.truncate(start + end)
        for name, about in header.items():
            if name == "__metadata__":
                continue
            count = min(math.prod(about["shape"]), RANDOM_BYTES // 2)
            numbers = draw.standard_normal(count) * 0.02
            if name.endswith("weight") and len(about["shape"]) == 1:
                numbers += 1
            file.seek(start + about["data_offsets"][0])
            file.write(numbers.astype(np.float16).tobytes())


def measure(folder: Path, family: str, mode: str, dtype: str) -> Run:
    """Run a mode in this process: 2 steps, 8 passes, a picture of 256 pixels."""
    os.environ["ACETATE_MODELS_DIR"] = str(folder)
    source = ModelSource(folder / family, {"sd15": SD15, "sdxl": SDXL}[family], "")
    store = ModelCache(ModelRegistry({family: source}), torch.device("cpu"), DTYPES[dtype])
    started = time.monotonic()
    with _memory() as memory:
        store.get(family)
        load = time.monotonic() - started
        request, pictures, controls = _request(family, mode)
        steps: list[float] = []

        def report(progress: GenerationProgress) -> None:
            if progress.stage == "drawing":
                steps.append(time.monotonic())

        layers = run(request, pictures, store, report, controls)
    for layer in layers:
        picture = torch.as_tensor(layer.picture)
        if picture.shape != (SIDE, SIDE, 4) or not bool(((picture[..., 3] >= 0) & (picture[..., 3] <= 1)).all()):
            raise ValueError(f"the layer {layer.role} is {tuple(picture.shape)}, or its alpha is beyond 0 to 1")
        if not bool(picture.isfinite().all()):
            raise ValueError(f"the layer {layer.role} is not a number")
    gaps = [after - before for before, after in pairwise(steps)]
    return Run(family, mode, dtype, time.monotonic() - started - load, load, min(gaps, default=0.0), *memory())


def _request(family: str, job: str) -> tuple[LayerRequest, dict[str, Tensor], list[Tensor]]:
    mode, kit = VARIANTS.get(job, job), job == KIT
    # It draws half of its steps.
    removes = mode == "remove"
    pictures = {role: _layer(0.2 if role == "mask" else 0.6) for role in MODES[mode]}
    headers = {role: PictureSpec(frame, SIDE, SIDE) for frame, role in enumerate(pictures)}
    controls = tuple(Control(kind, PictureSpec(frame, SIDE, SIDE)) for frame, kind in enumerate(("edge", "style")))
    whole = Rect(0, 0, SIDE, SIDE)
    request = LayerRequest(
        mode=mode, prompt="" if removes else "a red apple", seed=5, steps=4 if removes else 2, model=family,
        canvas=(SIDE, SIDE), target=whole, inputs=headers, reply_format="rgbaf32", preview=True,
        keep_matte=job == MATTE,
        stack=(StackLayer("a bowl", whole), StackLayer("a pear", whole)) if mode == "stack" else (),
        controls=controls if kit else (), loras=(Lora(f"{family}-style"),) if kit else (),
    )  # fmt: skip
    return request, pictures, [_layer(0.6) for _ in controls] if kit else []


def _layer(radius: float) -> Tensor:
    """A disc on a clear layer, its radius as a share of half the side."""
    row, column = torch.meshgrid(*[torch.linspace(-1, 1, SIDE)] * 2, indexing="ij")
    alpha = ((radius - (row**2 + column**2).sqrt()) * 20).clamp(0, 1)
    return torch.stack([0.5 + row / 2, 0.5 + column / 2, torch.full_like(row, 0.3), alpha])


@contextmanager
def _memory() -> Iterator[Callable[[], tuple[int, int]]]:
    """Watches this process; what it gives tells the most bytes that were anonymous, and the most in all."""
    process, most = psutil.Process(), [0, 0]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            now = process.memory_info()
            most[0], most[1] = max(most[0], now.rss - now.shared), max(most[1], now.rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield lambda: (most[0], most[1])
    finally:
        ended.set()
        watcher.join()


def main(
    family: Annotated[str, typer.Argument(help="sd15 or sdxl.")],
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "float32",
    mode: Annotated[list[str] | None, typer.Option(help="Only these modes.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder of the models; else a temporary one.")] = None,
    inside: Annotated[bool, typer.Option("--inside", hidden=True)] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures; - prints them.")] = None,
) -> None:
    """Run every mode and print a table."""
    if inside:
        assert folder is not None and mode is not None
        print(json.dumps(asdict(measure(folder, family, mode[0], dtype))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        place = folder or Path(scratch)
        known = {"sd15": SD15, "sdxl": SDXL}[family]
        if not (place / family).is_dir():
            write_models(place, known)
        offered = {recipe.mode for recipe in (*known.recipes, *stack_recipes(known.recipes))}
        modes = mode or [*(each for each in MODES if each in offered), *VARIANTS]
        runs = [_in_a_process(place, family, each, dtype) for each in modes]
    table = Table("mode", "seconds", "load", "step", "memory", "with mapped files")
    for each in runs:
        figures = [f"{value:.1f}" for value in (each.seconds, each.load, each.step)]
        table.add_row(each.mode, *figures, f"{each.memory / 1e9:.1f} GB", f"{each.peak / 1e9:.1f} GB")
    Console(stderr=json_file == Path("-")).print(table)
    if json_file is not None:
        text = json.dumps([asdict(each) for each in runs], indent=2)
        print(text) if json_file == Path("-") else json_file.write_text(text + "\n", encoding="utf-8")
    failed = [each for each in runs if each.failure]
    for each in failed:
        print(f"{each.mode}: {each.failure}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


def _in_a_process(folder: Path, family: str, mode: str, dtype: str) -> Run:
    command = [sys.executable, "-m", "benchmarks.full_size", family, "--dtype", dtype, "--mode", mode]
    done = subprocess.run([*command, "--folder", str(folder), "--inside"], capture_output=True, text=True, check=False)
    print(f"{family} {mode}: {'done' if done.returncode == 0 else 'failed'}", file=sys.stderr)
    if done.returncode:
        ended = f"it was ended by the signal {-done.returncode}, perhaps for want of memory"
        reason = ended if done.returncode < 0 else (done.stderr.strip() or "?").splitlines()[-1]
        return Run(family, mode, dtype, 0, 0, 0, 0, 0, reason)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    typer.run(main)
