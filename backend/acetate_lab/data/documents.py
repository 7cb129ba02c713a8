"""The layers of painting documents: Photoshop (.psd), OpenRaster (.ora), Krita (.kra); and renders of .blend files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from acetate.documents.reading import UnreadableDocumentError, faded, open_document, read_member, walk_layers
from acetate.image.reading import UnreadablePictureError
from PIL import Image

from acetate_lab.data.archives import DATA_PIXELS
from acetate_lab.data.kra import CHANNEL_BYTES, read_tiles


@dataclass(frozen=True)
class SourceLayer:
    """One layer of a document as it is seen, RGBA: its own opacity and that of its groups are in its alpha.

    `picture` is None where the layer cannot be read; `refusal` then says why.
    """

    name: str
    picture: Image.Image | None
    refusal: str = ""


def read_document(path: Path) -> Iterator[SourceLayer]:
    """The visible paint layers of a document, bottom first; one that is broken does not keep the others back.

    Raises UnreadableDocumentError, or whatever a library raises for a file that is none of its own.
    """
    return DOCUMENTS[path.suffix.lower()](path)


def _layered(path: Path) -> Iterator[SourceLayer]:
    with open_document(path, DATA_PIXELS) as document:
        for layer in document.layers:
            if layer.opacity > 0:
                yield _layer(layer.name, layer.opacity, layer.read)


def _krita(path: Path) -> Iterator[SourceLayer]:
    with zipfile.ZipFile(path) as archive:
        document = ElementTree.fromstring(read_member(archive, "maindoc.xml"))
        for element in document.iter():
            # The format's names are in a namespace of its own.
            element.tag = element.tag.rpartition("}")[2]
        image = document.find("IMAGE")
        if image is None:
            raise UnreadableDocumentError("it holds no picture")
        name = image.get("name", "")
        for element, opacity in walk_layers(
            [each for group in image.findall("layers") for each in group], _krita_opacity
        ):
            if opacity > 0 and element.get("nodetype") == "paintlayer":
                yield _layer(element.get("name", ""), opacity, partial(_krita_picture, archive, name, element))


def _krita_opacity(element: ElementTree.Element) -> float:
    return 0.0 if element.get("visible") == "0" else float(element.get("opacity", "255")) / 255


def _krita_picture(archive: zipfile.ZipFile, image: str, element: ElementTree.Element) -> Image.Image | None:
    space = element.get("colorspacename", "")
    if space not in CHANNEL_BYTES:
        raise UnreadableDocumentError(f"its colour space {space} is not read: convert the image to RGB of 8 or 16 bits")
    return read_tiles(read_member(archive, f"{image}/layers/{element.get('filename')}"), CHANNEL_BYTES[space])


def _blender(path: Path) -> Iterator[SourceLayer]:
    from acetate_lab.data.rendering.blender_process import render_file

    for name, picture in render_file(path):
        yield SourceLayer(name, picture)


def _layer(name: str, opacity: float, read: Callable[[], Image.Image | None]) -> SourceLayer:
    try:
        picture = read()
    except (UnreadablePictureError, UnreadableDocumentError, ValueError, OSError) as error:
        return SourceLayer(name, None, str(error))
    return SourceLayer(name, None, "it is empty") if picture is None else SourceLayer(name, faded(picture, opacity))


DOCUMENTS: dict[str, Callable[[Path], Iterator[SourceLayer]]] = {
    ".psd": _layered,
    ".ora": _layered,
    ".kra": _krita,
    ".blend": _blender,
}
