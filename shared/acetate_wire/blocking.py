"""A blocking client for scripts and the command line: every call waits for its answer."""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Callable, Iterator, List, Mapping, Optional, Sequence, Type, TypeVar, Union

import zmq

from . import connection as connections
from .client import Client
from .connection import Connection
from .errors import AcetateError
from .events import Accepted, Cancelled, Connected, Done, Event, Failed, Forgotten, JobList, Progress, Rejected, Status
from .launch import start_daemon, start_failure
from .request import LayerRequest

START_S = 20.0
"""How long a started daemon may take until it says welcome."""
START_AFTER_S = 1.0
"""How long a daemon that was lost may stay away before another is started."""
GIVE_UP_S = 60.0
"""How long to go on starting a daemon that was lost."""

RUNS_AGAIN = ("worker_lost", "damaged")
"""Failures after which the daemon keeps a job, so that it can be run again."""

Wanted = TypeVar("Wanted", bound=Event)


class BlockingClient:
    """A connection that is open when it is made; use it in a `with` block.

    Looks for the running daemon and, unless `start` is False, starts one where there is none, and again where it is
    lost later on; jobs go on in it. `command` overrides the command that starts it. Raises AcetateError when no daemon
    answers in time.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str = "",
        connection: Optional[Connection] = None,
        key: Optional[str] = None,
        start: bool = True,
        command: Optional[List[str]] = None,
        timeout: float = START_S,
    ) -> None:
        """`timeout` is in seconds, for a daemon that has to be started."""
        self.client = Client(name, version=version, connection=connection, key=key)
        self._poller = zmq.Poller()
        self._poller.register(self.client.fileno(), zmq.POLLIN)
        self._unread: List[Event] = []
        self._command = command
        # Another machine's daemon cannot be started here.
        self._starts = start and connection is None and not _is_elsewhere()
        self._lost: Optional[float] = None
        self._started = float("-inf")
        try:
            self.welcome = self._open(start, command, timeout)
        except BaseException:
            self.client.close()
            raise

    def __enter__(self) -> BlockingClient:
        """Nothing more to do: the connection is open already."""
        return self

    def __exit__(self, *reason: object) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Leave; jobs go on in the daemon."""
        self.client.close()

    def run(
        self,
        request: LayerRequest,
        frames: Sequence[Any] = (),
        on_progress: Optional[Callable[[Progress], None]] = None,
        timeout: Optional[float] = None,
    ) -> Done:
        """Submit, wait and return the layers, which the daemon then forgets. An interruption cancels the job.

        Raises AcetateError with the daemon's code, message and hint when there are none. Where the layers are to be
        written, `drawn` keeps them in the daemon until they are.
        """
        with self.drawn(request, frames, on_progress, timeout) as done:
            return done

    @contextmanager
    def drawn(
        self,
        request: LayerRequest,
        frames: Sequence[Any] = (),
        on_progress: Optional[Callable[[Progress], None]] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[Done]:
        """Submit, wait, and give the layers to a `with` block that makes them safe.

        The daemon forgets them when the block has ended; if it raises, they stay, and `kept` gets them again. An
        interruption before they are drawn cancels the job. Raises AcetateError as `run` does.
        """
        id = str(uuid.uuid4())
        try:
            self.submit(request, frames, id)
            done = self.wait(id, on_progress, timeout)
        except KeyboardInterrupt:
            self.cancel(id)
            raise
        yield done
        self.acknowledge(id)

    @contextmanager
    def kept(
        self,
        id: str,
        on_progress: Optional[Callable[[Progress], None]] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[Done]:
        """The same for a job of an earlier session of this client: an interruption leaves it as it is."""
        yield self.attach(id, on_progress, timeout)
        self.acknowledge(id)

    def submit(self, request: LayerRequest, frames: Sequence[Any] = (), id: Optional[str] = None) -> str:
        """Submit, and return the job's id once the daemon holds it safely. Raises AcetateError when it refuses."""
        job = self.client.submit(request, frames, id)
        event = self._receive_until(lambda e: getattr(e, "id", "") == job and not isinstance(e, Progress), None)
        if isinstance(event, Rejected):
            raise _error(event)
        if not isinstance(event, Accepted):
            self._unread.append(event)
        return job

    def wait(
        self,
        id: str,
        on_progress: Optional[Callable[[Progress], None]] = None,
        timeout: Optional[float] = None,
    ) -> Done:
        """Wait for the end of a job of this session. Raises AcetateError when it brings no layers."""

        def ended(event: Event) -> bool:
            if getattr(event, "id", "") != id:
                return False
            if isinstance(event, Progress) and on_progress is not None:
                on_progress(event)
            return not isinstance(event, (Progress, Accepted))

        event = self._receive_until(ended, timeout)
        if isinstance(event, Done):
            return event
        if isinstance(event, Cancelled) or (isinstance(event, Failed) and event.code not in RUNS_AGAIN):
            self.client.acknowledge(id)
        raise _error(event)

    def attach(
        self,
        id: str,
        on_progress: Optional[Callable[[Progress], None]] = None,
        timeout: Optional[float] = None,
    ) -> Done:
        """Wait for a job of an earlier session of this client."""
        self.client.attach([id])
        return self.wait(id, on_progress, timeout)

    def retry(self, id: str, timeout: float = START_S) -> None:
        """Run a failed job again, and return once the daemon has it in its queue. Raises AcetateError when it
        refuses.
        """
        self.client.retry(id)
        event = self._receive_until(lambda e: getattr(e, "id", "") == id, timeout)
        if isinstance(event, Rejected):
            raise _error(event)

    def cancel(self, id: str, timeout: float = START_S) -> Union[Cancelled, Done, Failed, Forgotten]:
        """Stop a job and say how it ended."""
        self.client.cancel(id)
        event = self._receive_until(
            lambda e: isinstance(e, (Cancelled, Done, Failed, Forgotten)) and e.id == id,
            timeout,
        )
        if isinstance(event, Cancelled):
            self.acknowledge(id)
        return event  # type: ignore[return-value]

    def acknowledge(self, id: str, timeout: float = START_S) -> None:
        """Tell the daemon to forget an ended job, and wait until it has."""
        self.client.acknowledge(id)
        self._receive_until(lambda e: isinstance(e, Forgotten) and e.id == id, timeout)

    def jobs(self, timeout: float = START_S) -> JobList:
        """This client's jobs, all of them; `timeout` is for each of the daemon's answers."""
        pages: List[JobList] = []
        while not pages or pages[-1].before is not None:
            self.client.ask("jobs", {"before": pages[-1].before} if pages else None)
            pages.append(self._receive_kind(JobList, timeout))
        listed = tuple(job for page in reversed(pages) for job in page.jobs)
        return replace(pages[0], jobs=listed, before=None)

    def status(self, timeout: float = START_S) -> Mapping[str, Any]:
        """How the daemon does."""
        self.client.ask("status")
        return self._receive_kind(Status, timeout).values

    def stop(self, timeout: float = START_S) -> Mapping[str, Any]:
        """End the daemon; what it has accepted goes on when it is started again."""
        self.client.ask("stop")
        return self._receive_kind(Status, timeout).values

    def _open(self, start: bool, command: Optional[List[str]], timeout: float) -> Connected:
        try:
            return self._receive_kind(Connected, 1.0 if start else timeout)
        except AcetateError:
            if not start:
                raise
        self._started = time.monotonic()
        start_daemon(command)
        return self._receive_kind(Connected, timeout)

    def _start_again_if_lost(self) -> None:
        """Start the daemon where it was lost. Raises AcetateError `not_allowed` when it cannot start or stays away."""
        now = time.monotonic()
        if self.client.connected or self.client.welcome is None:
            self._lost = None
            failure = None if self.client.connected else start_failure()
            if failure is not None:
                raise failure
            return
        if self._lost is None:
            self._lost = now
        if now - self._lost > GIVE_UP_S:
            failure = start_failure()
            reason = f" ({failure.message})" if failure is not None else ""
            raise AcetateError(
                "not_allowed",
                f"the daemon ended, and did not start again in {GIVE_UP_S:g} seconds",
                hint=f"`acetate serve` in a terminal says why{reason}; jobs that it had accepted go on when it runs",
            )
        if now - self._lost >= START_AFTER_S and now - self._started >= START_S:
            self._started = now
            start_daemon(self._command)

    def _receive_kind(self, kind: Type[Wanted], timeout: float) -> Wanted:
        return self._receive_until(lambda e: isinstance(e, kind), timeout)  # type: ignore[return-value]

    def _receive_until(self, wanted: Callable[[Event], bool], timeout: Optional[float]) -> Event:
        """The first event that is wanted; others are kept for later calls."""
        for event in self._unread:
            if wanted(event):
                self._unread.remove(event)
                return event
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            found = None
            for event in self.client.pump(budget=0.1):
                if found is None and wanted(event):
                    found = event
                elif not isinstance(event, Progress):
                    self._unread.append(event)
            if found is not None:
                return found
            if self._starts:
                self._start_again_if_lost()
            if until is not None and time.monotonic() > until:
                raise self.client.problem or AcetateError(
                    "not_allowed",
                    "the daemon does not answer",
                    hint="`acetate serve` in a terminal says why it does not start"
                    if self._starts
                    else "look at `acetate status`, or start it again",
                )
            if not self.client.has_more:
                self._poller.poll(100)


def _is_elsewhere() -> bool:
    """Whether the connection file is for the daemon of another machine, which has no process here."""
    try:
        found = connections.find()
    except AcetateError:
        return False
    return found is not None and not found.pid


def _error(event: Event) -> AcetateError:
    if isinstance(event, (Rejected, Failed)):
        retry = isinstance(event, Failed) and event.retry
        return AcetateError(event.code, event.message, field=event.field, hint=event.hint, retry=retry)
    if isinstance(event, Cancelled):
        return AcetateError("cancelled", "the job was cancelled", retry=True)
    reason = event.reason if isinstance(event, Forgotten) else type(event).__name__
    return AcetateError("internal", f"the daemon no longer holds this job ({reason})", hint="submit it again")
