# SPDX-License-Identifier: GPL-3.0-or-later
"""Open documents and their layers, found again by name: Krita's own objects are made anew at every call."""

from __future__ import annotations

from collections.abc import Iterator

from krita import Document, Krita, Node

from ..i18n import mark
from . import annotation_store

HIDDEN = mark("“{layer}” is in the group “{group}”, which is hidden")
LOCKED = mark("“{layer}” is in the group “{group}”, which is locked")


class ClosedError(Exception):
    """The document was closed while something was read from it or on its way into it."""


def opened() -> list[Document]:
    """All open documents."""
    return [document for document in Krita.instance().documents() if document.rootNode() is not None]


def find(session: str, id: str) -> Document | None:
    """The document of this session name, else one with this lasting id, else None."""
    fallback: Document | None = None
    for document in opened():
        if session and annotation_store.open_document_id(document) == session:
            return document
        if fallback is None and annotation_store.known_id(document) == id:
            fallback = document
    return fallback


def idle(document: Document) -> bool:
    """Whether Krita has nothing to do for this document: no stroke is being made and its picture is composed."""
    if not document.tryBarrierLock():
        return False
    document.unlock()
    return True


def layer_id(layer: Node | None) -> str:
    """A layer's lasting name; empty for none."""
    return "" if layer is None else str(layer.uniqueId().toString())


def owner(node: Node | None) -> Node | None:
    """The layer itself, or the one that a mask belongs to."""
    while node is not None and node.type().endswith("mask"):
        node = node.parentNode()
    return node


def enclosing(layer: Node) -> Iterator[tuple[str, str]]:
    """The groups around a layer that hide or lock it: what is to be said, for `tr`, and the group's name."""
    group = layer.parentNode()
    while group is not None and group.parentNode() is not None:
        if not group.visible():
            yield HIDDEN, group.name()
        elif group.locked():
            yield LOCKED, group.name()
        group = group.parentNode()


def find_layer(document: Document, id: str) -> Node | None:
    """The layer of that name, None where it is gone."""
    return next((layer for layer, _ in layers(document) if layer_id(layer) == id), None) if id else None


def layers(document: Document) -> Iterator[tuple[Node, int]]:
    """All layers from the top with how deep they are nested; masks are left out."""
    root = document.rootNode()
    if root is not None:
        yield from _below(root, 0)


def _below(parent: Node, depth: int) -> Iterator[tuple[Node, int]]:
    for layer in reversed(parent.childNodes()):
        if not layer.type().endswith("mask"):
            yield layer, depth
            yield from _below(layer, depth + 1)
