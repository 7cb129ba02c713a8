"""The compiled forms of one model's UNet: converted and measured once on a machine, later read from the cache."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from acetate.models.backbones.stable_diffusion.compiled import network
from acetate.models.backbones.stable_diffusion.compiled.network import CompiledNetwork
from acetate.models.backbones.stable_diffusion.compiled.store import Choice, CompiledStore
from acetate.models.backbones.stable_diffusion.network import StableDiffusion

log = logging.getLogger("acetate.models")

SWITCH = "ACETATE_COMPILED"
"""The environment variable that has PyTorch compute everything when it is `off`."""
MOST_NUMBERS = 100_000_000
"""The largest UNet that is converted, in parameters: a larger one takes minutes, and its job would wait for it."""
CONVERSION_BYTES = 12
"""For each parameter: a copy in float32, OpenVINO's of that, and the compiled one."""
LEAST_GAIN = 1.2
"""How many times faster OpenVINO must be to be used, for its memory and its time to load."""
MEASURED_S = 2.0
TOKENS = 77
"""The length of the example's prompts: that of CLIP."""
MOST_DIFFERENCE = {torch.float32: 1e-3, torch.bfloat16: 5e-2}
"""How far results may be from PyTorch's, relative to the largest; in bfloat16 both are about 1e-2 from float32."""


def compiled_bytes(numbers: int) -> int:
    """The memory that the compiled form of a UNet with so many parameters takes at its peak, while it is converted."""
    return CONVERSION_BYTES * numbers if numbers <= MOST_NUMBERS else 0


def is_enabled(device: torch.device) -> bool:
    """Whether UNets on this device may be compiled here."""
    return device.type == "cpu" and os.environ.get(SWITCH) != "off" and network.is_installed()


@dataclass(eq=False)
class CompiledUNets:
    """The UNet of a model, alone and with attention sharing, as OpenVINO computes it.

    `side` is that of the latents that the model was trained with. `library` is what drew last: `torch`, or OpenVINO
    with its version.
    """

    unet: Any
    side: int
    store: CompiledStore = field(default_factory=CompiledStore.default)
    library: str = "torch"
    _digest: str = ""
    _opened: dict[str, CompiledNetwork | None] = field(default_factory=dict)

    @classmethod
    def of(cls, backbone: StableDiffusion, native_size: int) -> CompiledUNets:
        """Those of a model that was trained with pictures of `native_size` pixels a side."""
        return cls(backbone.unet, native_size // backbone.scale)

    def open(self, frames: int, sharing: nn.Module | None) -> CompiledNetwork | None:
        """The UNet as it is now, with `sharing`, the layers that are attached to it; None where PyTorch is to compute
        it. The first time on a machine this converts and measures, which takes seconds.
        """
        self._digest = self._digest or _digest(self.unet, json.dumps(dict(self.unet.config), default=str))
        key = self._digest if sharing is None else _digest(sharing, self._digest)
        if key not in self._opened:
            started = time.monotonic()
            try:
                self._opened[key] = self._from_cache(key) or self._converted(
                    key, Positional(self.unet, sharing), frames
                )
            except (OSError, RuntimeError, ValueError, TypeError, MemoryError) as error:
                log.warning("OpenVINO cannot compute this UNet, so PyTorch does: %s", error)
                self._opened[key] = None
            chosen = self.store.choice(key)
            log.info("compiled UNet in %.1f s: %s", time.monotonic() - started, chosen)
        found = self._opened[key]
        self.library = "torch" if found is None else f"openvino {network.version()}"
        return found

    @property
    def is_open(self) -> bool:
        """Whether one of them is in memory, or PyTorch was chosen."""
        return bool(self._opened)

    def accepts(self, sample: Float[Tensor, "n c h w"], others: dict[str, Any]) -> bool:
        """Whether a compiled form does what the UNet would: no inputs but its own three, and a size that halves."""
        multiple = 2**self.unet.num_upsamplers
        return all(value is None for value in others.values()) and not any(side % multiple for side in sample.shape[2:])

    def _from_cache(self, key: str) -> CompiledNetwork | None:
        if self.store.choice(key).library != "openvino" or (exported := self.store.network(key)) is None:
            return None
        try:
            return CompiledNetwork.load(exported, self.unet.dtype)
        except RuntimeError:
            return None

    def _converted(self, key: str, plain: Positional, frames: int) -> CompiledNetwork | None:
        before = self.store.choice(key)
        if before.is_torch or sum(each.numel() for each in self.unet.parameters()) > MOST_NUMBERS:
            return None
        # Written first: a crash inside of OpenVINO ends the process.
        self.store.save_choice(key, replace(before, tries=before.tries + 1))
        inputs = self.example(2 * frames)
        compiled = CompiledNetwork.convert(plain, inputs, self.unet.dtype)
        # A choice that was made stays, so that a seed gives the same layer as before.
        chosen = replace(before, tries=0) if before.library else self._measured(plain, compiled, inputs)
        if chosen.library == "openvino":
            self.store.save_network(key, compiled.export())
        self.store.save_choice(key, chosen)
        return compiled if chosen.library == "openvino" else None

    @torch.inference_mode()
    def _measured(self, plain: Positional, compiled: CompiledNetwork, inputs: tuple[Tensor, Tensor, Tensor]) -> Choice:
        """Take both's processor time, in turns: other programs on the machine slow both alike."""
        result = {"torch": plain(*inputs).float(), "openvino": compiled(*inputs)}
        calls: dict[str, Callable[..., Tensor]] = {"torch": plain, "openvino": compiled}
        ways: dict[str, list[float]] = {name: [] for name in calls}
        until = time.monotonic() + MEASURED_S
        while time.monotonic() < until or len(ways["openvino"]) < 3:
            for name, call in calls.items():
                started = time.process_time()
                call(*inputs)
                ways[name].append((time.process_time() - started) * 1e3)
        torch_ms, openvino_ms = min(ways["torch"]), min(ways["openvino"])
        difference = (result["torch"] - result["openvino"]).abs().max() / result["torch"].abs().max()
        same = float(difference) <= MOST_DIFFERENCE.get(self.unet.dtype, 0)
        faster = torch_ms >= LEAST_GAIN * openvino_ms
        return Choice("openvino" if same and faster else "torch", 0, torch_ms, openvino_ms, float(difference))

    def example(self, rows: int) -> tuple[Tensor, Tensor, Tensor]:
        """Noise, time steps and embeds that the UNet takes, in its own number format."""
        config, noise = self.unet.config, torch.Generator().manual_seed(0)
        sample = torch.randn(rows, config.in_channels, self.side, self.side, generator=noise)
        embeds = torch.randn(rows, TOKENS, config.cross_attention_dim, generator=noise)
        return sample.to(self.unet.dtype), torch.full((rows,), 500.0), embeds.to(self.unet.dtype)


class Positional(nn.Module):
    """The UNet with what is attached to it, as a function of three tensors."""

    def __init__(self, unet: Any, sharing: nn.Module | None) -> None:
        """`sharing` are the layers that are attached to the UNet."""
        super().__init__()
        self.unet, self.sharing = unet, sharing

    def forward(self, sample: Tensor, timesteps: Tensor, embeds: Tensor) -> Tensor:
        """The UNet's prediction; the time step is one for each row."""
        result: Tensor = self.unet(sample, timesteps, encoder_hidden_states=embeds, return_dict=False)[0]
        return result


def _digest(weights: nn.Module, salt: str) -> str:
    """A digest of all that decides what a compiled network computes and where it can run."""
    digest = hashlib.blake2b(
        f"1 {salt} {network.version()} {network.processor()} {torch.__version__}".encode(), digest_size=16
    )
    for name, value in weights.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
