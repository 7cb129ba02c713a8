"""In which precision a training computes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from acetate.transparency.inference import fastest_dtype


def computing_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device has it in hardware, else float32: half precision would need its losses scaled."""
    return torch.bfloat16 if fastest_dtype(device) is torch.bfloat16 else torch.float32


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """Autocast to bfloat16 where the device has it in hardware; weights and optimiser stay in float32."""
    return torch.autocast(device.type, torch.bfloat16) if computing_dtype(device) is torch.bfloat16 else nullcontext()
