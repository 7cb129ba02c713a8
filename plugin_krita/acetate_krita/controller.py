# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of Krita's documents: their layers go into the document's history and, if the artist wants, into the document.

A job is written down before it is sent. The daemon may forget it only when its layers are safe in the plug-in's own
folder.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

from acetate_editor.jobs import FAILED, LOST, RUNNING, WAITING
from acetate_editor.lifecycle import CapturedRequest, JobLifecycle
from acetate_editor.logging import start_log
from acetate_wire.errors import bad_request
from acetate_wire.events import Done
from krita import Document

from . import stacking, target
from .color import ColorSpace, wire_format
from .daemon_connection import DaemonConnection
from .document import annotation_store, lookup, selection_mask
from .document.capture import Frame, LayerFrame, MaskFrame
from .document.insert import InsertPosition, locked
from .document.scratch_document import template
from .finished_layers import FinishedLayers
from .generation_settings import GenerationSettings, request
from .i18n import tr
from .jobs import PROJECTION, DocumentJob
from .modes import mode_named
from .qt import QtCore
from .results import ResultContext, Strips, compress, pictures
from .settings import DockerSettings
from .task_scheduler import TimedTaskQueue


class JobController(JobLifecycle[DocumentJob], QtCore.QObject):
    """One for all windows of a Krita. `jobs_changed` tells the dockers to look again; `arrived` carries a result that
    waits in the history.
    """

    jobs_changed = QtCore.pyqtSignal()
    message = QtCore.pyqtSignal(str)
    used_seed = QtCore.pyqtSignal(object)
    arrived = QtCore.pyqtSignal(object)

    connection: DaemonConnection

    def __init__(self, version: str, editor: str) -> None:
        QtCore.QObject.__init__(self)
        start_log("krita")
        versions = {"Krita": editor, "Acetate": version}
        JobLifecycle.__init__(self, DaemonConnection(version, editor), TimedTaskQueue(), tr, versions)
        self.settings = DockerSettings.load()
        self.finished = FinishedLayers(self.tasks, self.settings)
        self.store, self.history, self.pins = self.finished.store, self.finished.history, self.finished.pins
        self.finished.message.connect(self.message)
        self.connection.event_received.connect(self.handle)
        self.tasks.add(self._furnish(), self.finished.report_error)
        self.tasks.add(self._recover(), self.finished.report_error)

    # What the artist does

    def generate(
        self,
        document: Document,
        form: GenerationSettings,
        sources: Mapping[str, str],
        followed: frozenset[str] = frozenset(),
    ) -> DocumentJob:
        """Ask for layers; `sources` are layer ids by role, or PROJECTION. The roles in `followed` have the layer that
        *Active layer* stands for, which is pinned.
        """
        mode = mode_named(form.mode)
        if followed:
            self.pins.pin(document, mode.name)
        active = lookup.layer_id(lookup.owner(document.activeNode()))
        beside = sources.get(mode.beside, "")
        job = DocumentJob(
            id=str(uuid.uuid4()),
            form=form,
            document=annotation_store.document_id(document),
            session=annotation_store.open_document_id(document),
            title=document.name() or tr("Unnamed"),
            sources=dict(sources),
            followed=followed,
            anchor=beside if beside not in ("", PROJECTION) else active,
            seats=[active],
            file=document.fileName(),
        )
        self.begin(job, self._capture(job, document))
        return job

    def cancel(self, job: DocumentJob) -> None:
        """Stop a job, or take a failed one off the list."""
        if job.busy:
            super().cancel(job)
        else:
            self._drop(job)

    def cancel_all(self) -> None:
        """Cancel every job that has not come to its end."""
        for job in [job for job in self.jobs.values() if job.busy]:
            self.cancel(job)

    def shown(self, document: Document | None) -> list[DocumentJob]:
        """The jobs that the queue shows beside a document: all that are on their way, and what failed of its own.

        What failed of a document that is not open stays with its file.
        """
        session = ""
        if document is not None and document.rootNode() is not None:
            session = annotation_store.open_document_id(document)

        def here(job: DocumentJob) -> bool:
            found = lookup.find(job.session, job.document)
            return found is not None and annotation_store.open_document_id(found) == session

        return [job for job in self.jobs.values() if job.busy or here(job)]

    def clear_failed(self, document: Document | None) -> None:
        """Take a document's failed jobs off the list."""
        for job in self.shown(document):
            if not job.busy:
                self._drop(job)

    def retry(self, job: DocumentJob) -> None:
        """Ask for the same again, of the layer that is chosen now; the active one stands in for one that is gone.

        What was refused for its time is then drawn however long it takes.
        """
        if job.unsaved:
            self.fetch_again(job)
            return
        document = lookup.find(job.session, job.document)
        if document is None:
            self.message.emit(tr("Open {title} to try this again.").format(title=job.title))
            return
        self._drop(job)
        active = self.pins.layer(document, job.form.mode)
        gone = {
            role for role, id in job.sources.items() if id != PROJECTION and lookup.find_layer(document, id) is None
        }
        again = frozenset(gone | job.followed)
        sources = {role: active if role in again else id for role, id in job.sources.items()}
        form = replace(job.form, however_long=True) if job.would_take_hours else job.form
        self.generate(document, form, sources, again)

    def keep(self, document: Document, form: GenerationSettings, layer: str, done: Done) -> None:
        """Put what was shown without a job of the queue into the document, in the place of a layer (its id)."""
        job = DocumentJob(
            id=done.id,
            form=form,
            document=annotation_store.document_id(document),
            session=annotation_store.open_document_id(document),
            title=document.name(),
            sources={"layer": layer},
            anchor=layer,
            file=document.fileName(),
        )
        self.tasks.add(self._keep(document, job, done), self.finished.report_error)

    def refresh(self, document: Document | None) -> None:
        """The artist looks at this document: learn what it brought along."""
        if document is None or document.rootNode() is None:
            return
        for job in self.jobs.values():
            if job.session == annotation_store.open_document_id(document):
                job.file = document.fileName()
        self.finished.hiding.watch()
        self.tasks.add(self._meet(document), self.finished.report_error)

    # A job's way

    def _capture(self, job: DocumentJob, document: Document) -> Generator[None, None, CapturedRequest]:
        """Read the pictures that the mode works from."""
        mode = mode_named(job.form.mode)
        canvas, aspect = selection_mask.canvas(document), self.connection.max_aspect(job.form.model)
        works_on = target.target(document, job.form, job.sources, aspect)
        replaced = lookup.find_layer(document, job.replaces)
        if replaced is not None and replaced.locked():
            raise bad_request(locked(replaced), tr("unlock it first"))
        shapes: list[selection_mask.SelectionMask] = []
        if works_on.selected is not None:
            yield from selection_mask.read_selection_mask(document, works_on.selected, shapes)
        job.shape = shapes[0] if shapes else None
        frames: dict[str, Frame] = {}
        along = works_on.kind == target.ALONG
        if (mode.selection or along) and works_on.selected is not None:
            mask = MaskFrame(works_on.rect, works_on.selected, job.shape)
            yield from mask.work()
            frames["mask"] = mask
            # What grows along the selection reaches beyond it.
            job.shape = None if along else job.shape or selection_mask.full_mask(works_on.selected)
        for role, source in job.sources.items():
            layer = None if source == PROJECTION else lookup.find_layer(document, source)
            if layer is None and source != PROJECTION:
                raise bad_request(tr("The chosen layer is gone"), tr("choose another layer"))
            frame = LayerFrame(document, layer, works_on.rect)
            yield from frame.work()
            frames[role] = frame
        headers = {role: frame.header(n) for n, (role, frame) in enumerate(frames.items())}
        regions = stacking.regions(document, job.form.stack) if mode.stacks else []
        asked = request(job.form, canvas, works_on.rect, headers, wire_format(ColorSpace.of(document)), regions)
        return CapturedRequest(asked, [frame.pixels for frame in frames.values()])

    def record(self, job: DocumentJob, sent: CapturedRequest) -> None:
        """Write the job into the plug-in's folder and into its document."""
        self.store.write_record(job.id, job.to_map())
        self._note(job)

    def save_layers(self, job: DocumentJob, done: Done) -> Iterator[float | None]:
        """Write the results into the plug-in's folder."""
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
            yield from self.store.save(result, body)
            self.history.add(result)
        job.results = packed

    def _keep(self, document: Document, job: DocumentJob, done: Done) -> Iterator[float | None]:
        yield from self.save_layers(job, done)
        yield from self.finished.give(document, job.results)
        place = InsertPosition((job.anchor,), active_ids=(job.anchor,), replaces=job.anchor)
        yield from self.finished.put(document, [result for result, _ in job.results], place)

    def saved(self, job: DocumentJob, done: Done) -> Iterator[float | None]:
        """Give the results to the document: its history, and its layers where the artist wants them at once."""
        self.store.remove_record(job.id)
        self._note(job)
        document = lookup.find(job.session, job.document)
        results = [result for result, _ in job.results]
        if document is not None:
            yield from self.finished.give(document, job.results)
            mode = mode_named(job.form.mode)
            if not self.settings.at_once:
                self.finished.dismiss(results)
                self.arrived.emit(results[0])
            elif job.session:
                place = InsertPosition((job.anchor, *job.above), mode.below, tuple(job.seats), job.replaces)
                bodies = {result.id: body for result, body in job.results}
                landed = yield from self.finished.put(document, results, place, lambda each: Strips(bodies[each.id]))
                self._raise_others(job, landed)
        self.used_seed.emit(done.seed)
        self._drop(job)
        self.tasks.add(self.store.tidy(), self.finished.report_error)

    def ended(self, job: DocumentJob) -> None:
        """Nothing is on its way any more; the list shows only what the artist may want to try again."""
        self.store.remove_record(job.id)
        self._note(job)
        if job.state != FAILED and not (job.state == LOST and job.session):
            self._drop(job)

    def fail(self, job: DocumentJob, error: Exception) -> None:
        """An error stopped the job; a document that was closed meanwhile wants nothing more."""
        if isinstance(error, lookup.ClosedError):
            self._drop(job)
        else:
            super().fail(job, error)

    def notify(self) -> None:
        """Have the dockers look again."""
        self.jobs_changed.emit()

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
        self._adopt(annotation_store.jobs(document))
        self.finished.changed.emit()

    def _furnish(self) -> Iterator[None]:
        """What takes long the first time is done while there is no picture yet."""
        template()
        yield

    def _recover(self) -> Iterator[None]:
        """Learn what an earlier Krita left in the plug-in's folder."""
        yield from self.history.read_folder()
        self._adopt(self.store.jobs())
        self.finished.changed.emit()

    def _adopt(self, noted: Mapping[str, dict[str, Any]]) -> None:
        """Follow jobs of an earlier run."""
        self.follow(filter(None, (DocumentJob.from_map(id, values) for id, values in noted.items())))

    def _note(self, job: DocumentJob) -> None:
        """Write the running jobs of a job's document into it."""
        document = lookup.find(job.session, job.document)
        if document is not None and self.settings.in_document:
            of_document = (other for other in self.jobs.values() if other.document == job.document)
            running = {other.id: other.to_map() for other in of_document if other.state in (WAITING, RUNNING)}
            annotation_store.note_jobs(document, running)

    def _drop(self, job: DocumentJob) -> None:
        self.jobs.pop(job.id, None)
        self.jobs_changed.emit()
        self.finished.changed.emit()
