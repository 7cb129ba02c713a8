"""The clients that are connected: who they are, which jobs they follow, and sending to them without waiting."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import zmq
from acetate_wire.messages import encode

from acetate.daemon.outbox import Outbox

PING_S = 2.0
SILENCE_S = 10.0

Address = tuple[int, bytes]
"""Which of the daemon's sockets, and the routing id there."""


@dataclass
class ClientConnection:
    """A client that said hello. `owner` is whose jobs it may see; `machine` the public key of the paired machine that
    it is on, empty for this user's own clients. `parts`: it fetches layers that are larger than a message.
    `outbox` is what it does not take yet; ends with layers are `undelivered`, by their jobs."""

    address: Address
    owner: str
    name: str
    machine: str
    last_recv: float
    last_send: float
    parts: bool = False
    subscriptions: set[str] = field(default_factory=set)
    undelivered: set[str] = field(default_factory=set)
    outbox: Outbox = field(default_factory=Outbox)

    @property
    def local(self) -> bool:
        """Whether it is of this user, on this machine."""
        return not self.machine


class ClientRegistry:
    """Everybody who is connected, and the sockets to them."""

    def __init__(self, sockets: Sequence[Any], message_bytes: int) -> None:
        """`sockets` are the ROUTER sockets that clients connect to; `message_bytes` the most that one message takes."""
        self._sockets = sockets
        self._message_bytes = message_bytes
        self._clients: dict[Address, ClientConnection] = {}

    def __len__(self) -> int:
        """The number of connected clients."""
        return len(self._clients)

    def __iter__(self) -> Iterator[ClientConnection]:
        """Iterate over a copy, so that clients may be removed meanwhile."""
        return iter(list(self._clients.values()))

    def get(self, address: Address) -> ClientConnection | None:
        """The peer at this address, if it said hello."""
        return self._clients.get(address)

    def add(self, peer: ClientConnection) -> None:
        """Somebody said hello."""
        self._clients[peer.address] = peer

    def remove(self, peer: ClientConnection) -> None:
        """Send nothing more to this client."""
        self._clients.pop(peer.address, None)

    def send(self, address: Address, kind: str, fields: Mapping[str, Any], frames: Sequence[Any], now: float) -> bool:
        """Send now, or without frames as soon as the peer takes it, behind all that waits for it already.

        False when it is not sent: the peer does not keep up. A peer that is gone is dropped.
        """
        peer = self._clients.get(address)
        if kind == "done" and peer is not None and peer.parts and sum(map(len, frames)) > self._message_bytes:
            fields, frames = {**fields, "sizes": [len(frame) for frame in frames]}, ()
        parts = encode(kind, fields, frames)
        if peer is None:
            return self._try(address, parts)
        if not peer.outbox and self._try(address, parts, peer, now):
            return True
        if kind == "progress" and frames:
            frames, parts = (), encode(kind, {name: each for name, each in fields.items() if name != "preview"})
        return not frames and peer.outbox.add(kind, fields, parts)

    @property
    def behind(self) -> bool:
        """Whether anything waits for a client that did not take it."""
        return any(peer.outbox for peer in self._clients.values())

    def flush(self, now: float) -> None:
        """Send what waits, to those who take messages again."""
        for peer in self:
            if peer.outbox:
                peer.outbox.flush(partial(self._try, peer.address, peer=peer, now=now))

    def _try(
        self, address: Address, parts: Sequence[Any], peer: ClientConnection | None = None, now: float = 0.0
    ) -> bool:
        """Send if that is possible at once. A peer that is gone is dropped."""
        try:
            self._sockets[address[0]].send_multipart([address[1], *parts], zmq.NOBLOCK, copy=len(parts) == 1)
        except zmq.Again:
            return False
        except zmq.ZMQError:
            self._clients.pop(address, None)
            return True
        if peer is not None:
            peer.last_send = now
        return True

    def publish(self, job: str, kind: str, fields: Mapping[str, Any], frames: Sequence[Any], now: float) -> None:
        """Send to everybody who follows a job. Who cannot take its end now is owed it."""
        for peer in self:
            if (
                job in peer.subscriptions
                and not self.send(peer.address, kind, fields, frames, now)
                and kind != "progress"
            ):
                peer.undelivered.add(job)
            if kind in ("done", "failed", "cancelled", "forgotten"):
                peer.subscriptions.discard(job)

    def keep_alive(self, now: float, senders: Iterable[Address] = ()) -> None:
        """Ping who has not been spoken to, drop who is silent; `senders` are not: a message of them is coming."""
        for address in senders:
            if address in self._clients:
                self._clients[address].last_recv = now
        for peer in self:
            if now - peer.last_recv >= SILENCE_S:
                with contextlib.suppress(KeyError):
                    del self._clients[peer.address]
            elif now - peer.last_send >= PING_S:
                self.send(peer.address, "ping", {}, (), now)
