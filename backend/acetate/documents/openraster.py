"""OpenRaster (.ora), version 0.0.5: a zip of PNGs and an XML file with their stacking order.

Source: the OpenRaster specification at https://www.openraster.org/.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image, PngImagePlugin

from acetate.documents.document import Document, DocumentLayer

MIMETYPE = "image/openraster"
VERSION = "0.0.5"
THUMBNAIL_SIDE = 256
OPERATIONS = {"normal": "svg:src-over", "add": "svg:plus"}
"""What the format calls the ways in which a layer is blended."""


def write(document: Document, path: Path) -> None:
    """Write the document. A layer's notes go into its PNG as text chunks. Raises OSError."""
    merged = document.merged()
    thumbnail = merged.copy()
    thumbnail.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        # Programs know the format by this file, so it comes first and is not packed.
        archive.writestr("mimetype", MIMETYPE)
        archive.writestr("stack.xml", _stack(document), zipfile.ZIP_DEFLATED)
        for number, layer in enumerate(document.layers):
            archive.writestr(_source(number), _layer_png(layer))
        archive.writestr("mergedimage.png", _png(merged))
        archive.writestr("Thumbnails/thumbnail.png", _png(thumbnail))


def _source(number: int) -> str:
    return f"data/layer{number}.png"


def _stack(document: Document) -> bytes:
    """The document's structure; the topmost layer comes first."""
    image = ElementTree.Element("image", w=str(document.width), h=str(document.height), version=VERSION)
    stack = ElementTree.SubElement(image, "stack")
    for number, layer in reversed(list(enumerate(document.layers))):
        ElementTree.SubElement(
            stack,
            "layer",
            {
                "name": xml_text(layer.name),
                "src": _source(number),
                "x": str(layer.x),
                "y": str(layer.y),
                "opacity": "1.0",
                "visibility": "visible" if layer.visible else "hidden",
                "composite-op": OPERATIONS[layer.blend],
            },
        )
    text: bytes = ElementTree.tostring(image, encoding="utf-8", xml_declaration=True)
    return text


# XML 1.0 forbids these characters even where they are escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """A text with a replacement character for each that XML cannot hold (control characters, lone surrogates)."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _layer_png(layer: DocumentLayer) -> bytes:
    chunks = PngImagePlugin.PngInfo()
    for keyword, text in layer.notes.items():
        chunks.add_itxt(keyword, text)
    return _png(Image.fromarray(layer.pixels, "RGBA"), chunks)


def _png(picture: Image.Image, chunks: PngImagePlugin.PngInfo | None = None) -> bytes:
    data = io.BytesIO()
    picture.save(data, "PNG", pnginfo=chunks)
    return data.getvalue()
