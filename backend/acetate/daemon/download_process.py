"""The process that talks to the Hugging Face hub for the daemon, and writes what happens as lines of JSON.

`sizes NAME…` writes `{"name", "bytes", "licence", "page", "restricted"}` or `{"name", "error"}` for each name;
`fetch NAME` writes `{"bytes"}`, what has come so far, twice a second, and `{"done": true}` or `{"error"}` at its end. A
process that is ended leaves what has come, and the next one goes on from there.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from acetate_wire.errors import AcetateError

from acetate.models.hub_download import (
    DownloadSpec,
    StatedLicence,
    download_spec,
    plan_download,
    remote_files,
    repository_info,
)
from acetate.models.hub_fetch import fetch

LOOK_S = 0.5
log = logging.getLogger("acetate.daemon")


def sizes(names: Iterable[str]) -> None:
    """Ask the hub how large each download is, and under which licence."""
    for name in names:
        try:
            found = [_asked(spec) for spec in download_spec(name)]
            licences = dict.fromkeys(licence.name for _, licence in found if licence.name)
            restricted = dict.fromkeys(each for _, licence in found for each in licence.restricted)
            say(
                name=name,
                bytes=sum(size for size, _ in found),
                licence=", ".join(licences),
                page=found[0][1].page,
                restricted=[asdict(each) for each in restricted],
            )
        except AcetateError as error:
            say(name=name, error=error.fields())


def download(name: str) -> None:
    """Fetch everything of that name."""
    came, said = 0, time.monotonic()

    def report(count: int) -> None:
        nonlocal came, said
        came += count
        if time.monotonic() - said >= LOOK_S:
            said = time.monotonic()
            say(bytes=came)

    try:
        fetch(plan_download(download_spec(name)), report)
    except AcetateError as error:
        say(error=error.fields())
        return
    say(bytes=came)
    say(done=True)


def say(**fields: Any) -> None:
    """Write a line; the process ends when the daemon that reads it is gone."""
    try:
        print(json.dumps(fields), flush=True)
    except OSError:
        os._exit(1)


def _asked(spec: DownloadSpec) -> tuple[int, StatedLicence]:
    """The bytes of a specification's files, and the repository's licence. Raises AcetateError."""
    try:
        info = repository_info(spec.repository, timeout=20)
    except AcetateError as error:
        message = "the Hugging Face hub does not answer, or lacks this model"
        hint = "check the connection and look again"
        log.warning("%s: %s", spec.repository, error)
        raise AcetateError("model_missing", message, hint=hint, retry=True) from error
    return sum(file.bytes for file in remote_files(spec, info)), StatedLicence.of(spec, info)


if __name__ == "__main__":
    what, *given = sys.argv[1:]
    sizes(given) if what == "sizes" else download(given[0])
