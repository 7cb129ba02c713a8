"""An editor without windows: it follows jobs by the shared lifecycle, and its documents are files in a folder."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from acetate_editor.connection import EditorConnection
from acetate_editor.jobs import SAVED, EditorJob
from acetate_editor.lifecycle import Capture, CapturedRequest, JobLifecycle
from acetate_editor.tasks import TaskQueue
from acetate_wire.client import Client
from acetate_wire.events import Done, Event
from acetate_wire.request import LayerRequest

from tests.daemon.harness import a_request, until


class BareJob(EditorJob):
    """A job that knows nothing but its id."""

    def __init__(self, id: str) -> None:
        self.id = id


class BareEditor(JobLifecycle[BareJob]):
    """Writes records and layers as files; `broken` makes saving fail, `events` are all that came."""

    def __init__(self, folder: Path, name: str = "bare") -> None:
        key = f"{name}-{folder.name}".ljust(32, "-")
        connection = EditorConnection(lambda: Client(name, key=key), lambda: None, str)
        super().__init__(connection, TaskQueue(), str, {"Bare": "1.0"})
        self.folder = folder
        self.broken: Exception | None = None
        self.events: list[Event] = []
        self.notified = 0
        self.delivered: list[str] = []
        self.follow(self._recorded())

    def _recorded(self) -> Iterator[BareJob]:
        for path in self.folder.glob("*.json"):
            job = BareJob(path.stem)
            job.set_state(json.loads(path.read_text())["state"])
            yield job

    def ask(self, prompt: str = "a kite", frames: int = 0, error: Exception | None = None) -> BareJob:
        """Press the button."""
        job = BareJob(str(uuid.uuid4()))
        self.begin(job, self.capture(a_request(prompt), frames, error))
        return job

    def capture(self, request: LayerRequest, frames: int, error: Exception | None) -> Capture:
        """Read the pictures, which are nothing but their size here."""
        yield
        if error is not None:
            raise error
        return CapturedRequest(request, [bytes(frames)] if frames else [])

    def layers(self, job: BareJob) -> list[bytes]:
        """The layers of a job that are on the disk."""
        return [path.read_bytes() for path in sorted(self.folder.glob(f"{job.id}-*.layer"))]

    def pump(self) -> None:
        """What a timer does."""
        for event in self.connection.pump():
            self.events.append(event)
            self.handle(event)
        self.tasks.run(0.01)

    def wait(self, true: Callable[[], Any], what: str) -> None:
        """Pump until something is true."""

        def look() -> Any:
            self.pump()
            return true()

        until(look, what)

    def until(self, job: BareJob, *states: str) -> None:
        """Pump until a job is in one of these states."""
        self.wait(lambda: job.state in states, f"{job.id} in {states}")

    # What the lifecycle asks of an editor

    def record(self, job: BareJob, sent: CapturedRequest) -> None:
        (self.folder / f"{job.id}.json").write_text(json.dumps({"state": job.state}))

    def save_layers(self, job: BareJob, done: Done) -> Iterator[None]:
        for number, layer in enumerate(done.layers):
            if self.broken is not None:
                raise self.broken
            (self.folder / f"{job.id}-{number}.layer").write_bytes(bytes(layer.picture.pixels))
            yield

    def saved(self, job: BareJob, done: Done) -> Iterator[None]:
        self.delivered.append(job.id)
        (self.folder / f"{job.id}.json").unlink()
        job.set_state(SAVED)
        yield

    def ended(self, job: BareJob) -> None:
        (self.folder / f"{job.id}.json").unlink(missing_ok=True)

    def notify(self) -> None:
        self.notified += 1
