"""Runs the review of a data set for as long as a test looks at it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acetate_lab.data.review.review_server import ReviewServer


@contextmanager
def served(folder: Path) -> Iterator[ReviewServer]:
    """The review of a data set, answering until the block ends."""
    with ReviewServer(folder) as server:
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield server
        finally:
            server.stop()
            thread.join()
