"""The layers of painting documents: Photoshop (.psd), OpenRaster (.ora), Krita (.kra); and renders of .blend files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

from acetate.image.reading import UnreadablePictureError, read_picture
from PIL import Image

from acetate_lab.data.archives import DATA_PIXELS, member
from acetate_lab.data.kra import CHANNEL_BYTES, read_tiles


class Unreadable(ValueError):  # noqa: N818  # an adjective says what the document is
    """A document that cannot be read; the message says why."""


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

    Raises Unreadable, or whatever a library raises for a file that is none of its own.
    """
    return DOCUMENTS[path.suffix.lower()](path)


def _photoshop(path: Path) -> Iterator[SourceLayer]:
    from psd_tools import PSDImage

    for layer in PSDImage.open(path).descendants():
        if layer.is_group() or not layer.is_visible() or not layer.has_pixels():
            continue
        opacity, place = 1.0, cast(Any, layer)
        while place is not None and place.parent is not None:
            opacity, place = opacity * place.opacity / 255, place.parent
        if opacity > 0 and (picture := layer.topil()) is not None:
            yield SourceLayer(layer.name, _faded(picture.convert("RGBA"), opacity))


def _openraster(path: Path) -> Iterator[SourceLayer]:
    with zipfile.ZipFile(path) as archive:
        image = ElementTree.fromstring(_member(archive, "stack.xml"))
        for element, opacity in _seen(image.findall("stack"), _openraster_opacity):
            read = partial(_openraster_picture, archive, element.get("src", ""))
            yield _layer(element.get("name", ""), opacity, read)


def _openraster_opacity(element: ElementTree.Element) -> float:
    return float(element.get("opacity", "1")) if element.get("visibility", "visible") == "visible" else 0.0


def _openraster_picture(archive: zipfile.ZipFile, name: str) -> Image.Image:
    return read_picture(_member(archive, name), DATA_PIXELS).picture


def _krita(path: Path) -> Iterator[SourceLayer]:
    with zipfile.ZipFile(path) as archive:
        document = ElementTree.fromstring(_member(archive, "maindoc.xml"))
        for element in document.iter():
            # The format's names are in a namespace of its own.
            element.tag = element.tag.rpartition("}")[2]
        image = document.find("IMAGE")
        if image is None:
            raise Unreadable("it holds no picture")
        name = image.get("name", "")
        for element, opacity in _seen([each for group in image.findall("layers") for each in group], _krita_opacity):
            if element.get("nodetype") == "paintlayer":
                yield _layer(element.get("name", ""), opacity, partial(_krita_picture, archive, name, element))


def _krita_opacity(element: ElementTree.Element) -> float:
    return 0.0 if element.get("visible") == "0" else float(element.get("opacity", "255")) / 255


def _krita_picture(archive: zipfile.ZipFile, image: str, element: ElementTree.Element) -> Image.Image | None:
    space = element.get("colorspacename", "")
    if space not in CHANNEL_BYTES:
        raise Unreadable(f"its colour space {space} is not read: convert the image to RGB of 8 or 16 bits")
    return read_tiles(_member(archive, f"{image}/layers/{element.get('filename')}"), CHANNEL_BYTES[space])


def _blender(path: Path) -> Iterator[SourceLayer]:
    from acetate_lab.data.rendering.blender import render_file

    for name, picture in render_file(path):
        yield SourceLayer(name, picture)


def _seen(
    group: Iterable[ElementTree.Element], opacity_of: Callable[[ElementTree.Element], float], above: float = 1.0
) -> Iterator[tuple[ElementTree.Element, float]]:
    """Every layer that can be seen, bottom first, with its opacity in all; groups may be in groups."""
    for element in reversed(list(group)):
        opacity = above * opacity_of(element)
        if opacity <= 0:
            continue
        if element.tag == "layer":
            yield element, opacity
        for inside in [element] if element.tag == "stack" else element.findall("layers"):
            yield from _seen(inside, opacity_of, opacity)


def _layer(name: str, opacity: float, read: Callable[[], Image.Image | None]) -> SourceLayer:
    try:
        picture = read()
    except (UnreadablePictureError, Unreadable, ValueError, OSError) as error:
        return SourceLayer(name, None, str(error))
    return SourceLayer(name, None, "it is empty") if picture is None else SourceLayer(name, _faded(picture, opacity))


def _faded(picture: Image.Image, opacity: float) -> Image.Image:
    """The picture with its alpha multiplied by an opacity."""
    if opacity >= 1:
        return picture
    faded = picture.copy()
    faded.putalpha(picture.getchannel("A").point(lambda value: round(value * opacity)))
    return faded


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return member(archive, name)
    except KeyError as error:
        raise Unreadable(f"it lacks {name}") from error


DOCUMENTS: dict[str, Callable[[Path], Iterator[SourceLayer]]] = {
    ".psd": _photoshop,
    ".ora": _openraster,
    ".kra": _krita,
    ".blend": _blender,
}
