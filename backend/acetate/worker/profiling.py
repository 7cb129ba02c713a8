"""Where the time of one job goes: the calls of an engine's networks, with a trace of the operators inside them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as hooks

from acetate.generation import GenerationProgress
from acetate.worker.engine import Engine, EngineJob


@dataclass(frozen=True)
class NetworkTime:
    """How often a network was called in a job, and the seconds of all of its calls, moved weights included."""

    name: str
    calls: int
    seconds: float


@dataclass(frozen=True)
class JobProfile:
    """Seconds of a job: the first one, which loads the model, and a second one, with the networks' share of it."""

    device: str
    first: float
    second: float
    networks: tuple[NetworkTime, ...]

    @property
    def outside(self) -> float:
        """Seconds of the second job in which no network computed: the sampler's own arithmetic, resampling, padding."""
        return self.second - sum(network.seconds for network in self.networks)


def profile_job(engine: Engine, job: EngineJob, trace: Path | None = None) -> JobProfile:
    """Do a job twice and measure; a third time under PyTorch's profiler where its `trace` is asked for.

    The trace is in Chrome's format, for ui.perfetto.dev. Raises as `Engine.run`, and OSError.
    """
    found: dict[nn.Module, str] = {}
    with _outermost(found):
        first = _seconds(engine, job)
    spans = _Spans()
    with ExitStack() as attached:
        for network, name in found.items():
            attached.enter_context(spans.around(network, name))
        second = _seconds(engine, job)
        profile = JobProfile(engine.device(), first, second, spans.totals())
        if trace is not None:
            activities = [torch.profiler.ProfilerActivity.CPU]
            if torch.device(engine.device()).type == "cuda":
                activities.append(torch.profiler.ProfilerActivity.CUDA)
            with torch.profiler.profile(activities=activities) as profiler:
                engine.run(job, _Unreported(), 0)
            profiler.export_chrome_trace(str(trace))
    return profile


class _Unreported:
    """A progress callback that does nothing, and wants no preview."""

    wants_preview = False

    def __call__(self, progress: GenerationProgress) -> None:
        pass


@dataclass
class _Spans:
    """The seconds of each call of a network, by its name."""

    taken: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def around(self, network: nn.Module, name: str) -> Iterator[None]:
        """Measure the calls of a network in a `with` block, and mark them in a trace."""
        open_marks: list[tuple[float, ExitStack]] = []

        def begin(*_: Any) -> None:
            mark = ExitStack()
            mark.enter_context(torch.profiler.record_function(name))
            _finish_device()
            open_marks.append((time.perf_counter(), mark))

        def end(*_: Any) -> None:
            started, mark = open_marks.pop()
            _finish_device()
            self.taken.setdefault(name, []).append(time.perf_counter() - started)
            mark.close()

        # Before the hooks that move weights onto the card.
        handles = [
            network.register_forward_pre_hook(begin, prepend=True),
            network.register_forward_hook(end, always_call=True),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def totals(self) -> tuple[NetworkTime, ...]:
        """Each network's calls, the longest first."""
        times = (NetworkTime(name, len(each), sum(each)) for name, each in self.taken.items())
        return tuple(sorted(times, key=lambda network: -network.seconds))


@contextmanager
def _outermost(found: dict[nn.Module, str]) -> Iterator[None]:
    """Collect the networks that are called in a `with` block, but no parts of them, and their classes' names."""
    here, depth = threading.get_ident(), 0

    def begin(network: nn.Module, _: Any) -> None:
        nonlocal depth
        if threading.get_ident() == here:
            if depth == 0:
                found[network] = type(network).__name__
            depth += 1

    def end(*_: Any) -> None:
        nonlocal depth
        if threading.get_ident() == here:
            depth -= 1

    handles = [
        hooks.register_module_forward_pre_hook(begin),
        hooks.register_module_forward_hook(end, always_call=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _seconds(engine: Engine, job: EngineJob) -> float:
    started = time.perf_counter()
    engine.run(job, _Unreported(), 0)
    _finish_device()
    return time.perf_counter() - started


def _finish_device() -> None:
    """Wait until the device has computed what it was given."""
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
