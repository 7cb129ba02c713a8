"""How much faster the transparent decode is than the straightforward one, and what that does to alpha.

The straightforward decode is the published way: float32, eight views one after another, the lower median.
Both run in turns in one process on the same weights and the same picture, in processor time, so the ratio holds on a
busy machine too. Peak memory and the time for a size are taken in a process of its own for each.
"""

from __future__ import annotations

import copy
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, get_args

import acetate
import torch
import typer
from acetate.models.families import STARTER as STARTER_FAMILY
from acetate.models.families import ModelSource
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.pipelines.sampling import default_latents
from acetate.transparency import (
    Passes,
    Transparency,
    TransparentDecoder,
    adjusted_latent,
    composite_on_grey,
    decode_tiled,
    load,
    optimize_for_inference,
    pad_rgb,
)
from diffusers import AutoencoderKL
from rich.console import Console
from rich.table import Table
from torch import Tensor

STARTER = Path(acetate.__file__).parent / "starter"
STANDARD_OUTPUT = Path("-")
SIZES = (1024, 4096)
"""The sides of the two pictures whose memory is compared."""


@dataclass(frozen=True)
class Speed:
    """One way to decode against the straightforward one. Times in seconds, the best of several."""

    passes: str
    straightforward: float
    ours: float
    ratio: float
    mean_alpha_difference: float


@dataclass(frozen=True)
class Memory:
    """The most memory that a process holding nothing but one decode took, in bytes, and the decode's seconds."""

    small: int
    large: int
    ratio: float
    small_s: float
    large_s: float


def straightforward_decode(decoder: TransparentDecoder, picture: Tensor, latent: Tensor) -> Tensor:
    """Alpha first, as the published code computes it."""
    answers = []
    for mirrored in (False, True):
        for turns in range(4):
            seen, felt = (torch.flip(part, (3,)) if mirrored else part for part in (picture, latent))
            answer = decoder(torch.rot90(seen, turns, (2, 3)), torch.rot90(felt, turns, (2, 3))).clip(0, 1)
            upright = torch.rot90(answer, -turns, (2, 3))
            answers.append(torch.flip(upright, (3,)) if mirrored else upright)
    return torch.median(torch.stack(answers), dim=0).values


def soft_shapes(size: int) -> Tensor:
    """A layer to decode: overlapping soft discs of several colours and coverages, RGBA in [0, 1]."""
    generator = torch.Generator().manual_seed(2)
    axis = torch.linspace(0, 1, size)
    colour, alpha = torch.zeros(3, size, size), torch.zeros(1, size, size)
    for _ in range(6):
        x, y, radius, softness, coverage = torch.rand(5, generator=generator).tolist()
        distance = ((axis[None] - x) ** 2 + (axis[:, None] - y) ** 2).sqrt()
        disc = ((0.08 + radius * 0.2 - distance) / (0.004 + softness * 0.08)).clamp(0, 1) * (0.4 + coverage * 0.6)
        tone = torch.rand(3, 1, 1, generator=generator)
        colour = tone * disc + colour * (1 - disc)
        alpha = disc + alpha * (1 - disc)
    return torch.cat([colour / alpha.clamp_min(1e-6), alpha])[None].clamp(0, 1)


def model_inputs(model: Path, parts: Transparency, size: int) -> tuple[Tensor, Tensor]:
    """The picture and latent that a model's own VAE and encoder make of `soft_shapes`."""
    vae = AutoencoderKL.from_pretrained(model, subfolder="vae").float().eval()
    rgba = soft_shapes(size)
    posterior = vae.encode(composite_on_grey(rgba)).latent_dist
    offset = parts.encoder(torch.cat([rgba[:, 3:], pad_rgb(rgba)], dim=1))
    latent = adjusted_latent(posterior.mean, posterior.std, offset, parts.multiplier)
    return (vae.decode(latent).sample / 2 + 0.5).clamp(0, 1), latent


def drawn_inputs(model: Path) -> tuple[Tensor, Tensor]:
    """The picture and latent of a red apple that the model draws at its own size."""
    cache = ModelCache(ModelRegistry({"drawn": ModelSource(model, STARTER_FAMILY, "")}), dtype=torch.float32)
    drawing = cache.get("drawn")
    latent = default_latents(drawing, drawing.spec.recipe("text", ()).adapters[0], ["a red apple"], 1)
    plain = drawing.sd.plain(latent)
    return drawing.sd.decode_plain(plain), plain


def random_inputs(size: int) -> tuple[Tensor, Tensor]:
    """A picture and an unrelated latent, for a decoder with random weights."""
    generator = torch.Generator().manual_seed(2)
    return soft_shapes(size)[:, :3], torch.randn(1, 4, size // 8, size // 8, generator=generator)


def random_decoder() -> TransparentDecoder:
    """The published network with random weights, all of it in use."""
    torch.manual_seed(2)
    decoder = TransparentDecoder()
    torch.nn.init.normal_(decoder.latent_conv_in.weight, std=0.3)
    return decoder.eval().requires_grad_(False)


def seconds(work: Callable[[], Tensor]) -> tuple[float, Tensor]:
    """How long `work` takes, and what it gives."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def compare_speed(
    decoder: TransparentDecoder, picture: Tensor, latent: Tensor, repeats: int, dtype: torch.dtype | None
) -> list[Speed]:
    """Time both decodes in turns, for every number of passes; ours in `dtype`, None for this processor's fastest."""
    fast = optimize_for_inference(copy.deepcopy(decoder)).to(dtype)
    ways: tuple[Passes, ...] = tuple(reversed(get_args(Passes)))
    slow_times: list[float] = []
    fast_times: dict[Passes, list[float]] = {passes: [] for passes in ways}
    differences: dict[Passes, float] = {}
    decode_tiled(fast, picture, latent, 1)
    decoder(picture, latent)
    for _ in range(repeats):
        elapsed, straightforward = seconds(lambda: straightforward_decode(decoder, picture, latent))
        slow_times.append(elapsed)
        for passes in ways:
            elapsed, ours = seconds(lambda passes=passes: decode_tiled(fast, picture, latent, passes))  # type: ignore[misc]
            fast_times[passes].append(elapsed)
            differences[passes] = float((ours[:, 3] - straightforward[:, 0]).abs().mean())
    slow = min(slow_times)
    return [
        Speed(str(passes), slow, min(times), slow / min(times), differences[passes])
        for passes, times in fast_times.items()
    ]


def peak_memory(size: int, weights: Path | None) -> tuple[int, float]:
    """Bytes that a fresh process needs to decode a picture of this size, one pass, and its processor seconds."""
    command = [sys.executable, __file__, "--peak-of", str(size)]
    command += ["--random"] if weights is None else ["--model", str(weights)]
    *_, peak, taken = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(peak), float(taken)


def print_peak(size: int, decoder: TransparentDecoder) -> None:
    """Decode a grey picture and print this process's peak memory in bytes, and the seconds."""
    channels = decoder.config["latent_channels"]
    fast = optimize_for_inference(decoder)
    picture, latent = torch.full((1, 3, size, size), 0.5), torch.zeros(1, channels, size // 8, size // 8)
    taken, _ = seconds(lambda: decode_tiled(fast, picture, latent, 1))
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    typer.echo(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit} {taken}")


def print_tables(console: Console, what: str, speeds: list[Speed], memory: Memory | None) -> None:
    """The figures for people."""
    table = Table(title=f"Transparent decode, {what}")
    for title in ("passes", "straightforward, s", "ours, s", "times faster", "mean alpha difference x 255"):
        table.add_column(title, justify="right")
    for speed in speeds:
        table.add_row(
            speed.passes,
            f"{speed.straightforward:.2f}",
            f"{speed.ours:.2f}",
            f"{speed.ratio:.1f}",
            f"{speed.mean_alpha_difference * 255:.2f}",
        )
    console.print(table)
    if memory is not None:
        console.print(
            f"Peak memory at {SIZES[1]} x {SIZES[1]}: {memory.large / 2**20:.0f} MiB, {memory.ratio:.2f} times that at "
            f"{SIZES[0]} x {SIZES[0]} ({memory.small / 2**20:.0f} MiB); {memory.large_s:.1f} s of processor time, "
            f"{memory.large_s / memory.small_s:.1f} times {memory.small_s:.1f} s"
        )


@torch.inference_mode()
def main(
    size: Annotated[int, typer.Option(help="Side of the picture, a multiple of 64.", min=64)] = 512,
    model: Annotated[Path, typer.Option(help="Model folder whose decoder to use.")] = STARTER,
    drawn: Annotated[bool, typer.Option(help="Decode a latent that the model draws, at its own size.")] = False,
    float32: Annotated[bool, typer.Option(help="Decode in float32, as processors without bfloat16 do.")] = False,
    random: Annotated[bool, typer.Option(help="Use the full-size network with random weights.")] = False,
    repeats: Annotated[int, typer.Option(help="Runs of each decode; the best counts.", min=1)] = 3,
    memory: Annotated[bool, typer.Option(help="Measure peak memory as well.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here; - for stdout.")] = None,
    peak_of: Annotated[int, typer.Option(hidden=True)] = 0,
) -> None:
    """Compare the transparent decode with the straightforward one."""
    if size % 64:
        raise typer.BadParameter(f"{size} is no multiple of 64", param_hint="--size")
    folder = None if random or not (model / "transparency").is_dir() else model
    parts = None if folder is None else load(folder / "transparency")
    decoder = random_decoder() if parts is None else parts.decoder
    if peak_of:
        print_peak(peak_of, decoder)
        return
    if folder is None or parts is None:
        what, (picture, latent) = "full-size network, random weights", random_inputs(size)
    else:
        inputs = drawn_inputs(folder) if drawn else model_inputs(folder, parts, size)
        what, (picture, latent) = f"weights of {folder.name}", inputs
    size = picture.shape[3]
    what = f"{what}, {size} x {size}, {torch.get_num_threads()} threads"
    speeds = compare_speed(decoder, picture, latent, repeats, torch.float32 if float32 else None)
    peaks = None
    if memory:
        (small, small_s), (large, large_s) = (peak_memory(side, folder) for side in SIZES)
        peaks = Memory(small, large, large / small, small_s, large_s)
    print_tables(Console(stderr=json_file == STANDARD_OUTPUT), what, speeds, peaks)
    if json_file is not None:
        figures = {
            "what": what,
            "size": size,
            "speed": [asdict(speed) for speed in speeds],
            "memory": None if peaks is None else asdict(peaks),
        }
        content = json.dumps(figures, indent=2)
        if json_file == STANDARD_OUTPUT:
            typer.echo(content)
        else:
            json_file.write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
