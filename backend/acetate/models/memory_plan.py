"""Estimates of a job's memory before anything is loaded, and the fastest plan that fits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from acetate.models.adapter_files import STYLE_KIND, control_adapter_path, ip_adapter_paths, lora_path, split_kind
from acetate.models.backbones.diffusers_layout import network_files
from acetate.models.recipes import ModeRecipe
from acetate.models.safetensors_header import count_numbers

Offload = Literal["resident", "model", "sequential"]
SINGLE, HALF = 4, 2
"""Bytes of a number in float32, and in float16 or bfloat16."""
BLOCKS = 12
"""With sequential offload, at most about 1/BLOCKS of the denoiser's weights is on the device."""
BATCH, BATCH_PIXELS = 8, 1 << 18
"""The most samples or tiles of a batch, and the most pixels of all their frames: more gain little on a processor."""
RESERVED_BYTES = 1 / 16
"""The fraction of free memory reserved for other programs and the estimate's error."""


@dataclass(frozen=True)
class MemoryPlan:
    """How a job uses memory.

    `placement`: all networks on the device (`resident`), only the running one (`model`), or only its running layers
    (`sequential`), as diffusers' offloading. `tiled`: VAE tiling. `half`: 16-bit weights even where the device is slow
    with them. `int8`: the denoiser's linear layers quantized to 8 bits. `single_pass`: one decoding pass. `batch`: how
    many samples or tiles the denoiser is given at a time. `fp8` and `nf4`: the denoiser's layers stored in float8 or in
    four bits, and computed in its usual format.
    """

    placement: Offload = "resident"
    tiled: bool = False
    half: bool = False
    int8: bool = False
    single_pass: bool = False
    batch: int = 1
    fp8: bool = False
    nf4: bool = False

    @property
    def is_fastest(self) -> bool:
        """Whether nothing is given up for want of memory."""
        return replace(self, batch=1) == MemoryPlan()

    def describe(self) -> str:
        """A short description for people."""
        names = {"resident": "resident", "model": "model offload", "sequential": "sequential offload"}
        more = {
            "tiled VAE": self.tiled,
            "16-bit weights": self.half,
            "8-bit weights": self.int8,
            "float8 weights": self.fp8,
            "4-bit weights": self.nf4,
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
NATIVE_PLANS = (
    MemoryPlan(),
    MemoryPlan(tiled=True),
    MemoryPlan("model", tiled=True),
    MemoryPlan("model", tiled=True, fp8=True),
    MemoryPlan("sequential", tiled=True),
)
"""The same for transformers whose VAE has alpha: their text encoders are large, and go first."""
NF4_PLAN = MemoryPlan("model", tiled=True, nf4=True)
"""What comes before the last of them where bitsandbytes is installed."""
NF4_BLOCK = 64
"""Numbers with a scale of their own, in float32."""
NOT_SHORTENED = ("norm", "pos_embed", "^proj_out")
"""Patterns in the names of a transformer's layers that stay in its usual format: they have few weights, which count."""
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
    as the job. `styles` are the projections of IP-Adapters, which are moved with the denoiser, and `image_encoder`
    reads their images before the first step.
    """

    loras: int = 0
    controls: int = 0
    styles: int = 0
    image_encoder: int = 0


NO_ADAPTERS = AdapterBytes()


@dataclass(frozen=True)
class Footprint:
    """Bytes of weights by network, and of activations while denoising and decoding, whole or in tiles.

    `drawing` is for one sample or tile.
    `denoiser` is the network that predicts. `layers` are the attention-sharing units, on the device while their part is
    attached; `compiled` is what the denoiser takes besides under the fastest plan, the only one that compiles it.
    `originals` are copies of the weights that deltas change, in main memory wherever the denoiser is.
    `denoiser_fp8` and `denoiser_nf4` are its weights in float8 and in four bits, 0 where they cannot be stored so.
    `text_by_layer` tells that sequential offload moves the layers of the text encoder, too.
    """

    text: int
    denoiser: int
    vae: int
    layers: int
    transparency: int
    drawing: int
    decoding: int
    decoding_tiled: int
    originals: int = 0
    denoiser_fp8: int = 0
    denoiser_nf4: int = 0
    text_by_layer: bool = False
    compiled: int = 0
    adapters: AdapterBytes = NO_ADAPTERS

    @property
    def weights(self) -> int:
        """All weights of the model together."""
        return self.text + self.denoiser + self.vae + self.transparency

    def needed(self, plan: MemoryPlan, *, loaded: bool = False) -> int:
        """The peak bytes of a plan on the device; with `loaded`, beyond the weights that are resident already."""
        decoding = self.decoding_tiled if plan.tiled else self.decoding
        added = self.layers + self.adapters.controls + (self.compiled if plan.is_fastest else 0)
        with_denoiser = self.adapters.loras + self.adapters.styles
        activations = self.drawing * plan.batch
        if plan.placement == "resident":
            denoiser = self._denoiser(plan)
            weights = added + with_denoiser + (0 if loaded else self.weights - self.denoiser + denoiser)
            return weights + max(activations, decoding, self.adapters.image_encoder)
        share = BLOCKS if plan.placement == "sequential" else 1
        # LoRAs are not among the layers that are moved one by one.
        drawing = (self._denoiser(plan) + self.adapters.styles) // share + self.adapters.loras + activations
        # The transparent networks are small and stay where they are; so do sharing units and controls.
        stay = self.transparency + added
        text = self.text // share if self.text_by_layer else self.text
        peak = stay + max(text, drawing, self.vae + decoding, self.adapters.image_encoder)
        return max(0, peak - self.weights) if loaded else peak

    def _denoiser(self, plan: MemoryPlan) -> int:
        """The bytes of its weights as a plan has them."""
        if plan.fp8 and self.denoiser_fp8:
            return self.denoiser_fp8
        if plan.nf4 and self.denoiser_nf4:
            return self.denoiser_nf4
        return self.denoiser // 2 if plan.half or plan.int8 else self.denoiser


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


def with_batch(plan: MemoryPlan, needs: Footprint, available: int, most: int, *, loaded: bool = False) -> MemoryPlan:
    """The plan with the largest batch, up to `most`, that fits into these bytes beside all else; 1 where none does."""
    room = available * (1 - RESERVED_BYTES)
    larger = (replace(plan, batch=batch) for batch in range(most, 1, -1))
    return next((each for each in larger if needs.needed(each, loaded=loaded) <= room), plan)


def largest_batch(recipe: ModeRecipe, width: int, height: int) -> int:
    """The most samples or tiles of a mode that are worth a batch at a working size in pixels."""
    frames = max(len(part.roles) for part in recipe.adapters)
    return max(1, min(BATCH, BATCH_PIXELS // (frames * width * height)))


def plans_for(
    device: str, dtype_bytes: int, *, int8: bool = False, native: bool = False, nf4: bool = False
) -> tuple[MemoryPlan, ...]:
    """The plans for a kind of device, fastest first; `int8` and `nf4` tell that weights may be in 8 bits, or in 4.

    `native` tells of a transformer whose VAE has alpha.
    """
    if device in CARDS and native:
        shorter = (NF4_PLAN,) if nf4 and device == "cuda" else ()
        return (*NATIVE_PLANS[:-1], *shorter, NATIVE_PLANS[-1])
    if device in CARDS:
        shorter = (MemoryPlan(tiled=True, int8=True),) if int8 and device == "cuda" else ()
        return (*CUDA_PLANS[:2], *shorter, *CUDA_PLANS[2:])
    return CPU_PLANS if dtype_bytes == SINGLE else BF16_PLANS


def supports_int8(recipe: ModeRecipe) -> bool:
    """Whether the denoiser's weights may be in 8 bits for this: where the library is, and nothing is added to them."""
    return find_spec("torchao") is not None and all(part.kind != "delta" for part in recipe.adapters)


def supports_nf4() -> bool:
    """Whether a transformer's weights may be in four bits: where bitsandbytes is."""
    return find_spec("bitsandbytes") is not None


def _folder_numbers(path: Path) -> int:
    """The number of elements in a .safetensors file, or in the files of a folder with one network."""
    return sum(map(count_numbers, network_files(path) if path.is_dir() else (path,)))
