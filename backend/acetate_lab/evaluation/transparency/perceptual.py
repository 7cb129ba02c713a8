"""LPIPS, where its networks are on this computer already: nothing is downloaded for it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

Perceptual: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""The distance of two batches of opaque pictures, "n 3 h w" in [0, 1]: "n", 0 is alike."""

ALEXNET = "alexnet-owt-7be5be79.pth"
"""torchvision's file name of AlexNet's weights, in the `checkpoints` folder of PyTorch's hub."""


def local_lpips() -> Perceptual | None:
    """LPIPS (Zhang et al. 2018) with AlexNet; None where it, torchvision or AlexNet's weights are missing."""
    if find_spec("lpips") is None or find_spec("torchvision") is None:
        return None
    if not (Path(torch.hub.get_dir()) / "checkpoints" / ALEXNET).is_file():
        return None
    try:
        import lpips

        network = lpips.LPIPS(net="alex", verbose=False).eval()
    except (ImportError, OSError, RuntimeError):
        # A torchvision that was built for another PyTorch is as good as none.
        return None

    def distance(result: Tensor, target: Tensor) -> Tensor:
        with torch.inference_mode():
            found: Tensor = network(result.float(), target.float(), normalize=True)
        return found.flatten()

    return distance
