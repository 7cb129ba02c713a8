"""Photoshop documents (.psd), written with psd-tools."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from acetate.documents.document import Document

NAME_CHARACTERS = 255
"""The longest name that a layer of this format can have."""


def write(document: Document, path: Path) -> None:
    """Write the document, with the merged picture that viewers show. Raises OSError."""
    from psd_tools import PSDImage

    psd = PSDImage.frompil(document.merged())
    for layer in document.layers:
        made = psd.create_pixel_layer(Image.fromarray(layer.pixels, "RGBA"), top=layer.y, left=layer.x)
        # Set afterwards, a name is stored in Unicode too, not only in the format's old 8-bit letters.
        made.name = layer.name[:NAME_CHARACTERS]
        made.visible = layer.visible
    psd.save(path)
