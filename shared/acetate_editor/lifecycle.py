"""The way of a job from the press of the button to layers that are safe.

Its pictures are read in slices, it is written down and sent, the daemon reports, finished layers are saved on this
disk in slices, and only then does the daemon hear that it may forget them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Dict, Generator, Generic, Iterable, Mapping, Sequence, TypeVar

from acetate_wire.errors import AcetateError
from acetate_wire.events import Accepted, Cancelled, Done, Event, Failed, Forgotten, Progress, Rejected
from acetate_wire.request import LayerRequest

from .connection import EditorConnection
from .jobs import CANCELLED, FAILED, LOST, OPEN, PREPARING, RUNNING, SAVING, WAITING, EditorJob
from .logging import report
from .messages import Translate, too_large
from .tasks import Task, TaskQueue


@dataclass(frozen=True)
class CapturedRequest:
    """A request whose pictures were read, and the raw bytes that they name."""

    request: LayerRequest
    frames: Sequence[Any] = ()


_logger = logging.getLogger(__name__)
Capture = Generator[Any, None, CapturedRequest]


Job = TypeVar("Job", bound=EditorJob)


class JobLifecycle(Generic[Job]):
    """All jobs of an editor by their ids, followed by what `handle` takes of the daemon's events.

    An editor says in a subclass how a job is written down (`record`), how layers are saved (`save_layers`), what
    follows then (`saved`), what its end means (`ended`) and how the change is shown (`notify`). `versions` are those of
    the editor and of Acetate, for reports; the first names the editor.
    """

    def __init__(
        self, connection: EditorConnection, tasks: TaskQueue, tr: Translate, versions: Mapping[str, str]
    ) -> None:
        """Begin without jobs; `follow` takes up those of an earlier time."""
        self.connection = connection
        self.tasks = tasks
        self.jobs: Dict[str, Job] = {}
        self._tr = tr
        self._versions = versions

    def record(self, job: Job, sent: CapturedRequest) -> None:
        """Write the job down, before it is sent: it must outlive the editor. Raises OSError or AcetateError."""
        raise NotImplementedError

    def save_layers(self, job: Job, done: Done) -> Task:
        """Make finished layers safe on this disk; they are when the task has ended."""
        raise NotImplementedError

    def saved(self, job: Job, done: Done) -> Task:
        """Go on with layers that are safe."""
        return iter(())

    def ended(self, job: Job) -> None:
        """The job came to an end without layers."""
        raise NotImplementedError

    def notify(self) -> None:
        """A job is different now."""
        raise NotImplementedError

    def begin(self, job: Job, capture: Capture) -> None:
        """Take a new job: `capture` reads the pictures that its request needs."""
        self.jobs[job.id] = job
        _logger.info("job %s: begun", job.id)
        self.tasks.add(self._send(job, capture), lambda error: self.fail(job, error))
        self.notify()

    def cancel(self, job: Job) -> None:
        """Stop a job that is not finished yet."""
        if job.state == PREPARING:
            self._end(job, CANCELLED)
        elif job.state in (WAITING, RUNNING):
            job.cancelling = True
            self.connection.client.cancel(job.id)
            self.connection.wake()
            self.notify()

    def follow(self, jobs: Iterable[Job]) -> None:
        """Take up jobs of an earlier time; those whose end is still to come go on."""
        new = [job for job in jobs if job.id not in self.jobs]
        self.jobs.update((job.id, job) for job in new)
        self._attach(*(job for job in new if job.busy))

    def fetch_again(self, job: Job) -> None:
        """Ask the daemon once more for layers that could not be saved."""
        job.unsaved = False
        self._attach(job)

    def report(self, job: Job) -> str:
        """All about a failed job that may be told to others."""
        prompts = [prompt for each in (job, *self.jobs.values()) for prompt in each.prompts]
        return report(job, {**self._versions, **self.connection.versions}, prompts)

    def handle(self, event: Event) -> None:
        """Take an event of the daemon's."""
        job = self.jobs.get(getattr(event, "id", ""))
        if job is None or job.state not in OPEN or job.state == SAVING:
            return
        if isinstance(event, Accepted):
            job.state, job.position = WAITING, event.position
        elif isinstance(event, Progress):
            job.state, job.stage = RUNNING, event.stage
            job.step, job.steps, job.seconds_left = event.step, event.steps, event.seconds_left
            job.preview = event.preview or job.preview
        elif isinstance(event, Done):
            job.set_state(SAVING)
            job.unsaved = True
            self.tasks.add(self._save(job, event), lambda error: self.fail(job, error))
        elif isinstance(event, Cancelled):
            self._acknowledge(job)
            self._end(job, CANCELLED)
        elif isinstance(event, Failed):
            self._acknowledge(job)
            self._end(job, FAILED, event.code, event.message, event.hint, event.retry)
        elif isinstance(event, Rejected):
            self._end(job, FAILED, event.code, event.message, event.hint)
        elif isinstance(event, Forgotten):
            self._lose(job)
        self.notify()

    def fail(self, job: Job, error: Exception) -> None:
        """An error stopped the job on this side."""
        known = (
            error if isinstance(error, AcetateError) else AcetateError("internal", f"{type(error).__name__}: {error}")
        )
        if job.unsaved:
            # Nothing was acknowledged, and the record stays: a restart asks for the layers again, too.
            hint = self._tr("the layers are safe with the daemon: make room on the disk and try again")
            job.set_state(FAILED, known.code, known.message, hint)
            _logger.error("job %s: layers not saved", job.id)
            self.notify()
        else:
            self._end(job, FAILED, known.code, known.message, known.hint)

    def _send(self, job: Job, capture: Capture) -> Task:
        captured = yield from capture
        yield None
        if job.state != PREPARING:
            return
        size = sum(map(len, captured.frames))
        problem = too_large(size, self.connection.client.limits, self._tr)
        if problem is not None:
            raise problem
        job.state = WAITING
        self.record(job, captured)
        self.connection.client.submit(captured.request, captured.frames, id=job.id)
        _logger.info("job %s: sent, %s, %d bytes", job.id, captured.request.mode, size)
        self.connection.wake()
        self.notify()

    def _save(self, job: Job, done: Done) -> Task:
        yield from self.save_layers(job, done)
        job.unsaved = False
        _logger.info("job %s: saved, %d layers", job.id, len(done.layers))
        self._acknowledge(job)
        yield from self.saved(job, done)
        self.notify()

    def _attach(self, *jobs: Job) -> None:
        for job in jobs:
            job.set_state(WAITING)
        if jobs:
            self.connection.client.attach([job.id for job in jobs])
            self.connection.wake()
        self.notify()

    def _acknowledge(self, job: Job) -> None:
        self.connection.client.acknowledge(job.id)
        self.connection.wake()

    def _lose(self, job: Job) -> None:
        if job.cancelling:
            self._end(job, CANCELLED)
            return
        message = self._tr("The daemon no longer has this job")
        hint = self._tr("it keeps finished layers for some days; generate again with the same seed")
        self._end(job, LOST, "expired", message, hint)

    def _end(self, job: Job, state: str, code: str = "", message: str = "", hint: str = "", retry: bool = True) -> None:
        job.set_state(state, code, message, hint, retry)
        _logger.info("job %s: %s %s", job.id, state, code)
        self.ended(job)
        self.notify()
