# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of Krita's documents: their layers go into the document's history and, if the artist wants, into the document.

A job is written down before it is sent. The daemon may forget it only when its layers are safe in the plug-in's own
folder.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from acetate_editor.jobs import FAILED, LOST, RUNNING, WAITING
from acetate_editor.lifecycle import CapturedRequest, JobLifecycle
from acetate_editor.logging import start_log
from acetate_wire.errors import AcetateError
from acetate_wire.events import Done
from krita import Document

from . import stacking, target
from .color import ColorSpace, wire_format
from .daemon_connection import DaemonConnection
from .document import annotation_store, lookup, selection_mask
from .document.capture import Frame, LayerFrame, MaskFrame
from .document.insert import InsertPosition, insert, locked
from .document.scratch_document import template
from .export import file_names, save_png
from .generation_settings import GenerationSettings, request
from .hiding import Hiding
from .history import History
from .i18n import tr
from .jobs import PROJECTION, DocumentJob
from .modes import mode_named
from .pinning import Pins
from .qt import QtCore
from .result_store import ResultStore
from .results import Opener, Result, ResultContext, Strips, compress, pictures
from .settings import DockerSettings
from .task_scheduler import TimedTaskQueue


class ControllerSignals(QtCore.QObject):
    """`jobs_changed` and `history_changed` tell the dockers to look again; `arrived` carries a result that waits in the
    history, and `inserted` tells that results have gone into a document.
    """

    jobs_changed = QtCore.pyqtSignal()
    history_changed = QtCore.pyqtSignal()
    message = QtCore.pyqtSignal(str)
    used_seed = QtCore.pyqtSignal(object)
    arrived = QtCore.pyqtSignal(object)
    inserted = QtCore.pyqtSignal()


class JobController(JobLifecycle[DocumentJob]):
    """One for all windows of a Krita."""

    connection: DaemonConnection

    def __init__(self, version: str, editor: str) -> None:
        start_log("krita")
        versions = {"Krita": editor, "Acetate": version}
        super().__init__(DaemonConnection(version, editor), TimedTaskQueue(), tr, versions)
        self.settings = DockerSettings.load()
        self.store = ResultStore()
        self.history = History(self.store)
        self.hiding = Hiding()
        self.pins = Pins()
        self._signals = ControllerSignals()
        self.jobs_changed, self.history_changed = self._signals.jobs_changed, self._signals.history_changed
        self.message, self.used_seed = self._signals.message, self._signals.used_seed
        self.arrived, self.inserted = self._signals.arrived, self._signals.inserted
        self.connection.event_received.connect(self.handle)
        self.tasks.add(self._furnish(), self._report_error)
        self.tasks.add(self._recover(), self._report_error)

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

    def place_of(self, document: Document, results: Sequence[Result]) -> InsertPosition:
        """Where results go: in the place of the layer that they replace, next to the one they were made for, else next
        to the active one.
        """
        mode, first = mode_named(str(results[0].settings.get("mode"))), results[0]
        active = lookup.layer_id(lookup.owner(document.activeNode()))
        replaces = first.replaces if lookup.find_layer(document, first.replaces) is not None else ""
        if replaces or (mode.beside and lookup.find_layer(document, first.anchor) is not None):
            return InsertPosition((replaces or first.anchor,), mode.below, replaces=replaces)
        return InsertPosition((active,))

    def insert(self, document: Document, results: Sequence[Result]) -> None:
        """Put results into a document, at their place."""
        place = self.place_of(document, results)
        self.tasks.add(self._insert(document, results, place), self._report_error)

    def insert_all(self, document: Document, results: Sequence[Result]) -> None:
        """Put the results of several jobs into a document: of those at one place the newest is the uppermost, and it
        becomes the active layer.
        """
        by_job: dict[str, list[Result]] = {}
        for result in sorted(results, key=lambda result: (-result.made, result.id)):
            by_job.setdefault(result.job, []).append(result)
        places = [(each, self.place_of(document, each)) for each in by_job.values()]
        self.tasks.add(self._insert_all(document, places), self._report_error)

    def star(self, result: Result, starred: bool) -> None:
        """Keep a result for good on this computer, or let it age like the others."""
        self.tasks.add(self._star(result, starred), self._report_error)

    def save_png(self, result: Result, path: Path) -> None:
        """Write a result's layers into files."""
        self.tasks.add(self._save_png(result, path), self._report_error)

    def set_in_document(self, wanted: bool) -> None:
        """Whether documents hold the words and layers of their jobs. Where they no longer do, what the open ones held
        is kept on this computer instead.
        """
        self.settings.in_document = wanted
        self.settings.save()
        if not wanted:
            for document in lookup.opened():
                self.tasks.add(self._clear(document), self._report_error)

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
        self.tasks.add(self._keep(document, job, done), self._report_error)

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

    # A job's way

    def _capture(self, job: DocumentJob, document: Document) -> Generator[None, None, CapturedRequest]:
        """Read the pictures that the mode works from."""
        mode = mode_named(job.form.mode)
        canvas, aspect = selection_mask.canvas(document), self.connection.max_aspect(job.form.model)
        works_on = target.target(document, job.form, job.sources, aspect)
        replaced = lookup.find_layer(document, job.replaces)
        if replaced is not None and replaced.locked():
            raise AcetateError("bad_request", locked(replaced), hint=tr("unlock it first"))
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
                raise AcetateError("bad_request", tr("The chosen layer is gone"), hint=tr("choose another layer"))
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
        yield from self._give(job, document)
        place = InsertPosition((job.anchor,), active_ids=(job.anchor,), replaces=job.anchor)
        yield from self._insert(document, [result for result, _ in job.results], place)

    def saved(self, job: DocumentJob, done: Done) -> Iterator[float | None]:
        """Give the results to the document: its history, and its layers where the artist wants them at once."""
        self.store.remove_record(job.id)
        self._note(job)
        document = lookup.find(job.session, job.document)
        results = [result for result, _ in job.results]
        if document is not None:
            yield from self._give(job, document)
            mode = mode_named(job.form.mode)
            if not self.settings.at_once:
                self.dismiss(results)
                self.arrived.emit(results[0])
            elif job.session:
                place = InsertPosition((job.anchor, *job.above), mode.below, tuple(job.seats), job.replaces)
                bodies = {result.id: body for result, body in job.results}
                landed = yield from self._insert(document, results, place, lambda each: Strips(bodies[each.id]))
                self._raise_others(job, landed)
        self.used_seed.emit(done.seed)
        self._drop(job)
        self.tasks.add(self.store.tidy(), self._report_error)

    def _give(self, job: DocumentJob, document: Document) -> Iterator[float | None]:
        """Have the document's history hold the results, where the artist wants that."""
        for result, body in job.results if self.settings.in_document else ():
            yield from annotation_store.keep(document, result, body, self.store.starred, self.history.find)

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

    def _insert(
        self, document: Document, results: Sequence[Result], place: InsertPosition, opener: Opener | None = None
    ) -> Generator[float | None, None, str]:
        """Put results in, from their files where no `opener` has them in memory.

        In a document that was closed meanwhile they stay unseen, and are offered later.
        """
        try:
            with self.pins.holding(document) as layers:
                landed = yield from insert(
                    document, results, opener or self.history.open_body, place, self.settings.clip, self.hiding
                )
                layers.append(landed)
        except lookup.ClosedError:
            return ""
        for result in results:
            self.store.seen(result.id)
        self.history_changed.emit()
        yield None
        self.inserted.emit()
        self._say_where(document, landed)
        yield None
        return landed

    def _insert_all(
        self, document: Document, places: Sequence[tuple[Sequence[Result], InsertPosition]]
    ) -> Iterator[float | None]:
        """Put results in one after the other; the first to go in is the active layer at the end."""
        landed: list[str] = []
        for results, place in places:
            layer = yield from self._insert(document, results, place)
            landed.append(layer)
        first = None if document.rootNode() is None else lookup.find_layer(document, landed[0])
        if first is not None:
            document.setActiveNode(first)

    def _say_where(self, document: Document, landed: str) -> None:
        """Tell of a group that hides what came in, or that is locked."""
        node = lookup.find_layer(document, landed)
        if node is None or document.rootNode() is None:
            return
        for words, group in lookup.enclosing(node):
            line = tr(words).format(layer=node.name(), group=group)
            self.message.emit(line)
            return

    def _star(self, result: Result, starred: bool) -> Iterator[float | None]:
        if starred:
            yield from self._keep_here(result)
        self.store.star(result.id, starred)
        self.history_changed.emit()

    def _keep_here(self, result: Result) -> Iterator[float | None]:
        """Copy into the plug-in's folder what only a document holds."""
        if self.store.holds(result.id):
            return
        with self.history.open_body(result) as body:
            yield from self.store.save(result, [body.read()])
        self.store.seen(result.id)

    def _save_png(self, result: Result, path: Path) -> Iterator[None]:
        yield from save_png(path, result, self.history.open_body)
        self.message.emit(tr("Saved: {file}").format(file=", ".join(f.name for f in file_names(path, result))))

    def _clear(self, document: Document) -> Iterator[float | None]:
        for result in self.history.of(document):
            if document.rootNode() is None:
                return
            if annotation_store.holds(document, result.id):
                yield from self._keep_here(result)
                annotation_store.remove(document, result.id)
        annotation_store.note_jobs(document, {})

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
        self.history_changed.emit()

    def _report_error(self, error: Exception) -> None:
        self.message.emit(str(error) or type(error).__name__)
