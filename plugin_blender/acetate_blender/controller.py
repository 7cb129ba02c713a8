# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of the open file; `poll` does everything that happens by itself."""

from __future__ import annotations

import json
import time
import traceback
import uuid
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import bpy
import numpy as np
from acetate_editor import jobs as states
from acetate_editor.connection import EditorConnection
from acetate_editor.lifecycle import CapturedRequest, JobLifecycle
from acetate_editor.tasks import TaskQueue
from acetate_wire.errors import AcetateError, bad_request
from acetate_wire.events import Done, Layer
from acetate_wire.request import LayerRequest, Rect
from acetate_wire.request_codec import decode_request, encode_request

from . import scene_storage
from .daemon_connection import VERSIONS
from .i18n import tr
from .insert.placement import Placement
from .jobs.blender_session import BlenderSession
from .jobs.job import SavedLayer, SceneJob
from .jobs.result_store import LocalJobStore
from .pictures import png
from .pictures.rest import Rest

SLICE_S = 0.012
BUSY_S, ACTIVE_S, IDLE_S = 0.005, 0.1, 1.0
"""How soon to look again: while pixels are worked on, while jobs are open, else (the daemon expects 2 s)."""


@dataclass(frozen=True)
class SceneCapture(CapturedRequest):
    """A captured request, and what it leaves as it is of a layer that it changes."""

    rest: Rest | None = None


CaptureTask = Generator[None, None, SceneCapture]


class SceneJobController(JobLifecycle[SceneJob]):
    """All jobs of the open file, and what else `jobs` in the user's folder waits for an owner."""

    def __init__(self, connection: EditorConnection, store: LocalJobStore, session: BlenderSession) -> None:
        super().__init__(connection, TaskQueue(), tr, VERSIONS)
        self.store = store
        self.session = session
        self._file = ""
        self.changed = True
        self._captured: dict[str, SceneCapture] = {}
        self._asked_here: set[str] = set()

    def submit(self, scene: Any, request: LayerRequest, placement: Placement, capture: CaptureTask) -> SceneJob:
        """Take a new job: `capture` reads the pictures that `request` still lacks."""
        job = SceneJob(
            id=_new_id(),
            request=_plain(request),
            placement=placement.to_map(),
            scene=scene.name,
            key=scene_storage.key(scene),
            seed=request.seed,
            file=bpy.data.filepath,
            session=self.session.id,
        )
        self._begin(job, capture)
        return job

    def submit_captured(self, scene: Any, captured: SceneCapture, placement: Placement) -> SceneJob:
        """Take a new job whose pictures are read already."""
        return self.submit(scene, captured.request, placement, _ready(captured))

    def retry(self, job: SceneJob) -> SceneJob:
        """Ask for the same again, under a new number. Raises AcetateError when its pictures are gone.

        What was refused for its time is then drawn however long it takes.
        """
        if job.unsaved:
            self.fetch_again(job)
            return job
        captured = self._captured.get(job.id)
        if captured is None and (job.request.get("inputs") or job.request.get("controls")):
            raise bad_request(
                tr("The pictures that this job worked on are no longer at hand"),
                tr("choose them again and press Generate"),
                "inputs",
            )
        captured = captured or SceneCapture(from_plain(job.request))
        again = replace(job, id=_new_id(), asked=time.time(), layers=[], rest=None)
        if job.would_take_hours:
            captured = replace(captured, request=replace(captured.request, however_long=True))
            again.request = {**job.request, "however_long": True}
        again.set_state(states.PREPARING)
        self.forget(job)
        self._begin(again, _ready(captured))
        return again

    def forget(self, job: SceneJob) -> None:
        """Drop a job from the lists, and its saved layers with it."""
        if job.state in (states.WAITING, states.RUNNING):
            self.connection.client.cancel(job.id)
        self.jobs.pop(job.id, None)
        self._captured.pop(job.id, None)
        self.store.remove(job.id)
        self.notify()

    def fetch(self, jobs: Mapping[str, SceneJob]) -> None:
        """Take jobs of an earlier time back: their layers from the user's folder, or from the daemon."""
        for job in jobs.values():
            is_lost = job.state == states.PLACED and not job.saved and self.session.crashed(job.session)
            if (job.state != states.PLACED or is_lost) and self.store.has_layers(job):
                job.set_state(states.SAVED)
            if job.state != states.PLACED:
                job.session = self.session.id
                with suppress(OSError):
                    self.store.write(job)
        self.follow(jobs.values())

    def orphaned_jobs(self) -> dict[str, SceneJob]:
        """Jobs in the user's folder whose layers are in no scene and that no open file of any Blender has."""
        return {
            id: job
            for id, job in self.store.jobs().items()
            if id not in self.jobs
            and not job.saved
            and job.state not in states.FAILED_STATES
            and (job.state != states.PLACED or self.session.crashed(job.session))
            and not self._is_elsewhere(job)
        }

    def waiting(self, scene: Any) -> list[SceneJob]:
        """Jobs of an earlier time whose finished layers are not in the scene, oldest first."""
        found = [job for job in self.of(scene) if job.state == states.SAVED and job.id not in self._asked_here]
        return found[::-1]

    def _is_elsewhere(self, job: SceneJob) -> bool:
        """Whether another Blender that runs has this job."""
        return bool(job.session) and job.session != self.session.id and self.session.runs(job.session)

    def leave_file(self) -> None:
        """Another file is opened: its jobs take the place of these, which wait in the user's folder."""
        for held in (self.tasks, self.jobs, self._captured, self._asked_here):
            held.clear()
        self.notify()

    def enter_file(self) -> None:
        """Offer what the file that is open now has asked for."""
        scene_storage.enter_file()
        self._file = bpy.data.filepath
        here = {job.id: job for job in scene_storage.read()}
        for id, job in self.store.jobs().items():
            scene = scene_storage.owner(job)
            if self._is_elsewhere(job) or (id in here and scene is None and here[id].state != states.PLACED):
                here.pop(id, None)
            elif scene is not None:
                scene_storage.adopt(job, scene)
                here[id] = job
        self.fetch(here)

    def file_saved(self) -> None:
        """The file was saved: what it holds need not wait in the user's folder."""
        if bpy.data.filepath != self._file:
            renewed = scene_storage.renew() if self._file else {}
            self._file = bpy.data.filepath
            for job in self.jobs.values():
                job.key, job.file = renewed.get(job.key, job.key), self._file
                if job.state not in states.FAILED_STATES:
                    self.store.write(job)
        for job in self.jobs.values():
            if job.state == states.PLACED and not job.saved:
                job.saved = True
                self.store.write(job)
        self.tasks.add(self.store.tidy(), traceback.print_exception)

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
        job.set_state(states.PLACED)
        job.saved = False
        self.store.write(job)
        self._captured.pop(job.id, None)
        self.notify()

    def not_placed(self, job: SceneJob, error: AcetateError) -> None:
        """The layers could not go where they belong; they wait for the artist."""
        job.message, job.hint = error.message, error.hint
        self.notify()

    @property
    def open_jobs(self) -> bool:
        """Whether an end is still to come."""
        return any(job.busy for job in self.jobs.values())

    def poll(self) -> float:
        """Do what is due, for a few milliseconds; returns in how many seconds to come again."""
        for event in self.connection.pump():
            self.notify()
            self.handle(event)
        self.tasks.run(SLICE_S)
        if not self.tasks.idle or self.connection.client.has_more:
            return BUSY_S
        return ACTIVE_S if self.open_jobs or not self.connection.connected else IDLE_S

    def record(self, job: SceneJob, sent: CapturedRequest) -> None:
        """Write the job into the user's folder."""
        job.request = _plain(sent.request)
        self.store.write(job)

    def save_layers(self, job: SceneJob, done: Done) -> Iterator[None]:
        """Write the layers into the user's folder as PNG files."""
        try:
            yield from self._save_layers(job, done)
        except OSError as error:
            reason = error.strerror or str(error)
            raise AcetateError(
                "internal", tr("The layers could not be written ({reason})").format(reason=reason)
            ) from None

    def _save_layers(self, job: SceneJob, done: Done) -> Iterator[None]:
        layers: list[SavedLayer] = []
        rest = self.store.rest(job)
        for number, layer in enumerate(done.layers):
            rgba, covers = yield from _whole(layer, rest if layer.role == "layer" else None)
            data = yield from png.encode(rgba, covers.width, covers.height)
            yield
            file = yield from self.store.write_layer(job, number, data)
            layers.append(
                SavedLayer(layer.name, layer.role, covers.x, covers.y, covers.width, covers.height, file, layer.blend)
            )
            yield
        job.layers, job.seed = layers, done.seed
        job.settings = json.loads(json.dumps(dict(done.settings), default=str))
        job.warnings = [asdict(warning) for warning in done.warnings]
        job.set_state(states.SAVED)
        self.store.write(job)
        self.store.remove_rest(job)

    def ended(self, job: SceneJob) -> None:
        """The list goes on showing why there are no layers."""
        # Where the disk is full the job is still told of as long as Blender runs.
        with suppress(OSError):
            self.store.write(job)
        self.store.remove_rest(job)

    def notify(self) -> None:
        """Have the panels drawn again."""
        self.changed = True

    def _begin(self, job: SceneJob, capture: CaptureTask) -> None:
        self._asked_here.add(job.id)
        self.begin(job, self._remember(job, capture))

    def _remember(self, job: SceneJob, capture: CaptureTask) -> CaptureTask:
        """Capture, and hold on to it for another try; the rest of a changed layer goes to the disk."""
        captured = yield from capture
        if job.busy:
            self._captured[job.id] = captured
            if captured.rest is not None:
                yield from self.store.write_rest(job, captured.rest)
        return captured


def _whole(layer: Layer, rest: Rest | None) -> Generator[None, None, "tuple[Any, Rect]"]:
    """The pixels of a finished layer, with the rest of the layer that it changes, and the part that they cover."""
    header = layer.picture.header
    drawn = Rect(layer.x, layer.y, header.width, header.height)
    if rest is None:
        return layer.picture.pixels, drawn
    rgba = np.frombuffer(layer.picture.pixels, np.uint8).reshape(header.height, header.width, 4)
    return (yield from rest.changed(rgba, drawn)), rest.covers


def _ready(captured: SceneCapture) -> CaptureTask:
    yield
    return captured


def _new_id() -> str:
    return str(uuid.uuid4())


def _plain(request: LayerRequest) -> dict[str, Any]:
    """The request as JSON can hold it."""
    found: dict[str, Any] = json.loads(json.dumps(encode_request(request)))
    return found


def from_plain(values: Mapping[str, Any]) -> LayerRequest:
    """A request without pictures out of what `_plain` stored."""
    return decode_request({k: v for k, v in values.items() if k not in ("inputs", "controls")})
