"""The daemon's answer to each kind of message, as docs/protocol.md says."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from acetate_wire import field_readers
from acetate_wire.errors import AcetateError
from acetate_wire.limits import Limits
from acetate_wire.messages import Message, decode
from acetate_wire.request import LayerRequest
from acetate_wire.request_codec import check_message, decode_request
from acetate_wire.vocabulary import Vocabulary

import acetate
from acetate.daemon.auth import owner_of, secrets_equal
from acetate.daemon.clients import Address, ClientConnection, ClientRegistry
from acetate.daemon.config import DAY_S, DaemonConfig
from acetate.daemon.downloads import Downloads
from acetate.daemon.job_manager import JobManager
from acetate.daemon.permissions import check_files, check_parts, require_local, unpaired
from acetate.daemon.uploads import Uploads
from acetate.models.adapter_files import lora_folder
from acetate.worker.engine import ModelInfo

log = logging.getLogger("acetate.daemon")

MOST_LICENCES = 16
"""How many licences a message may agree to."""


@dataclass(frozen=True)
class Sender:
    """Where a message came from: `encrypted` over CURVE, and there by which paired machine's public key (`machine`,
    empty for this user's own key)."""

    address: Address
    encrypted: bool
    machine: str


@dataclass(frozen=True)
class ServerContext:
    """What the conversation needs to know of the rest of the daemon."""

    access: str
    machines: Container[str]
    offers: Callable[[], tuple[ModelInfo, ...]]
    resolve: Callable[[LayerRequest], LayerRequest]
    vocabulary: Callable[[str], Vocabulary | None]
    device: Callable[[], str]
    downloads: Downloads
    status: Callable[[], dict[str, Any]]
    stop: Callable[[], None]


class MessageHandler:
    """Answers messages. Every answer goes out through `peers`; nothing that a client sends raises."""

    def __init__(
        self, settings: DaemonConfig, peers: ClientRegistry, jobs: JobManager, uploads: Uploads, about: ServerContext
    ) -> None:
        """`about` is what the daemon reports of itself in `welcome` and `status`."""
        self._settings = settings
        self._peers = peers
        self._jobs = jobs
        self._uploads = uploads
        self._about = about
        self._offers: dict[str, ModelInfo] = {}
        self._answers: dict[str, Callable[[ClientConnection, Message], None]] = {
            "part": self._uploads.add,
            "submit": self._submit,
            "fetch": self._fetch,
            "cancel": self._cancel,
            "attach": self._attach,
            "acknowledge": self._acknowledge,
            "retry": self._retry,
            "jobs": self._list,
            "vocabulary": self._vocabulary,
            "models": self._models,
            "downloads": self._downloads,
            "download": self._download,
            "cancel_download": self._cancel_download,
            "status": self._status,
            "stop": self._stop,
            "ping": self._pong,
            "pong": lambda peer, message: None,
        }

    def handle(self, origin: Sender, parts: Sequence[Any]) -> None:
        """Answer one message, whatever it holds."""
        id: object = None
        try:
            message = decode(parts, self._settings.limits)
            id = message.fields.get("id")
            if origin.machine and origin.machine not in self._about.machines:
                raise unpaired()
            if message.kind == "hello":
                self._hello(origin, message)
                return
            peer = self._peers.get(origin.address)
            if peer is None:
                raise AcetateError(
                    "not_allowed", "say hello first", field="hello", hint="after a reconnect too, then attach"
                )
            peer.last_recv = time.monotonic()
            answer = self._answers.get(message.kind)
            if answer is None:
                raise AcetateError(
                    "bad_request",
                    f"there is no message of the kind {message.kind[:40]!r}",
                    field="kind",
                    hint=f"known are hello, {', '.join(self._answers)}",
                )
            answer(peer, message)
        except AcetateError as error:
            self._reject(origin.address, id, error)
        except Exception:
            log.exception("a message could not be answered")
            hint = "the daemon's log tells more"
            refusal = AcetateError("internal", "the daemon could not answer this message", hint=hint)
            self._reject(origin.address, id, refusal)

    def drop_unpaired(self) -> None:
        """Disconnect the clients of machines that are no longer paired. Their jobs go on."""
        for peer in self._peers:
            if peer.machine and peer.machine not in self._about.machines:
                self._reject(peer.address, "", unpaired())
                self._peers.remove(peer)

    def resend_undelivered(self) -> None:
        """Retry terminal events that a full send queue refused."""
        for peer in self._peers:
            if peer.outbox:
                continue
            for id in list(peer.undelivered):
                job = self._jobs.find(peer.owner, id)
                kind, fields, frames = (
                    ("forgotten", {"id": id, "reason": "unknown"}, []) if job is None else (self._jobs.state(job))
                )
                if not self._send(peer, kind, fields, frames):
                    break
                peer.undelivered.discard(id)

    def _limits_of(self, peer: ClientConnection) -> Limits:
        limits = self._settings.limits
        return limits if peer.local else limits.for_machine()

    def _send(self, peer: ClientConnection, kind: str, fields: Mapping[str, Any], frames: Sequence[Any] = ()) -> bool:
        return self._peers.send(peer.address, kind, fields, frames, time.monotonic())

    def _reject(self, address: Address, id: object, error: AcetateError) -> None:
        fields = {"id": id if isinstance(id, str) and len(id) <= 64 else "", **error.fields()}
        self._peers.send(address, "rejected", fields, (), time.monotonic())

    def _hello(self, origin: Sender, message: Message) -> None:
        fields = message.fields
        name = field_readers.text(fields.get("name"), "name", 200)
        client = field_readers.text(fields.get("client"), "client", 200)
        if len(client) < 32:
            raise AcetateError(
                "bad_request",
                "the client's own key is too short",
                field="client",
                hint="make 32 random bytes once, keep them, and send them as 64 hexadecimal digits",
            )
        if not origin.encrypted and not secrets_equal(fields.get("access"), self._about.access):
            raise AcetateError(
                "not_allowed",
                "the access word is not this daemon's",
                field="access",
                hint="read the connection file again",
            )
        self._refresh_models()
        now = time.monotonic()
        parts = field_readers.flag(fields.get("parts", False), "parts")
        peer = ClientConnection(origin.address, owner_of(client), name, origin.machine, now, now, parts)
        self._peers.add(peer)
        self._send(
            peer,
            "welcome",
            {
                "version": acetate.__version__,
                "limits": self._limits_of(peer).to_map(),
                "models": [offer.to_map() for offer in self._offers.values()],
                "device": self._about.device(),
            },
        )

    def _submit(self, peer: ClientConnection, message: Message) -> None:
        id = field_readers.job_id(message.fields.get("id"))
        job = self._jobs.find(peer.owner, id)
        if job is None and self._jobs.is_forgotten(id):
            self._send(peer, "forgotten", {"id": id, "reason": "acknowledged"})
            return
        if job is None:
            request = decode_request(message.fields.get("request"))
            uploaded = None if message.frames else self._uploads.of(peer, id)
            sizes = [len(frame) for frame in message.frames] if uploaded is None else uploaded.sizes
            check_message(request, sizes, self._settings.limits)
            check_parts(peer, request, self._settings.limits)
            self._check_model(request)
            check_files(peer, request)
            resolved = self._about.resolve(request.with_seed())
            # Nothing may go wrong between the journal and the answer: a job that runs is never called rejected.
            position = self._jobs.submit(peer.owner, id, resolved, uploaded or message.frames, peer.machine)
            if uploaded is not None:
                self._uploads.taken(peer)
            peer.subscriptions.add(id)
            self._jobs.when_saved(partial(self._send, peer, "accepted", {"id": id, "position": position}))
            return
        self._jobs.when_saved(partial(self._follow, peer, id))

    def _refresh_models(self) -> None:
        self._offers = {offer.name: offer for offer in self._about.offers()}

    def _check_model(self, request: LayerRequest) -> None:
        offer = self._offers.get(request.model)
        if offer is None or offer.missing:
            # It may have been added or fetched since.
            self._refresh_models()
            offer = self._offers.get(request.model)
        if offer is None:
            raise AcetateError(
                "unknown_model",
                f"there is no model {request.model[:80]!r}",
                field="model",
                hint=f"choose from {', '.join(self._offers) or 'none: no model is installed'}",
            )
        if offer.missing:
            raise AcetateError(
                "model_missing",
                offer.missing,
                field="model",
                hint="acetate models tells what is here, and what can be fetched",
            )
        if request.mode not in offer.modes:
            raise AcetateError(
                "mode_unsupported",
                f"the model {offer.name} cannot do {request.mode}",
                field="mode",
                hint=f"it can do {', '.join(offer.modes)}; choose one of these or another model",
            )

    def _fetch(self, peer: ClientConnection, message: Message) -> None:
        """Send a part of finished layers."""
        id = field_readers.job_id(message.fields.get("id"))
        job = self._owned_job(peer, id)
        if job is None:
            self._send(peer, "forgotten", {"id": id, "reason": "unknown"})
            return
        # The `done` that this follows has looked at the digest.
        kind, fields, frames = self._jobs.state(job, just_written=True)
        if kind != "done":
            self._send(peer, kind, fields, frames)
            return
        number = field_readers.whole(message.fields.get("frame"), "frame", 0, len(frames) - 1)
        frame = frames[number]
        offset = field_readers.whole(message.fields.get("offset"), "offset", 0, len(frame) - 1)
        part = frame[offset : offset + self._limits_of(peer).part_bytes]
        self._send(peer, "part", {"id": id, "frame": number, "offset": offset}, [part])

    def _follow(self, peer: ClientConnection, id: str) -> None:
        """Tell how a job is, and from here on what becomes of it."""
        job = self._jobs.find(peer.owner, id)
        if job is None:
            reason = "acknowledged" if self._jobs.is_forgotten(id) else "unknown"
            self._send(peer, "forgotten", {"id": id, "reason": reason})
            return
        kind, fields, frames = self._jobs.state(job)
        if kind in ("accepted", "progress"):
            peer.subscriptions.add(id)
        if not self._send(peer, kind, fields, frames):
            peer.undelivered.add(id)

    def _attach(self, peer: ClientConnection, message: Message) -> None:
        for id in field_readers.listing(message.fields.get("ids"), "ids", 0, 10_000):
            field_readers.job_id(id, "ids")
            try:
                self._follow(peer, id)
            except AcetateError:
                # Another client's job looks like none at all.
                self._send(peer, "forgotten", {"id": id, "reason": "unknown"})

    def _cancel(self, peer: ClientConnection, message: Message) -> None:
        id = field_readers.job_id(message.fields.get("id"))
        job = self._owned_job(peer, id)
        if job is not None and job.state in ("waiting", "running"):
            peer.subscriptions.add(id)
            self._jobs.cancel(job)
        else:
            self._attach(peer, Message("attach", {"ids": [id]}, ()))

    def _acknowledge(self, peer: ClientConnection, message: Message) -> None:
        id = field_readers.job_id(message.fields.get("id"))
        job = self._owned_job(peer, id)
        if job is None:
            self._send(peer, "forgotten", {"id": id, "reason": "unknown"})
            return
        self._jobs.acknowledge(job)
        self._jobs.when_saved(partial(self._send, peer, "forgotten", {"id": id, "reason": "acknowledged"}))

    def _retry(self, peer: ClientConnection, message: Message) -> None:
        id = field_readers.job_id(message.fields.get("id"))
        job = self._owned_job(peer, id)
        if job is None:
            raise AcetateError("bad_request", "there is no such job", field="id", hint="see the kind jobs")
        self._jobs.retry(job)
        self._follow(peer, id)

    def _owned_job(self, peer: ClientConnection, id: str) -> Any:
        """This client's job, or None; another client's job looks like none at all."""
        try:
            return self._jobs.find(peer.owner, id)
        except AcetateError:
            return None

    def _list(self, peer: ClientConnection, message: Message) -> None:
        number = message.fields.get("before")
        before = None if number is None else field_readers.whole(number, "before", 0, 1 << 62)
        listed, older = self._jobs.listing(peer.owner, before)
        self._send(
            peer,
            "jobs",
            {
                "jobs": listed,
                "before": older,
                "keep_days": self._settings.keep_s / DAY_S,
                "keep_bytes": self._settings.keep_bytes,
            },
        )

    def _vocabulary(self, peer: ClientConnection, message: Message) -> None:
        model = field_readers.text(message.fields.get("model"), "model", 1024)
        found = self._about.vocabulary(model)
        self._send(peer, "vocabulary", {"model": model, "vocabulary": None if found is None else found.to_map()})

    def _models(self, peer: ClientConnection, message: Message) -> None:
        """Look at the folders again, and tell what there is."""
        self._refresh_models()
        folder = str(lora_folder()) if peer.local else ""
        models = [offer.to_map() for offer in self._offers.values()]
        self._send(peer, "models", {"models": models, "lora_folder": folder})

    def _downloads(self, peer: ClientConnection, message: Message) -> None:
        require_local(peer)
        self._send(peer, "downloads", {"downloads": self._about.downloads.listing()})

    def _download(self, peer: ClientConnection, message: Message) -> None:
        require_local(peer)
        name = field_readers.text(message.fields.get("name"), "name", 200)
        named = field_readers.listing(message.fields.get("accept", ()), "accept", 0, MOST_LICENCES)
        accepted = [field_readers.text(each, f"accept[{number}]", 200) for number, each in enumerate(named)]
        self._about.downloads.start(name, accepted)
        self._downloads(peer, message)

    def _cancel_download(self, peer: ClientConnection, message: Message) -> None:
        require_local(peer)
        self._about.downloads.cancel(field_readers.text(message.fields.get("name"), "name", 200))
        self._downloads(peer, message)

    def _status(self, peer: ClientConnection, message: Message) -> None:
        require_local(peer)
        self._send(peer, "status", self._about.status())

    def _stop(self, peer: ClientConnection, message: Message) -> None:
        require_local(peer)
        counts = self._jobs.counts()
        self._send(peer, "stopping", {"waiting": counts.get("waiting", 0) + counts.get("running", 0)})
        self._about.stop()

    def _pong(self, peer: ClientConnection, message: Message) -> None:
        self._send(peer, "pong", {})
