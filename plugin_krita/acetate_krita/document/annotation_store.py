# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept inside a document (annotations in the .kra): its id, its running jobs, and its history.

Newest results come first; the oldest leave the document when all together take more than ROOM_BYTES.
"""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Callable

from acetate_wire.errors import AcetateError
from krita import Document

from ..results import Result, read_header

DOCUMENT = "acetate-document"
JOBS = "acetate-jobs"
RESULT = "acetate-result-"
ROOM_BYTES = 32 << 20


def open_document_id(document: Document) -> str:
    """A name for an open document, the same as long as it stays open."""
    root = document.rootNode()
    if root is None:
        raise AcetateError("internal", "the document was closed")
    return str(root.uniqueId().toString())


def document_id(document: Document) -> str:
    """The document's own lasting id, given to it when first asked for."""
    known = known_id(document)
    if known:
        return known
    made = uuid.uuid4().hex
    document.setAnnotation(DOCUMENT, "Acetate: this document's id", made.encode())
    return made


def known_id(document: Document) -> str:
    """The document's lasting id, empty when it has none yet."""
    if DOCUMENT not in document.annotationTypes():
        return ""
    return bytes(document.annotation(DOCUMENT)).decode("ascii", "replace")


def note_jobs(document: Document, jobs: dict[str, dict[str, Any]]) -> None:
    """Keep the document's running jobs with it."""
    if jobs:
        document.setAnnotation(JOBS, "Acetate: layers on their way", json.dumps(jobs).encode())
    elif JOBS in document.annotationTypes():
        document.removeAnnotation(JOBS)


def jobs(document: Document) -> dict[str, dict[str, Any]]:
    """The jobs that were running when the document was last saved."""
    if JOBS not in document.annotationTypes():
        return {}
    try:
        found: dict[str, dict[str, Any]] = json.loads(bytes(document.annotation(JOBS)))
        return found
    except ValueError:
        return {}


def keep(
    document: Document,
    result: Result,
    body: list[bytes],
    starred: Callable[[str], bool],
    known: Callable[[str], Result | None],
) -> Iterator[None]:
    """A task: keep a result with the document, and let the oldest go where the room is used up: those that are not
    `starred` first. Results that are `known` are not read for it.
    """
    head = result.header()
    if len(head) + sum(map(len, body)) > ROOM_BYTES:
        return
    data = head + b"".join(body)
    yield
    document.setAnnotation(RESULT + result.id, f"Acetate: {result.settings.get('prompt', '')[:60]}", data)
    yield
    total = 0
    sizes: list[Result] = []
    for kind in document.annotationTypes():
        if kind.startswith(RESULT):
            try:
                found = known(kind[len(RESULT) :])
                sizes.append(found or read_header(io.BytesIO(bytes(document.annotation(kind)))))
            except ValueError:
                document.removeAnnotation(kind)
            yield
    for other in sorted(sizes, key=lambda entry: (not starred(entry.id), -entry.made)):
        total += other.nbytes
        if total > ROOM_BYTES:
            document.removeAnnotation(RESULT + other.id)


def results(document: Document, found: list[Result]) -> Iterator[None]:
    """A task: add the document's results to `found`."""
    for kind in document.annotationTypes():
        if kind.startswith(RESULT):
            with suppress(ValueError):
                found.append(read_header(io.BytesIO(bytes(document.annotation(kind)))))
            yield


def holds(document: Document, id: str) -> bool:
    """Whether the document holds this result."""
    return RESULT + id in document.annotationTypes()


def body(document: Document, id: str) -> io.BytesIO:
    """A result's bytes as the document keeps them; empty when it does not."""
    kind = RESULT + id
    return io.BytesIO(bytes(document.annotation(kind)) if kind in document.annotationTypes() else b"")


def remove(document: Document, id: str) -> None:
    """Forget a result."""
    if RESULT + id in document.annotationTypes():
        document.removeAnnotation(RESULT + id)
