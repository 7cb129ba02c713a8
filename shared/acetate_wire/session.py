"""A blocking client for scripts and the command line: every call waits for its answer."""

from __future__ import annotations

import time
from typing import Any, Callable, List, Mapping, Optional, Sequence, Type, TypeVar, Union

import zmq

from .client import Client
from .connection import Connection
from .errors import WireError
from .events import (
    Accepted,
    Cancelled,
    Connected,
    Done,
    Event,
    Failed,
    Forgotten,
    JobList,
    Progress,
    Rejected,
    Status,
)
from .launch import start_daemon
from .request import LayerRequest

START_S = 20.0
"""How long a started daemon may take until it says welcome."""

Wanted = TypeVar("Wanted", bound=Event)
Starter = Callable[[], None]


class Session:
    """A connection that is open when it is made; use it in a `with` block.

    Looks for the running daemon and, unless `start` is False, starts one where there is none. `command`
    overrides the command that starts it. Raises WireError when no daemon answers in time.
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
        self.client = Client(name, version=version, connection=connection, key=key)
        self._poller = zmq.Poller()
        self._poller.register(self.client.fileno(), zmq.POLLIN)
        self._waiting: List[Event] = []
        try:
            self.welcome = self._open(start, command, timeout)
        except BaseException:
            self.client.close()
            raise

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *reason: object) -> None:
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

        Raises WireError with the daemon's code, message and hint when there are none.
        """
        id = self.submit(request, frames)
        try:
            done = self.wait(id, on_progress, timeout)
        except KeyboardInterrupt:
            self.cancel(id)
            raise
        self.acknowledge(id)
        return done

    def submit(self, request: LayerRequest, frames: Sequence[Any] = (), id: Optional[str] = None) -> str:
        """Submit, and return the job's id once the daemon holds it safely. Raises WireError when it refuses."""
        job = self.client.submit(request, frames, id)
        event = self._until(lambda e: getattr(e, "id", "") == job and not isinstance(e, Progress), None)
        if isinstance(event, Rejected):
            raise _error(event)
        if not isinstance(event, Accepted):
            self._waiting.append(event)
        return job

    def wait(
        self,
        id: str,
        on_progress: Optional[Callable[[Progress], None]] = None,
        timeout: Optional[float] = None,
    ) -> Done:
        """Wait for the end of a job of this session. Raises WireError when it brings no layers."""

        def ended(event: Event) -> bool:
            if getattr(event, "id", "") != id:
                return False
            if isinstance(event, Progress) and on_progress is not None:
                on_progress(event)
            return not isinstance(event, (Progress, Accepted))

        event = self._until(ended, timeout)
        if isinstance(event, Done):
            return event
        if isinstance(event, (Failed, Cancelled)):
            self.client.acknowledge(id)
        raise _error(event)

    def attach(self, id: str, timeout: Optional[float] = None) -> Done:
        """Wait for a job of an earlier session of this client."""
        self.client.attach([id])
        return self.wait(id, timeout=timeout)

    def cancel(self, id: str, timeout: float = START_S) -> Union[Cancelled, Done, Failed, Forgotten]:
        """Stop a job and say how it ended."""
        self.client.cancel(id)
        event = self._until(
            lambda e: isinstance(e, (Cancelled, Done, Failed, Forgotten)) and e.id == id,
            timeout,
        )
        if isinstance(event, Cancelled):
            self.acknowledge(id)
        return event  # type: ignore[return-value]

    def acknowledge(self, id: str, timeout: float = START_S) -> None:
        """Tell the daemon to forget an ended job, and wait until it has."""
        self.client.acknowledge(id)
        self._until(lambda e: isinstance(e, Forgotten) and e.id == id, timeout)

    def jobs(self, timeout: float = START_S) -> JobList:
        """This client's jobs."""
        self.client.ask("jobs")
        return self._of(JobList, timeout)

    def status(self, timeout: float = START_S) -> Mapping[str, Any]:
        """How the daemon does."""
        self.client.ask("status")
        return self._of(Status, timeout).values

    def stop(self, timeout: float = START_S) -> Mapping[str, Any]:
        """End the daemon; what it has accepted goes on when it is started again."""
        self.client.ask("stop")
        return self._of(Status, timeout).values

    def _open(self, start: bool, command: Optional[List[str]], timeout: float) -> Connected:
        try:
            return self._of(Connected, 1.0 if start else timeout)
        except WireError:
            if not start:
                raise
        start_daemon(command)
        return self._of(Connected, timeout)

    def _of(self, kind: Type[Wanted], timeout: float) -> Wanted:
        return self._until(lambda e: isinstance(e, kind), timeout)  # type: ignore[return-value]

    def _until(self, wanted: Callable[[Event], bool], timeout: Optional[float]) -> Event:
        """The first event that is wanted; others are kept for later calls."""
        for event in self._waiting:
            if wanted(event):
                self._waiting.remove(event)
                return event
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            found = None
            for event in self.client.pump(budget=0.1):
                if found is None and wanted(event):
                    found = event
                elif not isinstance(event, Progress):
                    self._waiting.append(event)
            if found is not None:
                return found
            if until is not None and time.monotonic() > until:
                raise self.client.problem or WireError(
                    "not_allowed",
                    "the daemon does not answer",
                    hint="look at `acetate status`, or start it again",
                )
            if not self.client.behind:
                self._poller.poll(100)


def _error(event: Event) -> WireError:
    if isinstance(event, (Rejected, Failed)):
        field = event.field if isinstance(event, Rejected) else None
        retry = isinstance(event, Failed) and event.retry
        return WireError(event.code, event.message, field=field, hint=event.hint, retry=retry)
    if isinstance(event, Cancelled):
        return WireError("cancelled", "the job was cancelled", retry=True)
    reason = event.reason if isinstance(event, Forgotten) else type(event).__name__
    return WireError("internal", f"the daemon no longer holds this job ({reason})", hint="submit it again")
