"""A layered document in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
MERGE_ROWS = 512
"""Rows merged at a time, so that merging needs little memory beside the document."""


@dataclass(frozen=True, eq=False)
class DocumentLayer:
    """One layer: RGBA "h w 4" with straight alpha, and its top-left corner in canvas pixels.

    `notes` are texts by keyword that go into the layer's own file, where the format has one for each. `blend` is
    `normal`, or `add` for light, which is added to what is below.
    """

    name: str
    x: int
    y: int
    pixels: Pixels
    visible: bool = True
    notes: Mapping[str, str] = field(default_factory=dict)
    blend: str = "normal"


@dataclass(frozen=True, eq=False)
class Document:
    """Layers in stacking order from below, on a canvas of `width` x `height` pixels."""

    width: int
    height: int
    layers: tuple[DocumentLayer, ...]

    def merged(self) -> Image.Image:
        """The visible layers over one another, RGBA with straight alpha, as viewers show the document."""
        whole = Image.new("RGBA", (self.width, self.height))
        for top in range(0, self.height, MERGE_ROWS):
            rows = min(MERGE_ROWS, self.height - top)
            band = Image.new("RGBA", (self.width, rows))
            for layer in self.layers:
                first, last = max(0, top - layer.y), min(len(layer.pixels), top + rows - layer.y)
                if layer.visible and first < last:
                    part = Image.fromarray(np.ascontiguousarray(layer.pixels[first:last]), "RGBA")
                    overlay = Image.new("RGBA", (self.width, rows))
                    overlay.paste(part, (layer.x, layer.y + first - top))
                    band = (_added if layer.blend == "add" else Image.alpha_composite)(band, overlay)
            whole.paste(band, (0, top))
        return whole


def _added(below: Image.Image, light: Image.Image) -> Image.Image:
    """Premultiplied colours and alpha added, up to full (`plus-lighter` of W3C's Compositing and Blending)."""
    sums = np.zeros((below.height, below.width, 4), np.float32)
    for picture in (below, light):
        part = np.asarray(picture, np.float32) / np.float32(255)
        part[..., :3] *= part[..., 3:]
        sums += part
    sums = np.minimum(sums, 1)
    np.divide(sums[..., :3], sums[..., 3:], out=sums[..., :3], where=sums[..., 3:] > 0)
    return Image.fromarray(np.rint(np.minimum(sums, 1) * 255).astype(np.uint8), "RGBA")
