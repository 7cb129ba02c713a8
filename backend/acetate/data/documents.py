"""The layers of painting documents: Photoshop (.psd), OpenRaster (.ora), Krita (.kra); and renders of .blend files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from acetate.data.kra import CHANNEL_BYTES, read_tiles


class Unreadable(ValueError):  # noqa: N818  # an adjective says what the document is
    """A document that cannot be read; the message says why."""


@dataclass(frozen=True)
class Layer:
    """One layer of a document, RGBA."""

    name: str
    picture: Image.Image


def read_document(path: Path) -> Iterator[Layer]:
    """The visible paint layers of a document, bottom first. Raises Unreadable, OSError or ValueError."""
    return DOCUMENTS[path.suffix.lower()](path)


def _photoshop(path: Path) -> Iterator[Layer]:
    from psd_tools import PSDImage

    for layer in PSDImage.open(path).descendants():
        if layer.is_group() or not layer.is_visible() or not layer.has_pixels():
            continue
        picture = layer.topil()
        if picture is not None:
            yield Layer(layer.name, picture.convert("RGBA"))


def _openraster(path: Path) -> Iterator[Layer]:
    with zipfile.ZipFile(path) as archive:
        stack = ElementTree.fromstring(_member(archive, "stack.xml"))
        for layer in reversed(list(stack.iter("layer"))):
            if layer.get("visibility", "visible") == "visible":
                with Image.open(io.BytesIO(_member(archive, layer.get("src", "")))) as picture:
                    yield Layer(layer.get("name", ""), picture.convert("RGBA"))


def _krita(path: Path) -> Iterator[Layer]:
    with zipfile.ZipFile(path) as archive:
        document = ElementTree.fromstring(_member(archive, "maindoc.xml"))
        for element in document.iter():
            # The format's names are in a namespace of its own.
            element.tag = element.tag.rpartition("}")[2]
        image = document.find("IMAGE")
        if image is None:
            raise Unreadable("it holds no picture")
        for layer in reversed(list(image.iter("layer"))):
            space = layer.get("colorspacename", "")
            if layer.get("nodetype") != "paintlayer" or layer.get("visible") == "0" or space not in CHANNEL_BYTES:
                continue
            tiles = _member(archive, f"{image.get('name')}/layers/{layer.get('filename')}")
            picture = read_tiles(tiles, CHANNEL_BYTES[space])
            if picture is not None:
                yield Layer(layer.get("name", ""), picture)


def _blender(path: Path) -> Iterator[Layer]:
    from acetate.data.rendering.blender import render_file

    for name, picture in render_file(path):
        yield Layer(name, picture)


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except KeyError as error:
        raise Unreadable(f"it lacks {name}") from error


DOCUMENTS: dict[str, Callable[[Path], Iterator[Layer]]] = {
    ".psd": _photoshop,
    ".ora": _openraster,
    ".kra": _krita,
    ".blend": _blender,
}
