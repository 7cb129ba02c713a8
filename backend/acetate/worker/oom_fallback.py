"""Out of memory is not the end: the same job again in ways that need less, before it is given up."""

from __future__ import annotations

import contextlib
import gc
import itertools
import logging
import sys

from acetate_wire.errors import AcetateError

from acetate.worker.engine import Engine, EngineJob, EngineResult, OutOfMemory, ProgressCallback

log = logging.getLogger("acetate.worker")

_OOM_MARKERS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "bad alloc",
)


def run_with_fallback(engine: Engine, job: EngineJob, progress: ProgressCallback, memory_level: int) -> EngineResult:
    """Run a job at this memory level, then at higher ones. Raises AcetateError `out_of_memory` when none suffices."""
    for level in itertools.count(memory_level and min(memory_level, engine.memory_levels)):
        # What the failed try held is only free once its exception is gone, so the next one starts outside
        # of it.
        made = _try(engine, job, progress, level)
        if made is not None:
            return made
        log.warning("job %s: out of memory at level %d of %d", job.id, level, engine.memory_levels)
        _free_memory()
        if level >= engine.memory_levels:
            break
    target = job.request.target
    raise AcetateError(
        "out_of_memory",
        f"{job.request.mode} at {target.width} x {target.height} does not fit into this computer's memory, "
        f"not even in the {engine.memory_levels} ways that need less",
        hint="choose a smaller selection, ask for one picture at a time, or close other programs",
        retry=True,
    )


def _try(engine: Engine, job: EngineJob, progress: ProgressCallback, memory_level: int) -> EngineResult | None:
    try:
        return engine.run(job, progress, memory_level)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory was short; torch says so in several ways."""
    if isinstance(error, AcetateError):
        return error.code == "out_of_memory"
    if isinstance(error, (MemoryError, OutOfMemory)) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _OOM_MARKERS)


def _free_memory() -> None:
    gc.collect()
    if "torch" in sys.modules:
        from acetate.models.devices import empty_caches

        with contextlib.suppress(Exception):
            empty_caches()
