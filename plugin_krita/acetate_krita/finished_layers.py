# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of finished layers: they go into documents and their histories, are starred, saved, or forgotten."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from acetate_editor.tasks import TaskQueue
from krita import Document

from .document import annotation_store, lookup
from .document.insert import InsertPosition, insert
from .export import file_names, save_png
from .hiding import Hiding
from .history import History
from .i18n import tr
from .modes import mode_named
from .pinning import Pins
from .qt import QtCore
from .result_store import ResultStore
from .results import Opener, Result
from .settings import DockerSettings


class FinishedLayers(QtCore.QObject):
    """All results of this Krita. `changed` tells that a history is different, `inserted` that results have gone into a
    document.
    """

    changed = QtCore.pyqtSignal()
    message = QtCore.pyqtSignal(str)
    inserted = QtCore.pyqtSignal()

    def __init__(self, tasks: TaskQueue, settings: DockerSettings) -> None:
        super().__init__()
        self._tasks, self.settings = tasks, settings
        self.store = ResultStore()
        self.history = History(self.store)
        self.hiding = Hiding()
        self.pins = Pins()

    # What the artist does

    def place_of(self, document: Document, results: Sequence[Result]) -> InsertPosition:
        """Where results go: in the place of the layer that they replace, next to the one they were made for, else next
        to the active one.
        """
        mode, first = mode_named(str(results[0].settings.get("mode"))), results[0]
        active = lookup.layer_id(lookup.owner(document.activeNode()))
        replaces = first.replaces if lookup.find_layer(document, first.replaces) is not None else ""
        if replaces or (mode.beside and lookup.find_layer(document, first.anchor) is not None):
            return InsertPosition((replaces or first.anchor,), mode.below, replaces=replaces)
        return InsertPosition((active,))

    def insert(self, document: Document, results: Sequence[Result]) -> None:
        """Put results into a document, at their place."""
        place = self.place_of(document, results)
        self._tasks.add(self.put(document, results, place), self.report_error)

    def insert_all(self, document: Document, results: Sequence[Result]) -> None:
        """Put the results of several jobs into a document: of those at one place the newest is the uppermost, and it
        becomes the active layer.
        """
        by_job: dict[str, list[Result]] = {}
        for result in sorted(results, key=lambda result: (-result.made, result.id)):
            by_job.setdefault(result.job, []).append(result)
        places = [(each, self.place_of(document, each)) for each in by_job.values()]
        self._tasks.add(self._insert_all(document, places), self.report_error)

    def star(self, result: Result, starred: bool) -> None:
        """Keep a result for good on this computer, or let it age like the others."""
        self._tasks.add(self._star(result, starred), self.report_error)

    def save_png(self, result: Result, path: Path) -> None:
        """Write a result's layers into files."""
        self._tasks.add(self._save_png(result, path), self.report_error)

    def set_in_document(self, wanted: bool) -> None:
        """Whether documents hold the words and layers of their jobs. Where they no longer do, what the open ones held
        is kept on this computer instead.
        """
        self.settings.in_document = wanted
        self.settings.save()
        if not wanted:
            for document in lookup.opened():
                self._tasks.add(self._clear(document), self.report_error)

    def dismiss(self, results: Sequence[Result]) -> None:
        """The artist has seen these and does not want them now; they stay in the history."""
        for result in results:
            self.store.seen(result.id)
        self.changed.emit()

    def remove(self, document: Document, result: Result) -> None:
        """Forget a result for good."""
        self.history.remove(document, result.id)
        self.changed.emit()

    # What follows

    def report_error(self, error: Exception) -> None:
        """Tell the artist."""
        self.message.emit(str(error) or type(error).__name__)

    def give(self, document: Document, results: Sequence[tuple[Result, list[bytes]]]) -> Iterator[None]:
        """A task: have the document's history hold results and their strips, where the artist wants that."""
        for result, body in results if self.settings.in_document else ():
            yield from annotation_store.keep(document, result, body, self.store.starred, self.history.find)

    def put(
        self, document: Document, results: Sequence[Result], place: InsertPosition, opener: Opener | None = None
    ) -> Generator[float | None, None, str]:
        """Put results in, from their files where no `opener` has them in memory.

        In a document that was closed meanwhile they stay unseen, and are offered later.
        """
        try:
            with self.pins.holding(document) as layers:
                landed = yield from insert(
                    document, results, opener or self.history.open_body, place, self.settings.clip, self.hiding
                )
                layers.append(landed)
        except lookup.ClosedError:
            return ""
        for result in results:
            self.store.seen(result.id)
        self.changed.emit()
        yield None
        self.inserted.emit()
        self._say_where(document, landed)
        yield None
        return landed

    def _insert_all(
        self, document: Document, places: Sequence[tuple[Sequence[Result], InsertPosition]]
    ) -> Iterator[float | None]:
        """Put results in one after the other; the first to go in is the active layer at the end."""
        landed: list[str] = []
        for results, place in places:
            layer = yield from self.put(document, results, place)
            landed.append(layer)
        first = None if document.rootNode() is None else lookup.find_layer(document, landed[0])
        if first is not None:
            document.setActiveNode(first)

    def _say_where(self, document: Document, landed: str) -> None:
        """Tell of a group that hides what came in, or that is locked."""
        node = lookup.find_layer(document, landed)
        if node is None or document.rootNode() is None:
            return
        for words, group in lookup.enclosing(node):
            line = tr(words).format(layer=node.name(), group=group)
            self.message.emit(line)
            return

    def _star(self, result: Result, starred: bool) -> Iterator[float | None]:
        if starred:
            yield from self._keep_here(result)
        self.store.star(result.id, starred)
        self.changed.emit()

    def _keep_here(self, result: Result) -> Iterator[float | None]:
        """Copy into the plug-in's folder what only a document holds."""
        if self.store.holds(result.id):
            return
        with self.history.open_body(result) as body:
            yield from self.store.save(result, [body.read()])
        self.store.seen(result.id)

    def _save_png(self, result: Result, path: Path) -> Iterator[None]:
        yield from save_png(path, result, self.history.open_body)
        self.message.emit(tr("Saved: {file}").format(file=", ".join(f.name for f in file_names(path, result))))

    def _clear(self, document: Document) -> Iterator[float | None]:
        for result in self.history.of(document):
            if document.rootNode() is None:
                return
            if annotation_store.holds(document, result.id):
                yield from self._keep_here(result)
                annotation_store.remove(document, result.id)
        annotation_store.note_jobs(document, {})
