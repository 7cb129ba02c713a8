# SPDX-License-Identifier: GPL-3.0-or-later
"""The desk where jobs are asked for and followed; `poll` does everything that happens by itself.

A job's way: its pictures are read (in slices), it is written down and sent, the daemon reports, finished layers
are kept in the user's folder (in slices), only then acknowledged, and at last placed into the scene.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from acetate_wire.errors import AcetateError
from acetate_wire.events import (
    Accepted,
    Cancelled,
    Done,
    Event,
    Failed,
    Forgotten,
    Layer,
    Picture,
    Progress,
    Rejected,
)
from acetate_wire.request import LayerRequest, Rect
from acetate_wire.request_codec import decode_request, encode_request

from . import scene_storage
from .daemon_connection import DaemonSession
from .i18n import tr
from .insert.placement import Placement
from .jobs import job as states
from .jobs.job import SavedLayer, SceneJob
from .jobs.result_store import LocalJobStore
from .pictures import png
from .pictures.rest import Rest
from .task_scheduler import Task, TaskQueue

SLICE_S = 0.012
BUSY_S, ACTIVE_S, IDLE_S = 0.005, 0.1, 1.0
"""How soon to look again: while pixels are worked on, while jobs are open, else (the daemon expects 2 s)."""

CaptureTask = Generator[None, None, "CapturedRequest"]


@dataclass(frozen=True)
class CapturedRequest:
    """A request whose pictures were read, their frames, and what it leaves as it is of a layer that it changes."""

    request: LayerRequest
    frames: Sequence[bytes]
    rest: Rest | None = None


@dataclass
class JobRuntime:
    """What is known of a job only while this Blender runs."""

    position: int = 0
    progress: Progress | None = None
    preview: Picture | None = None
    parcel: CapturedRequest | None = None
    not_kept: bool = False
    """The layers are finished, but could not be written to this disk: the daemon still has them."""


class SceneJobController:
    """All jobs of the open file, and what else `jobs` in the user's folder waits for an owner."""

    def __init__(self, link: DaemonSession, store: LocalJobStore) -> None:
        self.connection = link
        self.store = store
        self.jobs: dict[str, SceneJob] = {}
        self.live: dict[str, JobRuntime] = {}
        self.tasks = TaskQueue()
        self.changed = True
        self._asked_here: dict[str, None] = {}

    def submit(self, scene: Any, request: LayerRequest, placement: Placement, sending: CaptureTask) -> SceneJob:
        """Take a new job: `sending` reads the pictures that `request` still lacks."""
        job = SceneJob(
            id=_new_id(),
            request=_plain(request),
            placement=placement.to_map(),
            scene=scene.name,
            key=scene_storage.key(scene),
            seed=request.seed,
        )
        self._take(job, sending)
        return job

    def retry(self, job: SceneJob) -> SceneJob:
        """Ask for the same again, under a new number. Raises AcetateError when its pictures are gone."""
        if job.id in self.live and self.live[job.id].not_kept:
            self.live[job.id].not_kept, job.state, job.message, job.hint = False, states.WAITING, "", ""
            self.connection.open().attach([job.id])
            return job
        parcel = self.parcel(job)
        again = replace(
            job, id=_new_id(), state=states.PREPARING, asked=time.time(), message="", hint="", layers=[], rest=None
        )
        self.forget(job)
        self._take(again, _ready(parcel))
        return again

    def parcel(self, job: SceneJob) -> CapturedRequest:
        """What was sent for this job, to send it again."""
        live = self.live.get(job.id)
        if live is not None and live.parcel is not None:
            return live.parcel
        if job.request.get("inputs") or job.request.get("controls"):
            raise AcetateError(
                "bad_request",
                tr("The pictures that this job worked on are no longer at hand"),
                field="inputs",
                hint=tr("choose them again and press Generate"),
            )
        return CapturedRequest(from_plain(job.request), ())

    def cancel(self, job: SceneJob) -> None:
        """Stop a job."""
        if job.state == states.PREPARING:
            self._end(job, states.CANCELLED)
        elif job.state in states.OPEN:
            self.connection.open().cancel(job.id)

    def forget(self, job: SceneJob) -> None:
        """Drop a job from the lists, and its kept layers with it."""
        if job.state in (states.WAITING, states.RUNNING):
            self.connection.open().cancel(job.id)
        self.jobs.pop(job.id, None)
        self.live.pop(job.id, None)
        self.store.remove(job.id)
        self.changed = True

    def fetch(self, jobs: Mapping[str, SceneJob]) -> None:
        """Take jobs of an earlier time back: their layers from the user's folder, or from the daemon."""
        for job in jobs.values():
            if job.id in self.jobs:
                continue
            self.jobs[job.id] = job
            if self.store.has_layers(job):
                job.state = job.state if job.state == states.PLACED else states.SAVED
            elif job.state in states.OPEN:
                self.live[job.id] = JobRuntime()
                self.connection.open().attach([job.id])
        self.changed = True

    def orphaned_jobs(self) -> dict[str, SceneJob]:
        """Jobs in the user's folder whose layers no saved file holds and that do not belong to the open file."""
        return {
            id: job
            for id, job in self.store.jobs().items()
            if id not in self.jobs and not job.saved and job.state not in states.FAILED_STATES
        }

    def leave_file(self) -> None:
        """Another file is opened: its jobs take the place of these, which wait in the user's folder."""
        self.tasks.clear()
        self.jobs.clear()
        self.live.clear()
        self._asked_here.clear()
        self.changed = True

    def enter_file(self) -> None:
        """Offer what the file that is open now has asked for."""
        scene_storage.forget()
        here = {job.id: job for job in scene_storage.read()}
        mine = {job.key for job in here.values()}
        kept = self.store.jobs()
        here.update(
            {id: job for id, job in kept.items() if id in here or job.key in mine or scene_storage.scene_of(job)}
        )
        self.fetch(here)

    def saved(self) -> None:
        """The file was saved: what it holds need not wait in the user's folder."""
        for job in self.jobs.values():
            if job.state == states.PLACED and not job.saved:
                job.saved = True
                self.store.write(job)
        self.store.tidy()

    def of(self, scene: Any) -> list[SceneJob]:
        """The jobs that a scene asked for, newest first."""
        own = [job for job in self.jobs.values() if job.key and job.key == scene.acetate.key]
        return sorted(own, key=lambda job: -job.asked)

    def to_place(self) -> list[SceneJob]:
        """Jobs asked for in this session whose layers are ready for their scene."""
        return [
            job
            for job in self.jobs.values()
            if job.state == states.SAVED
            and job.id in self._asked_here
            and not job.message
            and scene_storage.scene_of(job)
        ]

    def placed(self, job: SceneJob) -> None:
        """The layers are in the scene now."""
        job.state, job.message, job.hint, job.saved = states.PLACED, "", "", False
        self.store.write(job)
        self.live.pop(job.id, None)
        self.changed = True

    def not_placed(self, job: SceneJob, error: AcetateError) -> None:
        """The layers could not go where they belong; they wait for the artist."""
        job.message, job.hint = error.message, error.hint
        self.changed = True

    @property
    def open_jobs(self) -> bool:
        """Whether an end is still to come."""
        return any(job.state in states.OPEN for job in self.jobs.values())

    def poll(self) -> float:
        """Do what is due, for a few milliseconds; returns in how many seconds to come again."""
        for event in self.connection.pump():
            self.changed = True
            self._take_event(event)
        self.tasks.run(SLICE_S)
        client = self.connection.open()
        if self.tasks or client.has_more:
            return BUSY_S
        return ACTIVE_S if self.open_jobs or not self.connection.connected else IDLE_S

    def _take(self, job: SceneJob, sending: CaptureTask) -> None:
        self.jobs[job.id] = job
        self.live[job.id] = JobRuntime()
        self._asked_here[job.id] = None
        self.tasks.add(self._send(job, sending), lambda error: self._fail(job, error))
        self.changed = True

    def _send(self, job: SceneJob, sending: CaptureTask) -> Task:
        parcel = yield from sending
        yield
        if job.state != states.PREPARING:
            return
        job.state = states.WAITING
        job.request = _plain(parcel.request)
        if parcel.rest is not None:
            yield from self.store.write_rest(job, parcel.rest)
        self.live[job.id].parcel = parcel
        self.store.write(job)
        self.connection.open().submit(parcel.request, parcel.frames, job.id)
        self.changed = True

    def _take_event(self, event: Event) -> None:
        job = self.jobs.get(getattr(event, "id", ""))
        if job is None or job.id not in self.live or job.state not in states.OPEN:
            return
        live = self.live[job.id]
        if isinstance(event, Accepted):
            live.position = event.position
        elif isinstance(event, Progress):
            job.state, live.progress = states.RUNNING, event
            live.preview = event.preview or live.preview
        elif isinstance(event, Done):
            job.state = states.SAVING
            self.tasks.add(self._keep(job, event), lambda error: self._fail(job, error))
        elif isinstance(event, Cancelled):
            self.connection.open().acknowledge(job.id)
            self._end(job, states.CANCELLED)
        elif isinstance(event, Failed):
            self.connection.open().acknowledge(job.id)
            self._end(job, states.FAILED, event.message, event.hint, event.retry)
        elif isinstance(event, Rejected):
            self._end(job, states.FAILED, event.message, event.hint)
        elif isinstance(event, Forgotten):
            self._end(
                job,
                states.LOST,
                tr("The daemon no longer has this job"),
                tr("it keeps finished layers for some days; generate again with the same seed"),
            )

    def _keep(self, job: SceneJob, done: Done) -> Task:
        layers: list[SavedLayer] = []
        rest = self.store.rest(job)
        for number, layer in enumerate(done.layers):
            rgba, covers = yield from _whole(layer, rest if layer.role == "layer" else None)
            data = yield from png.encode(rgba, covers.width, covers.height)
            yield
            file = yield from self.store.write_layer(job, number, data)
            layers.append(SavedLayer(layer.name, layer.role, covers.x, covers.y, covers.width, covers.height, file))
            yield
        job.layers, job.seed, job.state = layers, done.seed, states.SAVED
        job.settings = json.loads(json.dumps(dict(done.settings), default=str))
        job.warnings = [asdict(warning) for warning in done.warnings]
        self.store.write(job)
        self.store.remove_rest(job)
        self.connection.open().acknowledge(job.id)
        self.changed = True

    def _fail(self, job: SceneJob, error: Exception) -> None:
        known = (
            error if isinstance(error, AcetateError) else AcetateError("internal", f"{type(error).__name__}: {error}")
        )
        if job.state == states.SAVING:
            # Nothing was acknowledged.
            self.live[job.id].not_kept = True
            job.state, job.message = states.FAILED, known.message
            job.hint = tr("the layers are safe with the daemon: make room on the disk and press Retry")
            self.changed = True
        else:
            self._end(job, states.FAILED, known.message, known.hint)

    def _end(self, job: SceneJob, state: str, message: str = "", hint: str = "", retry: bool = True) -> None:
        job.state, job.message, job.hint, job.retry = state, message, hint, retry
        self.store.write(job)
        self.store.remove_rest(job)
        self.changed = True


def _whole(layer: Layer, rest: Rest | None) -> Generator[None, None, "tuple[Any, Rect]"]:
    """The pixels of a finished layer, with the rest of the layer that it changes, and the part that they cover."""
    header = layer.picture.header
    drawn = Rect(layer.x, layer.y, header.width, header.height)
    if rest is None:
        return layer.picture.pixels, drawn
    rgba = np.frombuffer(layer.picture.pixels, np.uint8).reshape(header.height, header.width, 4)
    return (yield from rest.changed(rgba, drawn)), rest.covers


def _ready(parcel: CapturedRequest) -> CaptureTask:
    yield
    return parcel


def _new_id() -> str:
    return str(uuid.uuid4())


def _plain(request: LayerRequest) -> dict[str, Any]:
    """The request as JSON can hold it."""
    found: dict[str, Any] = json.loads(json.dumps(encode_request(request)))
    return found


def from_plain(values: Mapping[str, Any]) -> LayerRequest:
    """A request without pictures out of what `_plain` stored."""
    return decode_request({k: v for k, v in values.items() if k not in ("inputs", "controls")})
