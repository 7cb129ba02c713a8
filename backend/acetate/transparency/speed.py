"""The fastest way to compute a transparent decoder where it runs."""

from __future__ import annotations

from typing import TypeVar

import torch

from acetate.transparency.decoder import TransparentDecoder
from acetate.transparency.upsampler import LayerUpsampler


def fastest_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies in it, else float32.

    Without such instructions a CPU emulates bfloat16, which is slower than float32.
    """
    if device.type == "cpu":
        native = torch.cpu.get_capabilities().get("avx512_bf16", False)
        return torch.bfloat16 if native else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.float32


Network = TypeVar("Network", TransparentDecoder, LayerUpsampler)


def prepare(decoder: Network) -> Network:
    """Turn a decoder or an upsampler, in place, into its fastest form for generating: dtype, memory layout, no
    gradients.

    It takes pictures of any dtype as before; alpha moves by well under 1/255 on average.
    """
    device = decoder.conv_in.weight.device
    decoder.eval().requires_grad_(False)
    decoder.to(dtype=fastest_dtype(device))
    decoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's stubs
    return decoder
