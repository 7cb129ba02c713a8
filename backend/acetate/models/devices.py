"""The device to compute on, its free memory, and PyTorch's memory caches."""

from __future__ import annotations

import torch

from acetate.models.memory_plan import CARDS


def best_device() -> torch.device:
    """The graphics card where there is one that PyTorch can use, else the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.xpu.is_available():
        return torch.device("xpu")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def free_memory(device: torch.device) -> int:
    """The free bytes of a device, including those that PyTorch has cached."""
    if device.type in CARDS:
        card = torch.get_device_module(device)
        free, _ = card.mem_get_info(device)
        return int(free + card.memory_reserved(device) - card.memory_allocated(device))
    import psutil

    return int(psutil.virtual_memory().available)


def synchronize(device: torch.device) -> None:
    """Wait until a device has done what it was given."""
    if device.type != "cpu":
        torch.get_device_module(device).synchronize()


def empty_caches() -> None:
    """Release PyTorch's cached memory to the device."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.xpu.is_available():
        torch.xpu.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
