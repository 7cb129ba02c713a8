"""How many bytes were read from a connected socket, whoever reads, and when: Linux only."""

from __future__ import annotations

import fcntl
import logging
import os
import select
import socket as sockets
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterable

log = logging.getLogger("acetate.daemon")

PAUSE_S = 0.002
"""Between two looks while bytes arrive."""
_PEEK_OFFSET = 42  # SO_PEEK_OFF of <asm-generic/socket.h>, which the module socket does not name
_PEEK_FROM = (1 << 31) - 1
_BYTES_RECEIVED = 128  # the place of tcpi_bytes_received in struct tcp_info, since Linux 4.1


class ReadCounter:
    """Counts what is read from a local socket after this object was made, and from a TCP socket in all."""

    def __init__(self, connection: sockets.socket) -> None:
        """`connection` stays the caller's. Raises OSError where it cannot be counted."""
        self._connection = connection
        self._local = connection.family == sockets.AF_UNIX
        self._earlier = 0
        if self._local:
            self._rewind()
        self.read()

    def read(self) -> int:
        """The bytes that were read so far. Raises OSError."""
        return self._read_local() if self._local else self._read_tcp()

    def _read_local(self) -> int:
        # socket(7): each byte that is read without MSG_PEEK decreases the offset.
        since = _PEEK_FROM - self._connection.getsockopt(sockets.SOL_SOCKET, _PEEK_OFFSET)
        total = self._earlier + since
        if since > _PEEK_FROM // 2:
            self._earlier = total
            self._rewind()
        return total

    def _rewind(self) -> None:
        self._connection.setsockopt(sockets.SOL_SOCKET, _PEEK_OFFSET, _PEEK_FROM)

    def _read_tcp(self) -> int:
        info = self._connection.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_INFO, _BYTES_RECEIVED + 8)
        received = int(struct.unpack_from("=Q", info, _BYTES_RECEIVED)[0])
        waiting = int(struct.unpack("i", fcntl.ioctl(self._connection, termios.FIONREAD, bytes(4)))[0])
        return max(0, received - waiting)


class ReadWatch:
    """A thread that waits until something arrives at descriptors, which others read."""

    def __init__(self, look: Callable[[set[int]], set[int]], descriptors: Iterable[int]) -> None:
        """`look` gets those at which something has arrived or was read lately, and returns those that are busy.

        `descriptors` are watched to the end, those of `add` until they are closed.
        """
        self._look = look
        self._epoll = select.epoll()
        for each in descriptors:
            self._epoll.register(each, select.EPOLLIN)
        self._end = os.eventfd(0)
        self._epoll.register(self._end, select.EPOLLIN)
        self._thread = threading.Thread(target=self._run, name="backlog", daemon=True)
        self._thread.start()

    def add(self, descriptor: int) -> None:
        """Watch this one too. Reported each time that bytes arrive, not for as long as some are there."""
        self._epoll.register(descriptor, select.EPOLLIN | select.EPOLLET)

    def close(self) -> None:
        """End the thread."""
        os.eventfd_write(self._end, 1)
        self._thread.join()
        self._epoll.close()
        os.close(self._end)

    def _run(self) -> None:
        busy: set[int] = set()
        while True:
            arrived = {descriptor for descriptor, _ in self._epoll.poll(0 if busy else None)}
            if self._end in arrived:
                return
            try:
                # What has arrived is read a moment later: it counts as busy once more.
                busy = self._look(arrived | busy) | arrived
            except Exception:
                log.exception("connections could not be looked at")
            time.sleep(PAUSE_S)
