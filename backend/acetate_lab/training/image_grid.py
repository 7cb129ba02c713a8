"""Image grids: rows of pictures in one PNG, transparent ones over a checkerboard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor


def over_checker(rgba: Float[Tensor, "n 4 h w"], square: int = 8) -> Float[Tensor, "n 3 h w"]:
    """Blend straight RGBA over a light checker of `square` pixels."""
    height, width = rgba.shape[2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    checker = torch.where(((x // square + y // square) % 2).bool(), 0.78, 0.94)
    return rgba[:, :3] * rgba[:, 3:] + checker * (1 - rgba[:, 3:])


def save_image_grid(path: Path, rows: Sequence[Float[Tensor, "n c h w"]]) -> None:
    """Write rows of equally sized RGB or RGBA pictures, values in [0, 1]."""
    rows = [row.float().cpu() for row in rows]
    shown = [over_checker(row) if row.shape[1] == 4 else row for row in rows]
    lines = [torch.cat(list(row.clamp(0, 1)), dim=2) for row in shown]
    sheet = torch.cat(lines, dim=1).mul(255).round().byte().permute(1, 2, 0)
    Image.fromarray(sheet.numpy()).save(path)
