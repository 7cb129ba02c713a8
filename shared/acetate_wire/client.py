"""A client for user interfaces: no thread of its own, never blocks, loses nothing and doubles nothing.

Call `pump()` from a timer (at least every two seconds) and from a notifier on `fileno()`; it does all
sending and receiving and hands out events. libzmq's I/O thread moves the bytes. Sends copy their frames unless
told not to, because pyzmq's zero-copy send starts a Python thread (it frees what was sent), which Blender forbids.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Union

import zmq

from . import connection as connections
from .connection import Connection
from .errors import AcetateError
from .events import (
    Connected,
    Disconnected,
    DownloadList,
    Event,
    Failed,
    Forgotten,
    JobList,
    ModelList,
    ModelVocabulary,
    Rejected,
    Status,
    decode_event,
)
from .job_tracker import JobTracker
from .limits import Limits
from .messages import Message, decode, encode
from .parts import Assemblies, Assembly, split
from .request import LayerRequest
from .request_codec import encode_request

PING_S = 2.0
SILENCE_S = 10.0
RECONNECT_S = 0.25
LINGER_MS = 200
FLUSH_BYTES = 32 << 20
"""So much is copied at a time into libzmq: a user interface is drawn in between."""
_contexts: Set["zmq.Context[zmq.Socket[bytes]]"] = set()
"""The contexts of clients that are not closed. The garbage collector must not find one: it would end it while its
sockets are still open, which waits for ever.
"""

Finder = Callable[[], Optional[Connection]]
# The daemon's own answers may be larger than what it accepts in one frame, and are not checked for size here.
_ANSWERS = Limits(frames=1 << 16, message_bytes=1 << 62, header_bytes=64 << 20)


class Client:
    """One connection to the daemon, for the client `name` (letters, digits, `-`, `_`), which knows its jobs by it.

    `connection` is a Connection, or a function that looks for one (default: this user's connection file),
    called again after every loss. `key` overrides the client's lasting secret. Without `copies` large frames are sent
    as they lie in memory and must not change any more.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str = "",
        editor: str = "",
        connection: Union[Connection, Finder, None] = None,
        key: Optional[str] = None,
        clock: Callable[[], float] = time.monotonic,
        copies: bool = True,
    ) -> None:
        """`clock` is in seconds, monotonic."""
        self._about = {"name": name, "version": version, "editor": editor, "parts": True}
        self._key = key or connections.client_key(name)
        self._find = _finder(connection)
        self._clock = clock
        self._copies = copies
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        _contexts.add(self._context)
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.set(zmq.LINGER, LINGER_MS)
        self._socket.set(zmq.SNDHWM, 0)
        # Says at once that the daemon's process ended, where the heartbeat would need seconds.
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._connected_to: Optional[Connection] = None
        self._tracker = JobTracker()
        self._assemblies: Assemblies = {}
        self._events: List[Event] = []
        self._outbox: List[List[Any]] = []
        self._open_queries: Dict[str, Dict[str, Any]] = {}
        self._welcomed = False
        self._last_recv = self._last_send = self._last_lookup = self._last_repeat = float("-inf")
        self.problem: Optional[AcetateError] = None
        self.welcome: Optional[Connected] = None
        self.has_more = False

    @property
    def connected(self) -> bool:
        """Whether the daemon has said welcome and was heard of lately."""
        return self._welcomed

    @property
    def limits(self) -> Limits:
        """The daemon's limits, or the usual ones before it has told."""
        return self.welcome.limits if self.welcome else Limits()

    def fileno(self) -> int:
        """The socket's notification descriptor, the same for the client's whole life.

        It is edge-triggered: after every call into the client, and until `has_more` is False, call `pump()`.
        """
        return int(self._socket.get(zmq.FD))

    def submit(self, request: LayerRequest, frames: Sequence[Any] = (), id: Optional[str] = None) -> str:
        """Ask for layers and return the job's id; `frames` are the raw bytes that the request's pictures name.

        Before there is a connection the job waits here; it is sent again when the daemon may not have got it.
        """
        job = id or str(uuid.uuid4())
        header = {"id": job, "request": encode_request(request)}

        def messages() -> List[List[Any]]:
            if sum(map(len, frames)) <= self.limits.message_bytes or not self.limits.part_bytes:
                return [encode("submit", header, frames)]
            return [*split(job, frames, self.limits.part_bytes), encode("submit", header)]

        self._tracker.submitted(job, messages)
        if self._welcomed:
            self._send(*messages())
        return job

    def attach(self, ids: Iterable[str]) -> None:
        """Follow jobs of an earlier run: their state comes as events, finished layers again."""
        known = list(ids)
        self._tracker.attached(known)
        if self._welcomed and known:
            self._send(encode("attach", {"ids": known}))

    def cancel(self, id: str) -> None:
        """Stop a job; answered by Cancelled, by Done if it was too late, or by Forgotten."""
        self._tracker.cancel_requested(id)
        if self._welcomed:
            self._send(encode("cancel", {"id": id}))

    def acknowledge(self, id: str) -> None:
        """Say that this job's layers are safe, so that the daemon can forget it; repeated until it has."""
        self._tracker.acknowledged(id)
        if self._welcomed:
            self._send(encode("acknowledge", {"id": id}))

    def retry(self, id: str) -> None:
        """Run a failed job again under its own id; its news comes as for `submit`, and as that it is repeated."""
        message = encode("retry", {"id": id})
        self._tracker.submitted(id, lambda: [message])
        if self._welcomed:
            self._send(message)

    def ask(self, kind: str, fields: Optional[Mapping[str, Any]] = None) -> None:
        """Send a question of the protocol; the answer comes as JobList, ModelVocabulary, ModelList, DownloadList or
        Status.
        """
        self._open_queries[kind] = dict(fields or {})
        if self._welcomed:
            self._send(encode(kind, self._open_queries[kind]))

    def pump(self, budget: float = 0.008) -> List[Event]:
        """Send and receive what can be without waiting, for about `budget` seconds, and return what happened.

        `has_more` is True afterwards when more has already arrived, or waits to be sent.
        """
        now = self._clock()
        self._flush()
        self._receive(now + budget)
        self._notice_hangup()
        self._keep_alive(self._clock())
        self._flush()
        self.has_more = self.has_more or (bool(self._outbox) and self._connected_to is not None)
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """Leave. Jobs go on in the daemon; `attach` finds them again."""
        if self._socket.closed:
            return
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close()
        self._context.destroy()
        _contexts.discard(self._context)

    def _receive(self, until: float) -> None:
        self.has_more = False
        while int(self._socket.get(zmq.EVENTS)) & zmq.POLLIN:
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._last_recv = self._clock()
            try:
                self._handle(decode([part.buffer for part in parts], _ANSWERS))
            except AcetateError as error:
                self.problem = error
            if self._clock() > until:
                self.has_more = True
                return

    def _handle(self, message: Message) -> None:
        if message.kind == "ping":
            self._send(encode("pong", {}))
        elif message.kind == "rejected" and message.fields.get("field") == "hello":
            if self._welcomed:
                self._on_disconnect("the daemon was started again")
                self._reconnect()
        elif message.kind == "done" and "sizes" in message.fields:
            self._assemble(message)
        elif message.kind == "part":
            self._take_part(message)
        elif message.kind != "pong":
            self._dispatch(decode_event(message))

    def _assemble(self, done: Message) -> None:
        """Ask for layers that are larger than a message, unless that is done already."""
        id = str(done.fields.get("id"))
        if id not in self._assemblies and self._tracker.follows(id):
            self._assemblies[id] = Assembly(done, self.limits.part_bytes)
            self._send(*self._assemblies[id].questions())

    def _take_part(self, message: Message) -> None:
        assembly = self._assemblies.get(str(message.fields.get("id")))
        if assembly is None or not message.frames:
            return
        done = assembly.take(message.fields, message.frames[0])
        if done is None:
            self._send(*assembly.questions())
        else:
            del self._assemblies[assembly.id]
            self._dispatch(decode_event(done))

    def _dispatch(self, event: Event) -> None:
        if isinstance(event, Connected):
            self.welcome, self.problem, self._welcomed = event, None, True
            self._outbox += self._tracker.messages_after_welcome()
            self._outbox += [encode(kind, fields) for kind, fields in self._open_queries.items()]
        elif isinstance(event, Rejected) and not self._welcomed:
            self.problem = AcetateError(event.code, event.message, field=event.field, hint=event.hint)
        elif isinstance(event, JobList):
            self._open_queries.pop("jobs", None)
        elif isinstance(event, ModelVocabulary):
            self._open_queries.pop("vocabulary", None)
        elif isinstance(event, ModelList):
            self._open_queries.pop("models", None)
            if self.welcome is not None:
                self.welcome = replace(self.welcome, models=event.models)
        elif isinstance(event, DownloadList):
            for kind in ("downloads", "download", "cancel_download"):
                self._open_queries.pop(kind, None)
        elif isinstance(event, Status):
            self._open_queries.pop(event.kind, None)
        if isinstance(event, (Failed, Forgotten, Rejected)):
            self._assemblies.pop(event.id, None)
        if self._tracker.accept_event(event):
            self._events.append(event)

    def _on_disconnect(self, reason: str) -> None:
        self._welcomed = False
        self._assemblies.clear()
        self._events.append(Disconnected(reason))

    def _notice_hangup(self) -> None:
        hung_up = False
        while int(self._monitor.get(zmq.EVENTS)) & zmq.POLLIN:
            self._monitor.recv_multipart(zmq.NOBLOCK)
            hung_up = True
        if hung_up and self._welcomed and not self.has_more:
            self._on_disconnect("the daemon has ended")
            self._reconnect()

    def _keep_alive(self, now: float) -> None:
        if self._connected_to is None:
            if now - self._last_lookup >= RECONNECT_S:
                self._reconnect()
        elif now - self._last_recv >= SILENCE_S and not self.has_more:
            if self._welcomed:
                self._on_disconnect(f"nothing was heard of the daemon for {SILENCE_S:g} seconds")
            self._reconnect()
        elif not self._welcomed and now - self._last_lookup >= PING_S and self._daemon_moved():
            self._reconnect()
        elif self._welcomed and now - self._last_send >= PING_S:
            self._send(encode("ping", {}), *(each for one in self._assemblies.values() for each in one.repeated()))
        if self._welcomed and now - self._last_repeat >= PING_S:
            self._last_repeat = now
            for parts in self._tracker.messages_to_repeat():
                self._send(parts)

    def _daemon_moved(self) -> bool:
        """Whether the connection file now names another daemon than the one that does not answer."""
        self._last_lookup = self._clock()
        try:
            return self._find() != self._connected_to
        except AcetateError:
            return False

    def _reconnect(self) -> None:
        """Drop the connection, look for the daemon's present one, and say hello there."""
        self._last_lookup = self._clock()
        self._outbox.clear()
        self._drop()
        try:
            self._connected_to = self._find()
        except AcetateError as error:
            self.problem = error
            return
        if self._connected_to is None:
            return
        if not self._connected_to.endpoint.startswith("ipc:"):
            self._socket.set(zmq.CURVE_SERVERKEY, self._connected_to.server_key.encode("ascii"))
            self._socket.set(zmq.CURVE_PUBLICKEY, self._connected_to.client_public.encode("ascii"))
            self._socket.set(zmq.CURVE_SECRETKEY, self._connected_to.client_secret.encode("ascii"))
        self._socket.connect(self._connected_to.endpoint)
        self._last_recv = self._last_lookup
        self._send(encode("hello", {**self._about, "client": self._key, "access": self._connected_to.access}))

    def _drop(self) -> None:
        """Disconnect, so that nothing queued for a dead daemon reaches a later one."""
        if self._connected_to is not None:
            self._socket.set(zmq.LINGER, 0)
            self._socket.disconnect(self._connected_to.endpoint)
            self._socket.set(zmq.LINGER, LINGER_MS)
            self._connected_to = None

    def _send(self, *messages: Sequence[Any]) -> None:
        self._outbox += map(list, messages)
        self._flush()

    def _flush(self) -> None:
        copied = 0
        while self._outbox and self._connected_to is not None and copied < FLUSH_BYTES:
            try:
                self._socket.send_multipart(self._outbox[0], zmq.NOBLOCK, copy=self._copies)
            except zmq.Again:
                return
            sent = self._outbox.pop(0)
            copied += sum(map(len, sent)) if self._copies else 0
            self._last_send = self._clock()


def _finder(connection: Union[Connection, Finder, None]) -> Finder:
    if isinstance(connection, Connection):
        fixed = connection
        return lambda: fixed
    return connection or connections.find
