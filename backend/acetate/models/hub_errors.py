"""What can go wrong with the Hugging Face hub, each cause with its own way out."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acetate_wire.errors import AcetateError

FULL = (errno.ENOSPC, errno.EDQUOT)
RESUMES = "what has come already is kept"


@contextmanager
def hub_errors(repository: str, path: str = "") -> Iterator[None]:
    """Give what the hub's library raises in a `with` block as an AcetateError, with a hint for each cause."""
    try:
        yield
    except AcetateError:
        raise
    except Exception as error:  # the network library's own exceptions come through
        raise _in_words(repository, path, error) from error


def _in_words(repository: str, path: str, error: BaseException) -> AcetateError:
    from huggingface_hub import errors
    from huggingface_hub.constants import ENDPOINT

    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    for each in chain:
        if isinstance(each, OSError) and each.errno in FULL:
            return disk_full(Path(each.filename or "the disk"), "no more bytes could be written")
    answered = next((each for each in chain if isinstance(each, errors.HfHubHTTPError)), None)
    status = None if answered is None else answered.response.status_code
    page = f"{ENDPOINT}/{repository}"
    if isinstance(answered, errors.GatedRepoError) or status == 403:
        return AcetateError(
            "not_allowed",
            f"{repository} is gated: its licence has to be accepted before it can be fetched",
            field="model",
            hint=f"accept it at {page}, make a token at {ENDPOINT}/settings/tokens, and set HF_TOKEN to it",
        )
    if status == 401:
        given = (
            "HF_TOKEN is not accepted: make a new token" if os.environ.get("HF_TOKEN") else "set HF_TOKEN to a token"
        )
        return AcetateError(
            "not_allowed",
            f"{repository} is private, or there is no such repository",
            field="model",
            hint=f"check its name; for a private one, {given} ({ENDPOINT}/settings/tokens)",
        )
    if status == 404:
        what = f"{repository} has no {path}" if path else f"there is no {repository} on the hub"
        return AcetateError("unknown_model", what, field="model", hint=f"check the name at {ENDPOINT}")
    if status is not None:
        busy = "asks to wait" if status == 429 else "is out of order"
        return AcetateError(
            "model_missing",
            f"the hub {busy} ({status})",
            field="model",
            hint=f"try again in a few minutes: {RESUMES}",
            retry=True,
        )
    reason = " ".join(str(error).split())
    if isinstance(error, PermissionError):
        return AcetateError("model_missing", f"{reason}", field="model", hint="set HF_HOME to a folder of your own")
    return AcetateError(
        "model_missing",
        f"the connection to the hub failed while {path or 'the list of files'} of {repository} came ({reason:.200})",
        field="model",
        hint=f"check the connection and try again: {RESUMES}",
        retry=True,
    )


def disk_full(place: Path, reason: str) -> AcetateError:
    """The refusal for want of room on the disk of a folder."""
    return AcetateError(
        "model_missing",
        f"there is no room on the disk of {place} ({reason})",
        field="model",
        hint=f"make room, or set HF_HOME to a folder on another disk: {RESUMES}",
        retry=True,
    )
