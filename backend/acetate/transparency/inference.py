"""The fastest dtype and memory layout of a transparent decoder by device."""

from __future__ import annotations

from typing import TypeVar

import torch

from acetate.transparency.decoder import TransparentDecoder
from acetate.transparency.upsampler import LayerUpsampler


def fastest_dtype(device: torch.device) -> torch.dtype:
    """The format of two bytes that the device multiplies in: bfloat16, or float16 where it has only that.

    Without instructions for it a CPU emulates bfloat16, which is slower than float32: there it is float32. Apple's
    devices have bfloat16 only since macOS 14, so theirs is float16.
    """
    if device.type == "cpu":
        native = torch.cpu.get_capabilities().get("avx512_bf16", False)
        return torch.bfloat16 if native else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "xpu":
        return torch.bfloat16 if torch.xpu.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.float16 if device.type == "mps" else torch.float32


def short_dtype(device: torch.device) -> torch.dtype:
    """The format of two bytes for weights when memory is short, however slowly the device multiplies in it."""
    return torch.float16 if device.type == "mps" else torch.bfloat16


def fastest_layout(device: torch.device) -> torch.memory_format:
    """Channels last, in which convolutions are faster, but on Apple's devices: there it has made wrong pictures."""
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


Network = TypeVar("Network", TransparentDecoder, LayerUpsampler)


def optimize_for_inference(decoder: Network) -> Network:
    """Turn a decoder or an upsampler, in place, into its fastest form for generating: dtype, memory layout, no
    gradients.

    It takes pictures of any dtype as before; alpha moves by well under 1/255 on average.
    """
    device = decoder.conv_in.weight.device
    decoder.eval().requires_grad_(False)
    decoder.to(dtype=fastest_dtype(device))
    decoder.to(memory_format=fastest_layout(device))  # type: ignore[call-overload]  # missing from torch's stubs
    return decoder
