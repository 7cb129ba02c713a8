"""Colour words: what colour a picture mostly is, and turning its hue."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

HUES = (
    (15, "red"),
    (40, "orange"),
    (68, "yellow"),
    (165, "green"),
    (255, "blue"),
    (295, "purple"),
    (345, "pink"),
)
"""Upper bound in degrees of each hue's range; above the last one it is red again."""


def hue_word(degrees: float, lightness: float = 0.5) -> str:
    """The artist's word for a hue in degrees; dark orange is brown."""
    for bound, word in HUES:
        if degrees % 360 < bound:
            return "brown" if word == "orange" and lightness < 0.42 else word
    return "red"


def hue_saturation_value(rgb: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Hue in degrees, saturation and value in [0, 1] of sRGB colours (..., 3) in [0, 1]."""
    red, green, blue = (np.ascontiguousarray(rgb[..., channel]) for channel in range(3))
    high, low = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    chroma = high - low
    safe = np.where(chroma > 0, chroma, 1.0)
    hue = np.select(
        [high == red, high == green],
        [(green - blue) / safe % 6, (blue - red) / safe + 2],
        (red - green) / safe + 4,
    )
    return hue * 60, np.where(high > 0, chroma / np.where(high > 0, high, 1), 0), high


def dominant_colour(picture: NDArray[np.uint8], share: float = 0.4) -> str:
    """The colour word that at least `share` of a uint8 RGBA picture's visible pixels have, or an empty string."""
    visible = picture[picture[..., 3] > 127]
    if len(visible) == 0:
        return ""
    hue, saturation, value = hue_saturation_value(visible[:, :3].astype(np.float64) / 255)
    coloured = saturation > 0.3
    words = np.empty(len(visible), dtype="U8")
    words[~coloured] = np.where(value[~coloured] > 0.8, "white", np.where(value[~coloured] < 0.25, "black", "grey"))
    lightness = value * (1 - saturation / 2)
    words[coloured] = [hue_word(h, li) for h, li in zip(hue[coloured], lightness[coloured], strict=True)]
    found, counts = np.unique(words, return_counts=True)
    best = int(counts.argmax())
    return str(found[best]) if counts[best] >= share * len(visible) else ""


def turn_hue(rgb: Float[Tensor, "n 3 h w"], turns: Float[Tensor, " n"]) -> Float[Tensor, "n 3 h w"]:
    """Rotate the hue by `turns` of a full circle, keeping luma: a rotation in YIQ, clipped to [0, 1]."""
    to_yiq = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    angle = turns * (2 * torch.pi)
    cos, sin = torch.cos(angle), torch.sin(angle)
    turn = torch.zeros(len(turns), 3, 3)
    turn[:, 0, 0] = 1
    turn[:, 1, 1], turn[:, 1, 2] = cos, -sin
    turn[:, 2, 1], turn[:, 2, 2] = sin, cos
    matrix = torch.linalg.inv(to_yiq) @ turn @ to_yiq
    return torch.einsum("nij,njhw->nihw", matrix, rgb).clamp(0, 1)
