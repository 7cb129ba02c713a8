# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens between the docker and the daemon: jobs go out, layers come back, nothing is lost in between.

A job is written down before it is sent. The daemon may forget it only when its layers are safe in the plug-in's own
folder; then they go into the document's history and, if the artist wants, into the document.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from acetate_editor.jobs import FAILED, RUNNING, SAVING, WAITING
from acetate_wire.errors import AcetateError
from acetate_wire.events import (
    Accepted,
    Cancelled,
    Connected,
    Done,
    Failed,
    Forgotten,
    Picture,
    Progress,
    Rejected,
)
from acetate_wire.request import PictureSpec
from krita import Document

from . import target
from .color import ColorSpace, wire_format
from .daemon_connection import DaemonConnection
from .document import annotation_store, lookup, selection_mask
from .document.capture import Frame, LayerFrame, MaskFrame
from .document.insert import InsertPosition, insert, locked
from .document.scratch_document import template
from .generation_settings import GenerationSettings, request
from .hiding import Hiding
from .history import History
from .i18n import tr
from .jobs import PROJECTION, DocumentJob
from .modes import mode_named
from .qt import QtCore, QtGui
from .result_store import ResultStore
from .results import Result, ResultContext, compress, pictures
from .settings import DockerSettings
from .task_scheduler import TimedTaskQueue


class JobController(QtCore.QObject):
    """One for all windows of a Krita. `jobs_changed` and `history_changed` tell the dockers to look again."""

    jobs_changed = QtCore.pyqtSignal()
    history_changed = QtCore.pyqtSignal()
    message = QtCore.pyqtSignal(str)
    used_seed = QtCore.pyqtSignal(object)

    def __init__(self, version: str, editor: str) -> None:
        super().__init__()
        self.settings = DockerSettings.load()
        self.tasks = TimedTaskQueue()
        self.store = ResultStore()
        self.history = History(self.store)
        self.connection = DaemonConnection(version, editor)
        self.hiding = Hiding()
        self.jobs: dict[str, DocumentJob] = {}
        self.connection.event_received.connect(self._on_event)
        self.tasks.add(self._furnish(), self._report_error)
        self.tasks.add(self._recover(), self._report_error)

    # What the artist does

    def generate(self, document: Document, form: GenerationSettings, sources: Mapping[str, str]) -> DocumentJob:
        """Ask for layers; `sources` are layer ids by role, or WHOLE."""
        mode = mode_named(form.mode)
        active = lookup.layer_id(lookup.owner(document.activeNode()))
        beside = sources.get(mode.beside, "")
        job = DocumentJob(
            id=str(uuid.uuid4()),
            form=form,
            document=annotation_store.document_id(document),
            session=annotation_store.open_document_id(document),
            title=document.name() or tr("Unnamed"),
            sources=dict(sources),
            anchor=beside if beside not in ("", PROJECTION) else active,
            seats=[active],
            file=document.fileName(),
        )
        self.jobs[job.id] = job
        self.tasks.add(self._prepare(job, document), lambda error: self._fail(job, error))
        self.jobs_changed.emit()
        return job

    def cancel(self, job: DocumentJob) -> None:
        """Stop a job, or take a failed one off the list."""
        if job.state == FAILED:
            self._drop(job)
            return
        job.cancelling = True
        if job.state in (WAITING, RUNNING):
            self.connection.client.cancel(job.id)
            self.connection.pump()
        self.jobs_changed.emit()

    def retry(self, job: DocumentJob) -> None:
        """Ask for the same again; the active layer stands in for one that is gone."""
        document = lookup.find(job.session, job.document)
        if document is None:
            self.message.emit(tr("Open {title} to try this again.").format(title=job.title))
            return
        self._drop(job)
        active = lookup.layer_id(lookup.owner(document.activeNode()))
        gone = {
            role for role, id in job.sources.items() if id != PROJECTION and lookup.find_layer(document, id) is None
        }
        self.generate(document, job.form, {role: active if role in gone else id for role, id in job.sources.items()})

    def insert(self, document: Document, results: Sequence[Result]) -> None:
        """Put results into a document: in the place of the layer that they replace, else next to the active one."""
        replaces = results[0].replaces if lookup.find_layer(document, results[0].replaces) is not None else ""
        place = InsertPosition((replaces or lookup.layer_id(lookup.owner(document.activeNode())),), replaces=replaces)
        self.tasks.add(self._insert(document, results, place), self._report_error)

    def dismiss(self, results: Sequence[Result]) -> None:
        """The artist has seen these and does not want them now; they stay in the history."""
        for result in results:
            self.store.seen(result.id)
        self.history_changed.emit()

    def remove(self, document: Document, result: Result) -> None:
        """Forget a result for good."""
        self.history.remove(document, result.id)
        self.history_changed.emit()

    def refresh(self, document: Document | None) -> None:
        """The artist looks at this document: learn what it brought along."""
        if document is None or document.rootNode() is None:
            return
        for job in self.jobs.values():
            if job.session == annotation_store.open_document_id(document):
                job.file = document.fileName()
        self.hiding.watch()
        self.tasks.add(self._meet(document), self._report_error)

    # What the daemon says

    def _on_event(self, event: Any) -> None:
        if isinstance(event, Connected):
            self._attach()
            return
        job = self.jobs.get(getattr(event, "id", ""))
        if job is None:
            return
        if isinstance(event, Accepted):
            job.state, job.position = WAITING, event.position
        elif isinstance(event, Progress):
            self._progress(job, event)
        elif isinstance(event, Done):
            job.state, job.preview = SAVING, None
            self.tasks.add(self._keep(job, event), lambda error: self._fail(job, error))
        elif isinstance(event, (Failed, Rejected)):
            job.fail(event.code, event.message, event.hint, isinstance(event, Failed) and event.retry)
            self._settle(job, acknowledge=isinstance(event, Failed))
        elif isinstance(event, Cancelled):
            self._settle(job, acknowledge=True)
            self._drop(job)
        elif isinstance(event, Forgotten) and job.state in (WAITING, RUNNING):
            self._settle(job, acknowledge=False)
            self._forgotten(job, event.reason)
        self.jobs_changed.emit()

    def _progress(self, job: DocumentJob, event: Progress) -> None:
        job.advance(event)
        if event.preview is not None:
            job.preview = _image(event.preview)

    def _forgotten(self, job: DocumentJob, reason: str) -> None:
        if job.cancelling or not job.session:
            self._drop(job)
        else:
            job.fail("expired", tr("The daemon no longer has these layers"), reason, True)

    # Chores

    def _prepare(self, job: DocumentJob, document: Document) -> Iterator[None]:
        """Read the pictures that the mode works from, then send the job."""
        mode = mode_named(job.form.mode)
        canvas, aspect = selection_mask.canvas(document), self.connection.max_aspect(job.form.model)
        works_on = target.target(document, mode, job.sources, job.form.fill and mode.fills, aspect)
        replaced = lookup.find_layer(document, job.replaces)
        if replaced is not None and replaced.locked():
            raise AcetateError("bad_request", locked(replaced), hint=tr("unlock it first"))
        shapes: list[selection_mask.SelectionMask] = []
        if works_on.selected is not None:
            yield from selection_mask.read_selection_mask(document, works_on.selected, shapes)
        job.shape = shapes[0] if shapes else None
        frames: dict[str, Frame] = {}
        if mode.selection and works_on.selected is not None:
            mask = MaskFrame(works_on.rect, works_on.selected, job.shape)
            yield from mask.work()
            frames["mask"] = mask
            job.shape = job.shape or selection_mask.full_mask(works_on.selected)
        for role, source in job.sources.items():
            layer = None if source == PROJECTION else lookup.find_layer(document, source)
            if layer is None and source != PROJECTION:
                raise AcetateError("bad_request", tr("The chosen layer is gone"), hint=tr("choose another layer"))
            frame = LayerFrame(document, layer, works_on.rect)
            yield from frame.work()
            frames[role] = frame
        self._send(job, document, canvas, works_on.rect, frames)

    def _send(self, job: DocumentJob, document: Document, canvas: Any, rect: Any, frames: Mapping[str, Frame]) -> None:
        limits = self.connection.client.limits
        size = sum(len(frame.pixels) for frame in frames.values())
        if size > limits.message_bytes:
            raise AcetateError(
                "too_large",
                tr("The pictures are {size} MB, over the limit of {limit} MB").format(
                    size=size >> 20, limit=limits.message_bytes >> 20
                ),
                hint=tr("choose a smaller selection"),
            )
        if job.cancelling:
            self._drop(job)
            return
        headers: dict[str, PictureSpec] = {role: frame.header(n) for n, (role, frame) in enumerate(frames.items())}
        asked = request(job.form, canvas, rect, headers, wire_format(ColorSpace.of(document)))
        self.store.write_job(job.id, job.to_map())
        self.connection.client.submit(asked, [frame.pixels for frame in frames.values()], id=job.id)
        job.state = WAITING
        self._note(document)
        self.connection.pump()
        self.jobs_changed.emit()

    def _keep(self, job: DocumentJob, done: Done) -> Iterator[float | None]:
        """Make the layers safe, let the daemon forget them, and give them to the document."""
        document = lookup.find(job.session, job.document)
        origin = ResultContext(
            job=job.id,
            document=job.document,
            made=job.made,
            settings=job.form.to_map(),
            anchor=job.anchor,
            shape=job.shape,
            file=job.file if document is None else document.fileName(),
            replaces=job.replaces,
        )
        packed: list[Any] = []
        for number, layers in enumerate(pictures(done, job.form.count)):
            yield from compress(origin, number, done, layers, packed)
        for result, body in packed:
            yield from self.store.save(result, body, unseen=True)
            self.history.add(result)
        self._settle(job, acknowledge=True)
        document = lookup.find(job.session, job.document)
        results = [result for result, _ in packed]
        if document is not None:
            for result, body in packed:
                yield from annotation_store.keep(document, result, body)
            mode = mode_named(job.form.mode)
            if not self.settings.at_once:
                self.dismiss(results)
            elif job.session:
                place = InsertPosition((job.anchor, *job.above), mode.below, tuple(job.seats), job.replaces)
                landed = yield from self._insert(document, results, place)
                self._raise_others(job, landed)
        self.used_seed.emit(done.seed)
        self._drop(job)
        self.history_changed.emit()

    def _insert(
        self, document: Document, results: Sequence[Result], place: InsertPosition
    ) -> Generator[float | None, None, str]:
        """Put results in; in a document that was closed meanwhile they stay unseen, and are offered later."""
        try:
            landed = yield from insert(
                document, results, self.history.open_body, place, self.settings.clip, self.hiding
            )
        except lookup.ClosedError:
            return ""
        for result in results:
            self.store.seen(result.id)
        self.history_changed.emit()
        return landed

    def _raise_others(self, job: DocumentJob, landed: str) -> None:
        """Of several results above one layer the newest is the uppermost."""
        for other in self.jobs.values():
            if other is job or other.session != job.session:
                continue
            if other.seats[0] == job.seats[0]:
                other.seats.append(landed)
            below = mode_named(job.form.mode).below or mode_named(other.form.mode).below
            if other.anchor == job.anchor and not below:
                other.above.append(landed)

    def _meet(self, document: Document) -> Iterator[None]:
        """Learn a document's history and the jobs that were running when it was saved."""
        yield from self.history.read_document(document)
        lost = {id: values for id, values in annotation_store.jobs(document).items() if id not in self.jobs}
        if lost:
            self._adopt(lost)
            self._note(document)
        self.history_changed.emit()

    def _furnish(self) -> Iterator[None]:
        """What takes long the first time is done while there is no picture yet."""
        template()
        yield

    def _recover(self) -> Iterator[None]:
        """Learn what an earlier Krita left in the plug-in's folder."""
        yield from self.history.read_folder()
        self._adopt(self.store.jobs())
        self.history_changed.emit()

    # The books

    def _adopt(self, noted: Mapping[str, dict[str, Any]]) -> None:
        """Follow jobs of an earlier run."""
        for id, values in noted.items():
            self._adopt_one(id, values)
        self._attach()
        self.jobs_changed.emit()

    def _adopt_one(self, id: str, values: dict[str, Any]) -> None:
        try:
            self.jobs.setdefault(id, DocumentJob.from_map(id, values))
        except ValueError:
            self.store.remove_job(id)

    def _attach(self) -> None:
        ids = [job.id for job in self.jobs.values() if job.state == WAITING and not job.session]
        if ids and self.connection.client.connected:
            self.connection.client.attach(ids)
            self.connection.pump_soon()

    def _settle(self, job: DocumentJob, acknowledge: bool) -> None:
        """The job has ended: it is on its way no longer."""
        if acknowledge:
            self.connection.client.acknowledge(job.id)
            self.connection.pump_soon()
        self.store.remove_job(job.id)
        document = lookup.find(job.session, job.document)
        if document is not None:
            self._note(document, without=job.id)

    def _note(self, document: Document, without: str = "") -> None:
        """Write a document's running jobs into it."""
        id = annotation_store.document_id(document)
        running = (WAITING, RUNNING)
        mine = {
            job.id: job.to_map()
            for job in self.jobs.values()
            if job.document == id and job.id != without and job.state in running
        }
        annotation_store.note_jobs(document, mine)

    def _drop(self, job: DocumentJob) -> None:
        self.jobs.pop(job.id, None)
        self.jobs_changed.emit()
        self.history_changed.emit()

    def _fail(self, job: DocumentJob, error: Exception) -> None:
        if isinstance(error, lookup.ClosedError):
            self._drop(job)
            return
        wire = (
            error if isinstance(error, AcetateError) else AcetateError("internal", str(error) or type(error).__name__)
        )
        job.fail(wire.code, wire.message, wire.hint, True)
        self.jobs_changed.emit()

    def _report_error(self, error: Exception) -> None:
        self.message.emit(str(error) or type(error).__name__)


def _image(picture: Picture) -> Any:
    head = picture.header
    kind = QtGui.QImage.Format.Format_RGBA8888
    return QtGui.QImage(bytes(picture.pixels), head.width, head.height, head.width * 4, kind).copy()
