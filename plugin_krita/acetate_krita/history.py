# SPDX-License-Identifier: GPL-3.0-or-later
"""Each document's finished layers: those that the document brought along and those in the plug-in's own folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from acetate_wire.errors import AcetateError
from krita import Document

from .document import annotation_store
from .document.lookup import find
from .i18n import tr
from .result_store import ResultStore
from .results import Result, read_header


class History:
    """Results by document, the newest first."""

    def __init__(self, store: ResultStore) -> None:
        self._store = store
        self._results: dict[str, Result] = {}
        self._removed: set[str] = set()
        self._read: set[str] = set()
        self._given: dict[str, str] = {}

    def read_folder(self) -> Iterator[None]:
        """A task: learn what the plug-in's own folder holds."""
        found: list[Result] = []
        yield from self._store.results(found)
        for result in found:
            self._results.setdefault(result.id, result)

    def read_document(self, document: Document) -> Iterator[None]:
        """A task: learn what a document brought along; done once while it is open."""
        session = annotation_store.open_document_id(document)
        if session in self._read:
            return
        self._read.add(session)
        found: list[Result] = []
        yield from annotation_store.results(document, found)
        for result in found:
            if result.id not in self._removed:
                self._results.setdefault(result.id, result)

    def add(self, result: Result) -> None:
        """A new result."""
        self._results[result.id] = result

    def remove(self, document: Document, id: str) -> None:
        """Forget a result, in the document and in the folder."""
        self._results.pop(id, None)
        self._removed.add(id)
        self._store.remove(id)
        annotation_store.remove(document, id)

    def of(self, document: Document) -> list[Result]:
        """The results of a document."""
        session = annotation_store.open_document_id(document)
        mine = [
            result
            for result in self._results.values()
            if _belongs(result, document) or self._given.get(result.id) == session
        ]
        return sorted(mine, key=lambda result: (-result.made, result.id))

    def offers(self, document: Document) -> list[Result]:
        """What finished unseen: for this document, or for one that was closed without ever being saved. The latter
        goes to the first document that asks, and to no other while this Krita runs.
        """
        session = annotation_store.open_document_id(document)
        unseen = [result for result in self._results.values() if self._store.unseen(result.id)]
        lost = [result for result in unseen if result.never_saved and not self._opened(result)]
        for result in lost:
            self._given.setdefault(result.id, session)
        offered = [result for result in unseen if _belongs(result, document) or self._given.get(result.id) == session]
        return sorted(offered, key=lambda result: (result.made, result.id))

    @staticmethod
    def _opened(result: Result) -> bool:
        """Whether the document of a result is still open."""
        return find("", result.document) is not None

    def find(self, id: str) -> Result | None:
        """A result by its id; None where it is not known."""
        return self._results.get(id)

    def get(self, id: str) -> Result:
        """A result by its id. Raises KeyError."""
        return self._results[id]

    def open_body(self, result: Result) -> BinaryIO:
        """The compressed strips of a result. Raises AcetateError when its pixels are gone."""
        stream = self._store.open(result.id)
        if stream is None:
            document = find("", result.document)
            if document is not None:
                stream = annotation_store.body(document, result.id)
        if stream is not None:
            with suppress(ValueError):
                # Not the length of today's header: an earlier version wrote a shorter one.
                read_header(stream)
                return stream
        raise AcetateError("internal", tr("these layers are kept neither on this computer nor in the document"))


def _belongs(result: Result, document: Document) -> bool:
    """Whether a result was made for this document: by its lasting id, or by its file where it was closed unsaved."""
    return result.document == annotation_store.known_id(document) or (
        not result.never_saved and result.file == document.fileName()
    )
