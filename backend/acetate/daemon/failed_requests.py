"""The last requests that failed; the journal forgets a job as soon as its client has been told.

`acetate bug-report` takes them along.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acetate_wire.paths import atomic_write

log = logging.getLogger("acetate.daemon")

FILE_NAME = "failed.json"
MOST = 10


def record_failure(state: Path, id: str, request: Mapping[str, Any], outcome: Mapping[str, Any]) -> None:
    """Add a failed request to the list; without room on the disk it is only logged."""
    when = time.strftime("%Y-%m-%d %H:%M:%S")
    entry = {"id": id, "failed": when, "request": dict(request), "outcome": dict(outcome)}
    try:
        atomic_write(state / FILE_NAME, json.dumps([*read_failures(state), entry][-MOST:], indent=1).encode())
    except (OSError, TypeError) as error:
        log.warning("job %s failed, and its request cannot be noted: %s", id, error)


def read_failures(state: Path) -> list[dict[str, Any]]:
    """The last failed requests, oldest first; none where the list is missing or damaged."""
    try:
        found = json.loads((state / FILE_NAME).read_bytes())
    except (OSError, ValueError):
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
