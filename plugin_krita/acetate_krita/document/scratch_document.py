# SPDX-License-Identifier: GPL-3.0-or-later
"""A document that nobody sees, where layers are converted, given masks and put into groups.

Krita records in a document's history what a script does to that document's layers, even before they are in it, and
makes the script wait until the document's picture is composed anew. What happens to a bench's layers goes into the
bench's own history, which ends with it, and there is nothing to compose as long as its canvas has one pixel.

`bench.kra` holds that canvas, and a layer with a transparency mask: Krita before 5.2 cannot fill a mask that a script
made, but it can fill the copy of one that it read from a file.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from acetate_wire.errors import AcetateError
from krita import Document, Krita, Node

from ..color import ColorSpace
from ..i18n import tr
from . import lookup

FILE = Path(__file__).parent / "scratch_document.kra"


@lru_cache(maxsize=1)
def template() -> Document:
    """The document that benches are copied from; the first call takes as long as opening a small document."""
    # Krita would autosave a long-lived copy beside its file, and ask about that file whenever it is opened again.
    with tempfile.TemporaryDirectory() as folder:
        opened = Krita.instance().openDocument(shutil.copy(FILE, folder))
        if opened is None:
            raise AcetateError("internal", tr("Krita could not make room for the layers"), hint=str(FILE))
        # Krita does not list a copy among its documents.
        kept = opened.clone()
        opened.close()
    return kept


class ScratchDocument:
    """One bench, whose layers have the pixels of `space`; it goes away with the last reference to it."""

    def __init__(self, space: ColorSpace) -> None:
        self._document = template().clone()
        self._document.setColorSpace(space.model, space.depth, space.profile)
        self._root = _root(self._document)

    def layer(self, name: str, kind: str = "paintlayer") -> Node:
        """A new layer or group, which can go into any document."""
        return self._document.createNode(name, kind)

    def mask(self, name: str) -> Node:
        """A new transparency mask that hides everything."""
        made = self._root.childNodes()[0].childNodes()[0].clone()
        made.setName(name)
        made.setPixelData(bytes(1), 0, 0, 1, 1)
        return made

    def convert(self, pixels: bytes, width: int, height: int, source: ColorSpace, target: ColorSpace) -> bytes:
        """A strip of pixels in another colour space, converted as Krita does it."""
        strip = self.layer("")
        strip.setColorSpace(source.model, source.depth, source.profile)
        strip.setPixelData(pixels, 0, 0, width, height)
        strip.setColorSpace(target.model, target.depth, target.profile)
        return bytes(strip.pixelData(0, 0, width, height))

    def resize(self, width: int, height: int) -> None:
        """Give it a canvas; quick while there is nothing on it."""
        self._document.resizeImage(0, 0, width, height)

    def attach(self, node: Node) -> None:
        """Put a layer on its canvas."""
        self._root.addChildNode(node, None)

    @property
    def idle(self) -> bool:
        """Whether its picture is composed."""
        return lookup.idle(self._document)


def _root(document: Document) -> Node:
    root = document.rootNode()
    if root is None:
        raise AcetateError("internal", tr("Krita could not make room for the layers"), retry=True)
    return root
