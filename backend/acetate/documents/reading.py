"""The layers of OpenRaster (.ora) and Photoshop (.psd) documents, listed at once and decoded one at a time."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

from PIL import Image

from acetate.image.reading import MOST_PIXELS, read_picture, read_texts
from acetate.io import zip_member


class UnreadableDocumentError(ValueError):
    """A document that cannot be read; the message says why."""


@dataclass(frozen=True, eq=False)
class LayerEntry:
    """A layer as its document lists it, with its top-left corner in canvas pixels.

    `opacity` in [0, 1] includes that of its groups; a hidden layer has 0. `read` decodes the picture, at full opacity;
    None is a layer without pixels. `read_notes` gives its texts by keyword. Both raise what `read_picture` raises,
    UnreadableDocumentError, or what a library does.
    """

    name: str
    x: int
    y: int
    opacity: float
    read: Callable[[], Image.Image | None]
    read_notes: Callable[[], Mapping[str, str]]


@dataclass(frozen=True, eq=False)
class OpenedDocument:
    """A document's canvas in pixels, and its layers in stacking order from below."""

    width: int
    height: int
    layers: tuple[LayerEntry, ...]


@contextmanager
def open_document(path: Path, most_pixels: int = MOST_PIXELS) -> Iterator[OpenedDocument]:
    """Open a document for the length of a `with` block; its layers can be read within.

    A layer of more than `most_pixels` is refused when it is read. Raises FileNotFoundError, KeyError for another
    ending, UnreadableDocumentError, or what a library raises for a file that is none of its own.
    """
    with READERS[path.suffix.lower()](path, most_pixels) as document:
        yield document


@contextmanager
def _open_openraster(path: Path, most_pixels: int) -> Iterator[OpenedDocument]:
    with zipfile.ZipFile(path) as archive:
        image = ElementTree.fromstring(read_member(archive, "stack.xml"))
        layers = tuple(
            LayerEntry(
                element.get("name", ""),
                _number(element, "x"),
                _number(element, "y"),
                opacity,
                partial(_read_picture, archive, element.get("src", ""), most_pixels),
                partial(_read_texts, archive, element.get("src", "")),
            )
            for element, opacity in walk_layers(image.findall("stack"), _openraster_opacity)
        )
        yield OpenedDocument(_number(image, "w"), _number(image, "h"), layers)


def walk_layers(
    group: Iterable[ElementTree.Element], opacity_of: Callable[[ElementTree.Element], float], above: float = 1.0
) -> Iterator[tuple[ElementTree.Element, float]]:
    """Every element `layer`, bottom first, with its opacity in all; groups may be in groups."""
    for element in reversed(list(group)):
        opacity = above * opacity_of(element)
        if element.tag == "layer":
            yield element, opacity
        for inside in [element] if element.tag == "stack" else element.findall("layers"):
            yield from walk_layers(inside, opacity_of, opacity)


def _openraster_opacity(element: ElementTree.Element) -> float:
    return float(element.get("opacity", "1")) if element.get("visibility", "visible") == "visible" else 0.0


def _number(element: ElementTree.Element, name: str) -> int:
    try:
        return int(element.get(name, "0"))
    except ValueError as error:
        raise UnreadableDocumentError(f"{name} is {element.get(name)!r}, no number") from error


def _read_picture(archive: zipfile.ZipFile, name: str, most_pixels: int) -> Image.Image:
    return read_picture(read_member(archive, name), most_pixels).picture


def _read_texts(archive: zipfile.ZipFile, name: str) -> Mapping[str, str]:
    return read_texts(read_member(archive, name))


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file of a document that is a zip archive. Raises UnreadableDocumentError, and as `zip_member` does."""
    try:
        return zip_member(archive, name)
    except KeyError as error:
        raise UnreadableDocumentError(f"it lacks {name}") from error


@contextmanager
def _open_photoshop(path: Path, most_pixels: int) -> Iterator[OpenedDocument]:
    from psd_tools import PSDImage

    from acetate.documents.photoshop import read_notes

    psd = PSDImage.open(path)
    found = [layer for layer in psd.descendants() if not layer.is_group()]
    notes = read_notes(psd)
    layers = tuple(
        LayerEntry(
            layer.name,
            layer.left,
            layer.top,
            _photoshop_opacity(layer),
            partial(_read_layer, layer, most_pixels),
            # Where layers were added or removed by another program, nobody knows which notes are whose.
            dict if len(notes) != len(found) else partial(notes.__getitem__, number),
        )
        for number, layer in enumerate(found)
        if layer.has_pixels()
    )
    yield OpenedDocument(psd.width, psd.height, layers)


def _photoshop_opacity(layer: Any) -> float:
    if not layer.is_visible():
        return 0.0
    opacity, place = 1.0, layer
    while place is not None and place.parent is not None:
        opacity, place = opacity * place.opacity / 255, place.parent
    return opacity


def _read_layer(layer: Any, most_pixels: int) -> Image.Image | None:
    if layer.width * layer.height > most_pixels:
        raise UnreadableDocumentError(f"{layer.width} x {layer.height} pixels are too many")
    picture = cast("Image.Image | None", layer.topil())
    return None if picture is None else picture.convert("RGBA")


def faded(picture: Image.Image, opacity: float) -> Image.Image:
    """An RGBA picture with its alpha multiplied by an opacity in [0, 1]."""
    if opacity >= 1:
        return picture
    result = picture.copy()
    result.putalpha(picture.getchannel("A").point(lambda value: round(value * opacity)))
    return result


def flatten(document: OpenedDocument, layers: Iterable[LayerEntry]) -> Image.Image:
    """Some layers of a document over one another, RGBA with straight alpha, of the size of its canvas."""
    size = (document.width, document.height)
    canvas: Image.Image | None = None
    for layer in layers:
        picture = layer.read() if layer.opacity > 0 else None
        if picture is not None:
            placed = Image.new("RGBA", size)
            placed.paste(faded(picture, layer.opacity), (layer.x, layer.y))
            # A layer alone keeps the colour of its clear pixels.
            canvas = placed if canvas is None else Image.alpha_composite(canvas, placed)
    return canvas or Image.new("RGBA", size)


READERS = {".ora": _open_openraster, ".psd": _open_photoshop}
"""What opens a document, by the ending of its file."""
