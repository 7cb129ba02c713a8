"""Several layers in one file that painting programs open: OpenRaster and PSD."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from acetate.documents import openraster, photoshop
from acetate.documents.document import Document, DocumentLayer
from acetate.io import whole

log = logging.getLogger("acetate.documents")

__all__ = ["WRITERS", "Document", "DocumentLayer", "write"]

WRITERS: Mapping[str, Callable[[Document, Path], None]] = {".ora": openraster.write, ".psd": photoshop.write}
"""What writes a document, by the ending of its file."""


def write(document: Document, path: Path) -> None:
    """Write a document in the form that the file's ending names, all or nothing.

    A file that was there stays whole until the new one is. Raises KeyError for another ending and OSError.
    """
    writer = WRITERS[path.suffix.lower()]
    with whole(path) as fresh:
        writer(document, fresh)
    log.debug("wrote %d layers as %s", len(document.layers), path.suffix)
