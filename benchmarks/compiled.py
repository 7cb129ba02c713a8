"""What OpenVINO gains over PyTorch on this processor, network by network, and what its conversion costs.

    python -m benchmarks.compiled [--threads 1] [--json FILE]

Processor time of the whole process in turns, so that other programs slow both alike. PyTorch in float32 is the measure
of all ratios and differences. A processor without AVX-512 is measured on one that has it with
`ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2` before the command.
"""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import torch
import typer
from acetate.models.backbones.stable_diffusion.compiled.network import CompiledNetwork, processor, version
from acetate.models.backbones.stable_diffusion.compiled.unets import CompiledUNets, Positional
from acetate.models.model_cache import ModelCache
from torch import Tensor, nn

FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def networks() -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
    """The starter's networks in float32 with inputs of its own size, for one sample."""
    model = ModelCache(device=torch.device("cpu"), dtype=torch.float32).get("starter")
    side, noise = model.spec.native_size, torch.Generator().manual_seed(0)
    latent = torch.randn(1, model.latent_channels, side // 8, side // 8, generator=noise)
    picture = torch.rand(1, 4, side, side, generator=noise)
    upsampler = model.upsampler
    assert upsampler is not None
    return {
        "UNet": (Positional(model.sd.unet, None), CompiledUNets(model.sd.unet, side // 8).example(2)),
        "VAE decoder": (model.sd.vae.decoder, (latent,)),
        "transparent decoder": (model.decoder.float(), (picture[:, :3], latent)),
        "upsampler": (upsampler.float(), (picture,)),
    }


def seconds(calls: dict[str, Callable[[], Tensor]], repeats: int) -> dict[str, float]:
    """The least processor time of each call."""
    least = dict.fromkeys(calls, float("inf"))
    for _ in range(repeats):
        for name, call in calls.items():
            started = time.process_time()
            call()
            least[name] = min(least[name], time.process_time() - started)
    return least


@torch.inference_mode()
def measure(network: nn.Module, inputs: tuple[Tensor, ...], repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of a call and the largest difference from PyTorch in float32, for every way to compute a network."""
    ways: dict[str, Callable[[], Tensor]] = {}
    found: dict[str, dict[str, float]] = {}
    for name, dtype in FORMATS.items():
        plain, given = copy.deepcopy(network).to(dtype), tuple(value.to(dtype) for value in inputs)
        ways[f"PyTorch {name}"] = lambda plain=plain, given=given: plain(*given).float()  # type: ignore[misc]
        started = time.process_time()
        compiled = CompiledNetwork.convert(network, inputs, dtype)
        converted = time.process_time()
        exported = compiled.export()
        begun = time.process_time()
        loaded = CompiledNetwork.load(exported, dtype)
        loading = time.process_time() - begun
        ways[f"OpenVINO {name}"] = lambda loaded=loaded: loaded(*inputs)  # type: ignore[misc]
        found[f"OpenVINO {name}"] = {
            "convert_s": converted - started,
            "load_s": loading,
            "megabytes": len(exported) / 1e6,
        }
    results = {name: call() for name, call in ways.items()}
    whole = results["PyTorch float32"]
    for name, taken in seconds(ways, repeats).items():
        difference = float((results[name] - whole).abs().max() / whole.abs().max())
        found.setdefault(name, {}).update(ms=taken * 1e3, difference=difference)
    return found


def main(
    threads: Annotated[int, typer.Option(help="Threads of both libraries.")] = 1,
    repeats: Annotated[int, typer.Option(help="Calls of each; the least time counts.")] = 10,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures; - prints them.")] = None,
) -> None:
    """Measure and print a row for each network and way."""
    torch.set_num_threads(threads)
    simd = torch.backends.cpu.get_cpu_capability()
    print(f"{processor()}, {simd}, {threads} threads; PyTorch {torch.__version__}, OpenVINO {version()}")
    figures = {}
    for name, (network, inputs) in networks().items():
        figures[name] = measure(network, inputs, repeats)
        whole = figures[name]["PyTorch float32"]["ms"]
        for way, each in figures[name].items():
            cost = f"  convert {each['convert_s']:.1f} s, load {each['load_s']:.2f} s" if "load_s" in each else ""
            ratio = f"{each['ms']:7.1f} ms  x {whole / each['ms']:.2f}  difference {each['difference']:.0e}"
            print(f"{name:<20} {way:<18} {ratio}{cost}", flush=True)
    if json_file is not None:
        text = json.dumps({"simd": simd, "onednn": os.environ.get("ONEDNN_MAX_CPU_ISA", ""), **figures}, indent=2)
        print(text) if json_file == Path("-") else json_file.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
