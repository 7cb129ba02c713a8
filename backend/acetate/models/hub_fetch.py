"""Fetching planned files from the Hugging Face hub into its cache, each resumed where it broke off."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from acetate_wire.errors import AcetateError

from acetate.models.hub_download import DownloadPlan, RemoteFile
from acetate.models.hub_errors import RESUMES, disk_full, hub_errors
from acetate.models.inventory import digests
from acetate.models.licences import agreed_licences, require_agreed
from acetate.models.safetensors_header import in_bytes

log = logging.getLogger("acetate.models")

PIECE = 1 << 18
"""Bytes that are written at once."""
OnBytes = Callable[[int], None]
"""Called with the number of bytes that came since the last call."""


def fetch(
    plan: DownloadPlan,
    on_bytes: OnBytes = lambda count: None,
    cancelled: Callable[[], bool] = bool,
    agreed: Collection[str] | None = None,
) -> None:
    """Download the files of a plan that are not here yet. `cancelled` is asked with every piece that comes.

    `agreed` are the names of licences that count as agreed to, by default those that this user has agreed to here.
    What has come stays when it ends early, and the next call goes on from there. Raises AcetateError: `cancelled`,
    `not_allowed` for a licence that is not agreed to and for a repository that is gated or private, `unknown_model` for
    one that is gone, and `model_missing` for a full disk and a hub or connection that fails.
    """
    from huggingface_hub.constants import HF_HUB_CACHE

    require_agreed(plan.licences, agreed_licences() if agreed is None else agreed)
    cache = Path(HF_HUB_CACHE)
    room = shutil.disk_usage(next(each for each in (cache, *cache.parents) if each.exists())).free
    if plan.to_fetch > room:
        raise disk_full(cache, f"{in_bytes(plan.to_fetch)} are to come, and {in_bytes(room)} are free")
    for file in plan.files:
        with hub_errors(file.repository, file.path):
            _fetch_file(cache, file, on_bytes, cancelled)
    for file in plan.files:
        # Last, so that a model that was whole before stays whole while its new version comes.
        ref = file.place(cache) / "refs" / "main"
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(file.commit, encoding="utf-8")


def _fetch_file(cache: Path, file: RemoteFile, on_bytes: OnBytes, cancelled: Callable[[], bool]) -> None:
    from filelock import FileLock

    blob, pointer = file.blob(cache), file.pointer(cache)
    if pointer.is_file():
        return
    blob.parent.mkdir(parents=True, exist_ok=True)
    pointer.parent.mkdir(parents=True, exist_ok=True)
    # Another program may be fetching the same.
    with FileLock(blob.with_name(f"{blob.name}.acetate.lock")):
        if not blob.is_file():
            _download(file, blob, file.part(cache), on_bytes, cancelled)
        if not pointer.is_file():
            _link(blob, pointer)


def _download(file: RemoteFile, blob: Path, part: Path, on_bytes: OnBytes, cancelled: Callable[[], bool]) -> None:
    from huggingface_hub import constants, get_token
    from huggingface_hub.file_download import http_get

    class Counter:
        """What the library has in the place of a progress bar."""

        def __init__(self, **options: Any) -> None:
            pass

        def __enter__(self) -> Counter:
            return self

        def __exit__(self, *reasons: object) -> None:
            pass

        def update(self, count: int) -> None:
            """Report bytes that came. Raises AcetateError when the download was cancelled."""
            on_bytes(count)
            if cancelled():
                raise AcetateError("cancelled", "the download was stopped", hint=RESUMES)

    # The library's own pieces are so large that a slow connection would show no progress and not stop for minutes.
    constants.DOWNLOAD_CHUNK_SIZE = PIECE
    log.info("fetching %s of %s: %d bytes", file.path, file.repository, file.bytes)
    url = f"{constants.ENDPOINT}/{file.repository}/resolve/{file.commit}/{quote(file.path)}"
    token = get_token()
    with part.open("ab") as output:
        here = output.tell()
        if here < file.bytes:
            counter: Any = Counter
            http_get(
                url,
                output,
                resume_size=here,
                headers={"authorization": f"Bearer {token}"} if token else {},
                expected_size=file.bytes,
                displayed_filename=file.path,
                tqdm_class=counter,
            )
    if file.digest not in digests(part):
        part.unlink()
        raise AcetateError(
            "model_missing", f"{file.path} of {file.repository} came damaged", hint="fetch it again", retry=True
        )
    part.replace(blob)


def _link(blob: Path, pointer: Path) -> None:
    try:
        pointer.symlink_to(os.path.relpath(blob, pointer.parent))
    except OSError:  # Windows without the right to make links
        shutil.move(blob, pointer)
