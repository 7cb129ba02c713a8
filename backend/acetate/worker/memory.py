"""How much memory the worker's device has left, told without loading any framework for it."""

from __future__ import annotations

import contextlib
import sys

import psutil


def free_bytes(device: str) -> int | None:
    """The free bytes of the memory that a device computes in, with what PyTorch keeps cached; None where unknown.

    Without PyTorch, as with an engine of another kind, it is the computer's own memory for `cpu`.
    """
    if "torch" in sys.modules:
        import torch

        from acetate.models.devices import free_memory

        # An engine may name a device in its own way, and a card may be lost.
        with contextlib.suppress(RuntimeError, AssertionError):
            return free_memory(torch.device(device))
        return None
    return int(psutil.virtual_memory().available) if device == "cpu" else None
