"""The texts that every editor shows of a job and of the connection, in English; an editor's `tr` translates them."""

from __future__ import annotations

from typing import Callable, Optional

from acetate_wire.errors import AcetateError
from acetate_wire.limits import Limits
from acetate_wire.request_codec import megabytes

from .jobs import PREPARING, SAVING, WAITING, EditorJob

Translate = Callable[[str], str]


def mark(text: str) -> str:
    """The text as it is: for tables that are translated when they are shown."""
    return text


REASONS = {
    "bad_request": mark("Something in the settings does not fit"),
    "too_large": mark("Too large"),
    "unknown_model": mark("This model is not there"),
    "model_missing": mark("The model's files are missing"),
    "mode_unsupported": mark("This model cannot do that"),
    "out_of_memory": mark("Not enough memory"),
    "too_slow": mark("This would take hours"),
    "worker_lost": mark("The drawing program crashed"),
    "busy": mark("No room for more"),
    "not_allowed": mark("Not allowed"),
    "internal": mark("Something went wrong"),
    "expired": mark("These layers are gone"),
}
"""What went wrong, by the error's code; `internal` for every other code."""
STAGES = {
    "starting": mark("Starting"),
    "loading": mark("Loading the model"),
    "drawing": mark("Drawing"),
    "decoding": mark("Finding the transparency"),
    "finishing": mark("Finishing"),
}


def too_large(size: int, limits: Limits, tr: Translate) -> Optional[AcetateError]:
    """Why pictures of so many bytes cannot be sent, or layers not be brought back; None where they can."""
    if size <= limits.job_bytes:
        return None
    words = tr("The pictures are {size} MB, over the limit of {limit} MB")
    hint = tr("choose a smaller selection, or fewer pictures at once")
    if not limits.part_bytes:
        hint = tr("update Acetate, whose daemon is older than this plug-in, or choose a smaller selection")
    numbers = {"size": megabytes(size), "limit": megabytes(limits.job_bytes)}
    return AcetateError("too_large", words.format(**numbers), hint=hint)


def reason(code: str, tr: Translate) -> str:
    """An error's code in a few words."""
    return tr(REASONS.get(code, REASONS["internal"]))


def progress(job: EditorJob, tr: Translate) -> str:
    """How far an open job is, in one line."""
    if job.cancelling:
        return tr("Cancelling …")
    if job.state == PREPARING:
        return tr("Reading the pictures")
    if job.state == WAITING:
        return tr("Waiting, {number} before it").format(number=job.position) if job.position else tr("Waiting")
    if job.state == SAVING:
        return tr("Taking the layers over")
    line = tr(STAGES.get(job.stage, STAGES["drawing"]))
    if job.steps > 1:
        line += f" {job.step}/{job.steps}"
    if job.seconds_left is not None:
        line += " · " + tr("{seconds} s left").format(seconds=max(0, round(job.seconds_left)))
    return line


def device_name(device: str, tr: Translate) -> str:
    """A device as artists call it."""
    if device.startswith("cuda"):
        return tr("the graphics card")
    if device.startswith("mps"):
        return tr("the Apple graphics chip")
    return tr("the processor") if device == "cpu" else device
