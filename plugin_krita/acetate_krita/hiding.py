# SPDX-License-Identifier: GPL-3.0-or-later
"""What a result replaces is hidden with it, shown again when the result is undone, and hidden when it is redone.

Krita records that a layer comes in, but not that one is hidden, and has no call that joins two steps into one. Only the
coming in is therefore a step of undo, and the eye of the layer beneath follows it here. Whatever fails, no pixel is
touched: at worst the artist clicks the eye.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from krita import Document, Krita, Node

from .document import annotation_store, lookup
from .qt import QtCore, QtWidgets

LOOK_MS = 15
"""How soon after Ctrl+Z the layers are looked at, again and again: Krita undoes a little later than the key."""
LOOK_S = 0.6
UNDO, REDO, JUMP = "undo", "redo", "jump"


@dataclass
class Replacement:
    """In the document `session` the layer `result` is shown instead of `source`; `hidden` are the layers whose eye was
    closed for it, `there` whether it was in the document at the last look. All are layer ids but the session.
    """

    session: str
    result: str
    source: str
    hidden: tuple[str, ...]
    there: bool = True


class Hiding(QtCore.QObject):
    """All replacements of this Krita's open documents."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[Replacement] = []
        self._watched: list[Any] = []
        self._step = UNDO
        self._until = 0.0
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look_on)

    def hide(self, document: Document, source: str) -> tuple[str, ...]:
        """Close the eyes of a layer and of what replaces it already; returns whose eye was open.

        Krita shows the difference when it next composes the picture: call this just before a layer is put in.
        """
        session = annotation_store.open_document_id(document)
        ids = [source, *(each.result for each in self._entries if (each.session, each.source) == (session, source))]
        open_eyes = [id for id, layer in _found(document, ids) if layer.visible()]
        _set_eyes(document, open_eyes, False)
        return tuple(open_eyes)

    def show(self, document: Document, ids: tuple[str, ...]) -> None:
        """Open eyes that `hide` has closed, when nothing came of it."""
        _set_eyes(document, ids, True)
        document.refreshProjection()

    def follow(self, document: Document, result: str, source: str, hidden: tuple[str, ...]) -> None:
        """The result is in: from now on what it hid follows undo and redo."""
        self._forget_closed()
        self._entries.append(Replacement(annotation_store.open_document_id(document), result, source, hidden))
        self.watch()

    def look(self, document: Document) -> None:
        """See which results are there, and open or close eyes where the present step of undo changed that."""
        session = annotation_store.open_document_id(document)
        mine = [entry for entry in self._entries if entry.session == session]
        if not mine or not lookup.idle(document):
            return
        there = {lookup.layer_id(layer) for layer, _ in lookup.layers(document)}
        changed = False
        undoing = time.monotonic() < self._until
        for entry in mine:
            came, went = entry.result in there and not entry.there, entry.there and entry.result not in there
            entry.there = entry.result in there
            if undoing and ((went and self._step != REDO) or (came and self._step != UNDO)):
                changed = _set_eyes(document, entry.hidden, went) or changed
        if changed:
            document.refreshProjection()

    def _look_on(self) -> None:
        document = Krita.instance().activeDocument()
        if document is not None and document.rootNode() is not None:
            if not lookup.idle(document):
                self._until = max(self._until, time.monotonic() + 2 * LOOK_MS / 1000)
                return
            self.look(document)
        if time.monotonic() >= self._until:
            self._timer.stop()

    def watch(self) -> None:
        """Hear of undo and redo in the active window: by their keys and menus, or by a click into the list of steps.

        Searching a window takes a moment, the first time: call this while the artist waits for nothing.
        """
        window = Krita.instance().activeWindow()
        if window is None or any(known is window.qwindow() for known in self._watched):
            return
        self._watched.append(window.qwindow())
        for name, step in (("edit_undo", UNDO), ("edit_redo", REDO)):
            action = Krita.instance().action(name)
            if action is not None:
                action.triggered.connect(lambda *_checked, step=step: self._stepped(step))
        for view in window.qwindow().findChildren(QtWidgets.QAbstractItemView):
            if view.metaObject().className() == "KisUndoView":
                view.pressed.connect(lambda *_index: self._stepped(JUMP))

    def _stepped(self, step: str) -> None:
        self._step, self._until = step, time.monotonic() + LOOK_S
        self._timer.start()

    def _forget_closed(self) -> None:
        sessions = {annotation_store.open_document_id(document) for document in lookup.opened()}
        self._entries = [entry for entry in self._entries if entry.session in sessions]


def _found(document: Document, ids: list[str] | tuple[str, ...]) -> Iterator[tuple[str, Node]]:
    by_id = {lookup.layer_id(layer): layer for layer, _ in lookup.layers(document)}
    return ((id, by_id[id]) for id in ids if id in by_id)


def _set_eyes(document: Document, ids: list[str] | tuple[str, ...], visible: bool) -> bool:
    changed = False
    for _, layer in _found(document, ids):
        if layer.visible() != visible:
            layer.setVisible(visible)
            changed = True
    return changed
