"""Closes connections that send a message without an end, before it fills the daemon's memory.

libzmq collects the frames of a message until its last one has come, without a limit: high-water marks count whole
messages, and MAXMSGSIZE is for one frame. So a thread compares the bytes that were read from each connection
with the messages that the daemon has had from it. The difference is the connection's backlog. Only Linux counts these
bytes (`acetate.daemon.read_counter`); elsewhere there is `relieve` alone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket as sockets
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zmq
from acetate_wire.limits import Limits
from zmq.utils.monitor import recv_monitor_message

from acetate.daemon.clients import Address

if sys.platform == "linux":
    from acetate.daemon.read_counter import ReadCounter, ReadWatch

log = logging.getLogger("acetate.daemon")

OWN = ""
"""Whose the connections of this daemon's own user are; those of a paired machine are its public key's."""
DRIFT_BYTES = 64 << 10
"""More than the handshake and heartbeats add to messages before one of them has come whole."""
SPARE_BYTES = 256 << 20
"""How far the daemon's memory may grow beyond four of the largest messages before `relieve` acts."""
LOG_S = 10.0
_CURVE_BYTES = 33  # what CurveZMQ adds to a frame: its name, nonce, flags and authenticator


class _Connection:
    """An accepted connection: libzmq's `descriptor`, `whose` it is (None before a hello), the bytes of messages `had`
    from it, and the `most` that this daemon's own user may leave unfinished."""

    def __init__(self, descriptor: int, socket: sockets.socket, most: int) -> None:
        self.descriptor, self.socket, self.most = descriptor, socket, most
        self.whose: str | None = None
        self.address: Address | None = None
        self.answering = self.closing = self.gone = self.moved = self._taken = False
        self.had = self.read = 0
        self._counter: ReadCounter | None = None
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._counter = ReadCounter(socket)

    @property
    def backlog(self) -> int:
        """The bytes of messages that have not come whole, as far as they are known."""
        return 0 if self.closing else max(0, self.read - self.had)

    def look(self) -> bool:
        """Read the counter; whether it has moved."""
        before = self.read
        if self._counter is not None:
            with contextlib.suppress(OSError):
                self.read = max(before, self._counter.read())
        if self._taken and self.read - self.had < DRIFT_BYTES:
            self.had = self.read
        self._taken = False
        moved = self.read != before
        self.moved = self.moved or moved
        return moved

    def take(self, count: int) -> None:
        """A message of so many bytes has come whole. The counter, which is slow, waits for the next look."""
        self.had += count
        self._taken = True

    def shut(self) -> None:
        """End the connection, whoever has it open."""
        self.closing = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(sockets.SHUT_RDWR)


class BacklogGuard:
    """Watches the connections of ROUTER sockets; its methods are for the daemon's own thread."""

    def __init__(self, routers: Sequence[Any], encrypted: Sequence[bool], limits: Limits) -> None:
        """`routers` have no connections yet; `encrypted` says which of them speak CURVE."""
        self._routers = routers
        self._encrypted = encrypted
        # What is over the limit by less than a quarter is refused in words, and has to come whole for that.
        self._own = [(router.get(zmq.RCVHWM) * 4 + 1) * limits.message_bytes // 4 for router in routers]
        # Two clients that are quicker than the disk: two parts of each wait, and another one of both is on its way.
        self._machine = 5 * limits.for_machine().message_bytes
        self._stranger = limits.header_bytes
        self._enough = self._ceiling = 4 * limits.message_bytes + SPARE_BYTES
        self._connections: dict[int, _Connection] = {}
        self._by_address: dict[Address, _Connection] = {}
        self._lock = threading.Lock()
        self._logged = float("-inf")
        events = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED
        self._monitors = [router.get_monitor_socket(events) for router in routers]
        self._watch: ReadWatch | None = None
        if sys.platform == "linux":
            self._watch = ReadWatch(self._look, [monitor.get(zmq.FD) for monitor in self._monitors])

    def delivered(self, descriptor: int, address: Address, frames: Sequence[Any], whose: str | None) -> None:
        """A message has come whole, and is answered next; `whose` is None where only its content can tell."""
        overhead = _CURVE_BYTES if self._encrypted[address[0]] else 0
        sizes = [len(frame) + overhead for frame in frames]
        with self._lock:
            connection = self._by_address.get(address)
            # An address may be that of a later connection by now, and so may a descriptor.
            if connection is None or connection.descriptor != descriptor:
                self._note_events()
                connection = self._connections.get(descriptor)
            if connection is not None:
                connection.address = address
                self._by_address[address] = connection
                connection.answering, connection.whose = True, connection.whose if whose is None else whose
                connection.take(sum(size + (9 if size > 255 else 2) for size in sizes))

    def answered(self, address: Address, whose: str | None) -> None:
        """The message from there is answered; `whose` is None when no hello was said."""
        with self._lock:
            connection = self._by_address.get(address)
            if connection is not None:
                connection.answering, connection.whose = False, whose

    def senders(self) -> list[Address]:
        """From whom bytes have come since this was asked last, though perhaps no whole message."""
        with self._lock:
            found = [each for each in self._connections.values() if each.moved]
            for each in found:
                each.moved = False
        return [each.address for each in found if each.address is not None]

    def forget(self, known: Mapping[Address, str]) -> None:
        """Let go of who has left; `known` are the addresses of all who have said hello, and whose they are."""
        with self._lock:
            for connection in self._connections.values():
                connection.whose = None if connection.address is None else known.get(connection.address)
            self._by_address = {
                address: each for address, each in self._by_address.items() if not each.gone or address in known
            }

    def relieve(self) -> None:
        """Where far more memory is taken than messages need, close connections without a hello, and the largest one.

        This is for what the counted bytes do not show: an empty frame has two, and takes 64 in memory.
        """
        taken = own_memory()
        with self._lock:
            self._note_events()
            if taken > self._ceiling:
                self._ceiling = taken + SPARE_BYTES
                everyone = sorted(self._connections.values(), key=lambda each: each.backlog)
                self._close([each for each in everyone if each.whose is None])
                self._close([each for each in everyone[-1:] if each.backlog > self._stranger])
            self._ceiling = max(self._enough, min(self._ceiling, taken + SPARE_BYTES))

    def close(self) -> None:
        """End the thread; connections stay open."""
        if self._watch is not None:
            self._watch.close()
        for router in self._routers:
            router.disable_monitor()
        for monitor in self._monitors:
            monitor.close(0)
        for connection in self._connections.values():
            connection.socket.close()
        self._connections.clear()

    def _look(self, active: set[int]) -> set[int]:
        """Look at what has arrived, in the thread; which of the descriptors have been read from."""
        with self._lock:
            self._note_events()
            looked = [each for each in self._connections.values() if each.socket.fileno() in active]
            moved = {each.socket.fileno() for each in looked if each.look()}
            if moved:
                self._enforce()
            return moved

    def _note_events(self) -> None:
        for monitor, most in zip(self._monitors, self._own, strict=True):
            while monitor.get(zmq.EVENTS) & zmq.POLLIN:
                event = recv_monitor_message(monitor, zmq.NOBLOCK)
                descriptor = int(event["value"])
                gone = self._connections.pop(descriptor, None)
                if gone is not None:
                    # The other side sees the end of the connection once this copy of libzmq's descriptor is closed.
                    gone.gone = True
                    gone.socket.close()
                if event["event"] == zmq.EVENT_ACCEPTED:
                    self._accept(descriptor, event["endpoint"], most)

    def _accept(self, descriptor: int, endpoint: bytes, most: int) -> None:
        try:
            socket = sockets.socket(fileno=sockets.dup(descriptor))
        except OSError:
            # It has gone again.
            return
        if not _is_at(socket, endpoint.decode("utf-8", "surrogateescape")):
            socket.close()
            return
        self._connections[descriptor] = _Connection(descriptor, socket, most)
        if self._watch is not None:
            self._watch.add(socket.fileno())

    def _enforce(self) -> None:
        """Close the connections of whoever has a larger backlog than is allowed, the largest ones first."""
        by_owner: dict[str | None, list[_Connection]] = {}
        for each in sorted(self._connections.values(), key=lambda each: each.backlog):
            if each.backlog >= DRIFT_BYTES and not (each.answering and each.whose is None):
                by_owner.setdefault(each.whose, []).append(each)
        self._close([each for each in by_owner.pop(OWN, []) if each.backlog > each.most])
        for whose, those in by_owner.items():
            most = self._stranger if whose is None else self._machine
            while sum(each.backlog for each in those) > most:
                self._close([those.pop()])

    def _close(self, those: Sequence[_Connection]) -> None:
        for each in those:
            if time.monotonic() - self._logged >= LOG_S:
                self._logged = time.monotonic()
                log.warning("a connection is closed: %d bytes of it are no whole message", each.backlog)
            each.shut()


def own_memory() -> int:
    """The bytes of this process's memory; on Linux without what lies in files."""
    if sys.platform != "linux":
        import psutil

        return int(psutil.Process().memory_info().rss)
    _, resident, shared = Path("/proc/self/statm").read_bytes().split()[:3]
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def _is_at(socket: sockets.socket, endpoint: str) -> bool:
    """Whether a socket was accepted at this endpoint: its descriptor may be another file's by now."""
    try:
        name = socket.getsockname()
    except OSError:
        return False
    kind, _, place = endpoint.partition("://")
    return str(name) == place if kind == "ipc" else str(name[1]) == place.rpartition(":")[2]
