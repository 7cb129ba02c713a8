"""Pictures and layers that a command is given: their pixels, and the settings inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from acetate.cli.layer_png import CHUNK, DOCUMENTS, unusable
from acetate.pipelines.metadata import GenerationMetadata

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from acetate.documents.reading import LayerEntry, OpenedDocument

Read = TypeVar("Read")
OURS = "give a picture that acetate generate made"


def read_settings(path: Path) -> tuple[GenerationMetadata, tuple[str, ...]]:
    """The settings in a layer's file, or in a document's layers, and the roles of the layers that have them.

    Raises AcetateError `bad_request` when it holds no layer of ours, or layers of several requests.
    """
    texts = _open(path, "like", OURS, _document_texts, _picture_texts)
    if not texts:
        hint = "give a file as acetate generate wrote it, not edited"
        raise unusable(path, "holds no acetate settings", hint, "like")
    try:
        found = [msgspec.json.decode(text, type=GenerationMetadata) for text in texts]
    except msgspec.DecodeError as error:
        raise unusable(path, f"has damaged settings ({error})", "give another file", "like") from error
    first = found[0]
    if any(replace(each, role=first.role) != first for each in found):
        hint = "write one of them as a PNG, and give that"
        raise unusable(path, "holds layers of several requests", hint, "like")
    return first, tuple(dict.fromkeys(each.role for each in found))


def read_pixels(path: Path, role: str) -> NDArray[np.uint8]:
    """A picture as RGBA "h w 4", straight alpha.

    Of a document it is the topmost layer with that name or role, hidden ones too, or else everything that is seen.
    Raises AcetateError `bad_request`, whose field is the role.
    """
    hint = "give a PNG, an .ora, a .psd, or another file that Pillow reads"
    return _open(path, role, hint, lambda document: _layer_for(document, role), _picture_pixels)


def _open(
    path: Path,
    field: str,
    hint: str,
    from_document: Callable[[OpenedDocument], Read],
    from_picture: Callable[[Path], Read],
) -> Read:
    from acetate.image.reading import UnreadablePictureError

    document = path.suffix.lower() in DOCUMENTS
    try:
        return _opened(path, from_document) if document else from_picture(path)
    except FileNotFoundError as error:
        raise unusable(path, "does not exist", hint, field) from error
    except MemoryError as error:
        raise unusable(path, "does not fit into memory", hint, field) from error
    except UnreadablePictureError as error:
        raise unusable(path, f"is no readable picture ({error})", hint, field) from error
    except Exception as error:  # what zipfile, XML and psd-tools raise for a foreign file cannot be listed
        if not document:
            raise
        reason = str(error).split("\n")[0] or type(error).__name__
        raise unusable(path, f"is no readable document ({reason})", hint, field) from error


def _opened(path: Path, read: Callable[[OpenedDocument], Read]) -> Read:
    from acetate.documents.reading import open_document

    with open_document(path) as document:
        return read(document)


def _document_texts(document: OpenedDocument) -> list[str]:
    return [text for layer in document.layers if (text := layer.read_notes().get(CHUNK)) is not None]


def _picture_texts(path: Path) -> list[str]:
    from acetate.image.reading import read_texts

    text = read_texts(path).get(CHUNK)
    return [] if text is None else [text]


def _layer_for(document: OpenedDocument, role: str) -> NDArray[np.uint8]:
    import numpy as np

    from acetate.documents.reading import flatten
    from acetate.image.reading import MOST_PIXELS, UnreadablePictureError

    if not 0 < document.width * document.height <= MOST_PIXELS:
        raise UnreadablePictureError(f"{document.width} x {document.height} pixels are not supported")
    named = [replace(layer, opacity=layer.opacity or 1.0) for layer in document.layers if role in _names(layer)]
    return np.asarray(flatten(document, named[-1:] or document.layers))


def _names(layer: LayerEntry) -> tuple[str, ...]:
    """What a layer is known by: its name, and the role that it was made for."""
    text = layer.read_notes().get(CHUNK)
    try:
        return (layer.name,) if text is None else (layer.name, msgspec.json.decode(text, type=GenerationMetadata).role)
    except msgspec.DecodeError:
        return (layer.name,)


def _picture_pixels(path: Path) -> NDArray[np.uint8]:
    from acetate.image.reading import read_picture

    return read_picture(path).pixels
