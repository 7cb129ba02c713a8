"""Estimates of a job's memory before anything is loaded, and the fastest plan that fits."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from acetate.models.adapter_files import STYLE_KIND, control_adapter_path, ip_adapter_paths, lora_path, split_kind
from acetate.models.backbones.diffusers_layout import network_files, networks_of, prefixes
from acetate.models.recipes import AdapterSpec, ModeRecipe
from acetate.models.registry import DECODER, ENCODER, ModelSpec, read_json
from acetate.models.safetensors_header import count_numbers, read_header

Offload = Literal["resident", "model", "sequential"]
SINGLE, HALF = 4, 2
"""Bytes of a number in float32, and in float16 or bfloat16."""
VAE_TILE = 512
"""The VAE's tile size in pixels when memory is short."""
ALPHA_TILE = 1024
"""The transparent decoder's tile size in pixels."""
UNET_ACTIVATIONS = 30
"""Activation maps of the widest block that a UNet holds at once, including those of the feed-forward."""
WORKSPACE = 96 << 20
"""Bytes that convolutions use besides, whatever the size. These figures were measured on the UNet of SD 1.5."""
VAE_ACTIVATIONS = 3.0
"""Maps of the last two widths, at full size, that the VAE's decoder holds."""
ALPHA_ACTIVATIONS = 12
BLOCKS = 12
"""With sequential offload, at most about 1/BLOCKS of the UNet's weights is on the device."""
RESERVED_BYTES = 1 / 16
"""The fraction of free memory reserved for other programs and the estimate's error."""


@dataclass(frozen=True)
class MemoryPlan:
    """How a job uses memory.

    `placement`: all networks on the device (`resident`), only the running one (`model`), or only its running layers
    (`sequential`), as diffusers' offloading. `tiled`: VAE tiling. `half`: 16-bit weights even where the device is slow
    with them. `int8`: the UNet's linear layers quantized to 8 bits. `single_pass`: one decoding pass.
    """

    placement: Offload = "resident"
    tiled: bool = False
    half: bool = False
    int8: bool = False
    single_pass: bool = False

    def describe(self) -> str:
        """A short description for people."""
        names = {"resident": "resident", "model": "model offload", "sequential": "sequential offload"}
        more = {
            "tiled VAE": self.tiled,
            "16-bit weights": self.half,
            "8-bit weights": self.int8,
            "one pass": self.single_pass,
        }
        return ", ".join([names[self.placement], *(name for name, wanted in more.items() if wanted)])


CARDS = ("cuda", "xpu")
"""The kinds of device with a memory of their own: NVIDIA's and AMD's cards, and Intel's."""
CUDA_PLANS = (
    MemoryPlan(),
    MemoryPlan(tiled=True),
    MemoryPlan("model", tiled=True),
    MemoryPlan("sequential", tiled=True),
    MemoryPlan("sequential", tiled=True, single_pass=True),
)
"""The plans for a graphics card, fastest first."""
CPU_PLANS = (
    MemoryPlan(),
    MemoryPlan(tiled=True),
    MemoryPlan(tiled=True, half=True),
    MemoryPlan(tiled=True, half=True, single_pass=True),
)
"""The plans where everything is in main memory, fastest first."""
BF16_PLANS = (MemoryPlan(), MemoryPlan(tiled=True), MemoryPlan(tiled=True, single_pass=True))
"""The same where the weights have 16 bits already."""


@dataclass(frozen=True)
class AdapterBytes:
    """Bytes of what an artist adds to a job.

    `loras` are beside the weights that they change. `controls` are ControlNets and T2I-Adapters, on the device as long
    as the job. `styles` are the projections of IP-Adapters, which are moved with the UNet, and `image_encoder` reads
    their images before the first step.
    """

    loras: int = 0
    controls: int = 0
    styles: int = 0
    image_encoder: int = 0


NO_ADAPTERS = AdapterBytes()


@dataclass(frozen=True)
class Footprint:
    """Bytes of weights by network, and of activations while denoising and decoding, whole or in tiles.

    `layers` are the attention-sharing units, on the device while their part is attached; `originals` are copies of
    the weights that deltas change, in main memory wherever the UNet is.
    """

    text: int
    unet: int
    vae: int
    layers: int
    transparency: int
    drawing: int
    decoding: int
    decoding_tiled: int
    originals: int = 0
    adapters: AdapterBytes = NO_ADAPTERS

    @property
    def weights(self) -> int:
        """All weights of the model together."""
        return self.text + self.unet + self.vae + self.transparency

    def needed(self, plan: MemoryPlan, *, loaded: bool = False) -> int:
        """The peak bytes of a plan on the device; with `loaded`, beyond the weights that are resident already."""
        decoding = self.decoding_tiled if plan.tiled else self.decoding
        added = self.layers + self.adapters.controls
        with_unet = self.adapters.loras + self.adapters.styles
        if plan.placement == "resident":
            unet = self.unet // 2 if plan.half or plan.int8 else self.unet
            weights = added + with_unet + (0 if loaded else self.weights - self.unet + unet)
            return weights + max(self.drawing, decoding, self.adapters.image_encoder)
        share = BLOCKS if plan.placement == "sequential" else 1
        # LoRAs are not among the layers that are moved one by one.
        drawing = (self.unet + self.adapters.styles) // share + self.adapters.loras + self.drawing
        # The transparent networks are small and stay where they are; so do sharing units and controls.
        stay = self.transparency + added
        peak = stay + max(self.text, drawing, self.vae + decoding, self.adapters.image_encoder)
        return max(0, peak - self.weights) if loaded else peak


def footprint(
    entry: ModelSpec,
    recipe: ModeRecipe,
    width: int,
    height: int,
    dtype_bytes: int,
    *,
    adapters: AdapterBytes = NO_ADAPTERS,
    main_memory: bool = False,
) -> Footprint:
    """Estimate a mode's memory at a working size in pixels; the UNet's dtype has `dtype_bytes`.

    With `main_memory` the device has no memory of its own, so that copies in main memory count too. Reads only
    configurations and the headers of weight files. Raises OSError, ValueError or KeyError when one is damaged.
    """
    counts = _weights(entry)
    unet, vae = read_json(entry.folder / "unet/config.json"), read_json(entry.folder / "vae/config.json")
    text_bytes = dtype_bytes if entry.family.decoders else SINGLE
    rows = 2 * max(len(part.roles) for part in recipe.adapters)
    alpha = entry.files.get(DECODER) if recipe.needs_decoder else None
    decoder = 0 if alpha is None else count_numbers(alpha)
    encoder = count_numbers(entry.files[ENCODER]) if ENCODER in entry.files else 0
    units, originals = (
        dtype_bytes * max(_added(entry, part) if part.kind == kind else 0 for part in recipe.adapters)
        for kind in ("sharing", "delta")
    )
    return Footprint(
        text=counts["text"] * text_bytes,
        unet=counts["unet"] * dtype_bytes,
        vae=counts["vae"] * SINGLE,
        layers=units + (originals if main_memory else 0),
        transparency=decoder * dtype_bytes + encoder * SINGLE,
        drawing=_drawing(unet, width, height) * rows * dtype_bytes + WORKSPACE,
        decoding=_decoding(vae, width, height) + _alpha(recipe, width, height, dtype_bytes),
        decoding_tiled=_decoding(vae, min(width, VAE_TILE), min(height, VAE_TILE))
        + _alpha(recipe, width, height, dtype_bytes),
        originals=originals,
        adapters=adapters,
    )


def adapter_bytes(
    family: str, loras: Sequence[str], kinds: Sequence[str], dtype_bytes: int, loaded: Collection[Path] = ()
) -> AdapterBytes:
    """The bytes of a job's LoRAs by name and controls by kind, counted from the files' headers.

    Control networks in `loaded` are on the device already. Raises AcetateError where a file is missing.
    """
    controls = {
        control_adapter_path(family, split_kind(kind)[0]) for kind in kinds if split_kind(kind)[0] != STYLE_KIND
    }
    pictures = sum(split_kind(kind)[0] == STYLE_KIND for kind in kinds)
    style, encoder = ip_adapter_paths(family) if pictures else (None, None)
    return AdapterBytes(
        loras=dtype_bytes * sum(count_numbers(lora_path(name)) for name in loras),
        controls=dtype_bytes * sum(_folder_numbers(path) for path in controls - set(loaded)),
        styles=0 if style is None else dtype_bytes * pictures * count_numbers(style),
        image_encoder=0 if encoder is None else dtype_bytes * _folder_numbers(encoder),
    )


def choose_plan(plans: Sequence[MemoryPlan], needs: Footprint, available: int, *, loaded: bool = False) -> int:
    """The number of the first, fastest plan that fits into these bytes, that of the last when none does."""
    room = available * (1 - RESERVED_BYTES)
    fitting = (number for number, plan in enumerate(plans) if needs.needed(plan, loaded=loaded) <= room)
    return next(fitting, len(plans) - 1)


def plans_for(device: str, dtype_bytes: int, *, int8: bool = False) -> tuple[MemoryPlan, ...]:
    """The plans for a kind of device, fastest first; `int8` tells that weights may be in 8 bits."""
    if device in CARDS:
        shorter = (MemoryPlan(tiled=True, int8=True),) if int8 and device == "cuda" else ()
        return (*CUDA_PLANS[:2], *shorter, *CUDA_PLANS[2:])
    return CPU_PLANS if dtype_bytes == SINGLE else BF16_PLANS


def supports_int8(recipe: ModeRecipe) -> bool:
    """Whether the UNet's weights may be in 8 bits for this: where the library is, and nothing is added to them."""
    return find_spec("torchao") is not None and all(part.kind != "delta" for part in recipe.adapters)


def _weights(entry: ModelSpec) -> dict[str, int]:
    """How many numbers each network has."""
    counts = {"text": 0, "unet": 0, "vae": 0}
    inside = {} if entry.file is None else read_header(entry.file).shapes
    beginnings = {} if entry.file is None else prefixes(entry.family)
    for folder, file_name in networks_of(entry.family).items():
        network = "text" if folder.startswith("text") else folder
        shapes = [shape for name, shape in inside.items() if name.startswith(beginnings[folder])]
        if shapes:
            counts[network] += sum(map(math.prod, shapes))
        else:
            counts[network] += sum(map(count_numbers, network_files(entry.folder / folder, file_name)))
    return counts


def _folder_numbers(path: Path) -> int:
    """The number of elements in a .safetensors file, or in the files of a folder with one network."""
    return sum(map(count_numbers, network_files(path) if path.is_dir() else (path,)))


def _added(entry: ModelSpec, part: AdapterSpec) -> int:
    """How many numbers a part puts beside the model's own: units of attention sharing, or copies of the weights that
    deltas change.
    """
    path = entry.files.get(part.name) if part.files else None
    if path is None:
        return 0
    if part.kind == "sharing":
        return count_numbers(path)
    shapes = read_header(path).shapes
    total = 0
    for name, shape in shapes.items():
        if name.endswith("::lora::0"):
            total += shape[0] * math.prod(shapes[f"{name[:-1]}1"][1:])
        elif "::lora::" not in name:
            total += math.prod(shape)
    return total


def _drawing(config: Mapping[str, Any], width: int, height: int) -> int:
    """A UNet's activations per row of its batch, in elements: the skip connections and its widest block."""
    skips, busiest = 0, 0
    for level, channels in enumerate(config["block_out_channels"]):
        positions = math.ceil(width / 8 / 2**level) * math.ceil(height / 8 / 2**level)
        skips += (config["layers_per_block"] + 1) * channels * positions
        busiest = max(busiest, channels * positions)
    return skips + UNET_ACTIVATIONS * busiest


def _decoding(config: Mapping[str, Any], width: int, height: int) -> int:
    """The bytes that the VAE holds while it decodes, in float32."""
    first, second = [*config["block_out_channels"], 0][:2]
    return int(VAE_ACTIVATIONS * (first + second) * width * height * SINGLE)


def _alpha(recipe: ModeRecipe, width: int, height: int, dtype_bytes: int) -> int:
    """The bytes that the transparent decoder holds, and the views that its median is taken of."""
    if not recipe.needs_decoder:
        return 0
    pixels = min(width, ALPHA_TILE) * min(height, ALPHA_TILE)
    return ALPHA_ACTIVATIONS * 32 * pixels * dtype_bytes + 8 * 4 * width * height * SINGLE
