"""The daemon's end of a farm: the foreman process, and the workers that it tells of."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import zmq
from acetate_wire.messages import Message

from acetate.daemon.auth import Keys
from acetate.daemon.config import DaemonConfig
from acetate.daemon.worker_devices import WorkerDevice
from acetate.daemon.worker_process import WorkerProcess
from acetate.daemon.worker_slot import WorkerSlot
from acetate.farm.machine import check_ray

FOREMAN = WorkerDevice(0, "", {})
FOREMAN_MODULE = "acetate.farm.foreman_process"
AGAIN_S = 2.0
"""How long after its end a foreman is started again."""

log = logging.getLogger("acetate.daemon")


class FarmWorker:
    """A worker on the farm, with what the pool asks of a worker; a new actor is a new object."""

    is_other_version = False
    socket = None

    def __init__(self, farm: Farm, number: int, pid: int) -> None:
        """`number` is the foreman's."""
        self._farm = farm
        self._number = number
        self._settings = farm.settings
        self._silent_s, self._asked, self._last_turn = 0.0, False, time.monotonic()
        self.arrived: deque[Message] = deque()
        self.pid = pid
        self.gone: str | None = None
        self.blameless = False

    def send(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Send the worker a message; its silence counts from now."""
        self.note_word()
        self._farm.send(kind, {**fields, "worker": self._number})

    def receive(self) -> Message | None:
        """A message that has arrived, if there is one."""
        return self.arrived.popleft() if self.arrived else None

    def note_word(self) -> None:
        """It has said something."""
        self._silent_s, self._asked = 0.0, False

    def silence(self, now: float) -> float:
        """For how many seconds it has said nothing; called every turn. After `silence_s` it is asked for an answer."""
        self._silent_s += min(now - self._last_turn, 1.0)
        self._last_turn = now
        if not self._asked and self._silent_s >= self._settings.silence_s:
            self._farm.send("ask", {"worker": self._number})
            self._asked = True
        return self._silent_s

    def exit_reason(self) -> str | None:
        """None while it lives, else how it ended, in words."""
        return self.gone

    def end(self) -> None:
        """Have the foreman end the actor; another one, without models, takes its place."""
        self.kill()

    def kill(self) -> None:
        """Have the foreman end the actor, wherever it is; nothing of it counts from now on."""
        self._farm.forget(self._number)
        if self.gone is None:
            self._farm.send("kill", {"worker": self._number})


class Farm:
    """The farm of a daemon: starts the foreman, again where it ends, and has a slot for each worker."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], settings: DaemonConfig, keys: Keys) -> None:
        """Nothing is started yet. Raises AcetateError where Ray is not installed."""
        check_ray()
        self.settings = settings
        self._context, self._keys = context, keys
        self._foreman: WorkerProcess | None = None
        self._again = float("-inf")
        self._workers: dict[int, FarmWorker] = {}
        self.slots: list[WorkerSlot] = []
        self.complete = False
        self.problem = "the foreman is starting"

    @property
    def sockets(self) -> list[Any]:
        """The socket to the foreman."""
        return [] if self._foreman is None else [self._foreman.socket]

    def send(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Send the foreman a message; nothing happens while there is none."""
        if self._foreman is not None:
            self._foreman.send(kind, fields)

    def forget(self, number: int) -> None:
        """A worker is given up: whatever still comes of it is passed over."""
        self.complete = False
        self._workers.pop(number, None)

    def tick(self, now: float) -> None:
        """Start the foreman where there is none, receive what it says, and notice its end or silence."""
        self.slots = [slot for slot in self.slots if slot.worker is not None]
        if self._foreman is None:
            if now >= self._again:
                self._start()
            return
        self._drain(self._foreman)
        reason = self._foreman.exit_reason()
        limit = self.settings.silence_s + self.settings.answer_s
        if reason is None and self._foreman.silence(now) >= limit:
            reason = f"it did not answer for {limit:g} seconds"
        if reason is not None:
            self._drain(self._foreman)
            self._lose(reason, now)

    def close(self) -> None:
        """End the foreman, and with it the actors."""
        foreman, self._foreman = self._foreman, None
        if foreman is not None:
            foreman.kill()

    def _start(self) -> None:
        more = {"address": self.settings.farm, "key": str(self.settings.farm_key)}
        more["folder"] = str(self.settings.state / "farm")
        self._foreman = WorkerProcess(self._context, self.settings, self._keys, FOREMAN, FOREMAN_MODULE, more)

    def _lose(self, reason: str, now: float) -> None:
        log.warning("the farm's foreman ended (%s); it is started again", reason)
        self.problem, self.complete = reason, False
        self._again = now + AGAIN_S
        self.close()
        for worker in list(self._workers.values()):
            worker.gone, worker.blameless = f"the farm's foreman ended: {reason}", True

    def _drain(self, foreman: WorkerProcess) -> None:
        while (message := foreman.receive()) is not None:
            fields = dict(message.fields)
            if message.kind == "farm":
                self.complete, self.problem = bool(fields["complete"]), ""
                continue
            number = int(fields.pop("worker"))
            if message.kind == "worker":
                self._add(number, fields)
            worker = self._workers.get(number)
            if worker is None:
                continue
            worker.note_word()
            if message.kind == "gone":
                worker.gone = str(fields["reason"])
                self.complete = False
            elif message.kind == "alive":
                slot = next(each for each in self.slots if each.worker is worker)
                slot.available = frozenset(fields["available"])
            elif message.kind not in ("worker", "ready"):
                worker.arrived.append(Message(message.kind, fields, message.frames))

    def _add(self, number: int, about: Mapping[str, Any]) -> None:
        worker = self._workers[number] = FarmWorker(self, number, int(about["pid"]))
        machine = str(about["machine"])
        log.info("worker %d of the farm is %s on %s", number, about["device"], machine)
        slot = WorkerSlot(number, str(about["device"]), worker=worker, machine=machine)
        slot.available = frozenset(about["available"])
        self.slots.append(slot)
