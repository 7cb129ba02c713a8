"""The foreman: the one process on the daemon's machine that talks to Ray, and passes messages between both.

Each actor has a number, which a later one never gets again; messages about it carry it as `worker`. Besides the
worker's own messages there are, to the daemon: `worker` (an actor is there), `gone` (it is no more, and why), `alive`
(its answer to `ask`, with the models of its machine) and once a second `farm` (whether all actors are there that the
machines have room for); from the daemon `kill` and `ask`. Every result goes through here, so what an actor brings after
it was given up changes nothing.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import zmq
from acetate_wire.errors import AcetateError
from acetate_wire.limits import Limits
from acetate_wire.messages import Message, decode, encode
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from acetate.farm.actor import FarmWorker, run_message
from acetate.farm.machine import WORKERS
from acetate.worker.job_io import read_frames, save_layers
from acetate.worker.worker import NO_LIMITS

LOOK_S = 1.0
MODELS_S = 10.0
"""How often each actor is asked which models its machine has."""
AFTER_FAILURE_S = 5.0
"""How long a machine whose actor could not start is left alone."""
LIMITS = Limits(message_bytes=1 << 62, header_bytes=64 << 20, frames=1 << 16)

log = logging.getLogger("acetate.farm")


@dataclass
class Actor:
    """An actor, its machine in Ray's words, whether it has reported, and where the layers of its job go."""

    handle: Any
    node: str
    ready: bool = False
    output: str = ""
    asked: float = 0.0


class Foreman:
    """Keeps one actor for each worker that the machines have room for."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], daemon: zmq.Socket[bytes], engine: str, version: str
    ) -> None:
        """`daemon` is the socket to the daemon, of this `version`; Ray is connected."""
        self._context, self._daemon = context, daemon
        self._engine, self._version = engine, version
        self._actors: dict[int, Actor] = {}
        self._number = 0
        self._refused: dict[str, float] = {}
        self._looked = float("-inf")
        self._news = context.socket(zmq.PULL)
        self._news.bind("inproc://news")

    def run(self) -> None:
        """Serve until the daemon says stop."""
        poller = zmq.Poller()
        poller.register(self._daemon, zmq.POLLIN)
        poller.register(self._news, zmq.POLLIN)
        while True:
            if time.monotonic() - self._looked >= LOOK_S:
                self._looked = time.monotonic()
                self._look_at_machines()
            ready = dict(poller.poll(int(LOOK_S * 500)))
            if self._news in ready:
                number, kind, *parts = self._news.recv_multipart()
                self._on_news(int(number), kind.decode(), parts)
            if self._daemon in ready and not self._on_daemon(decode(self._daemon.recv_multipart(), NO_LIMITS)):
                return

    def _on_daemon(self, message: Message) -> bool:
        """Do what the daemon says; False when that is to end."""
        if message.kind == "stop":
            return False
        number = int(message.fields["worker"])
        actor = self._actors.get(number)
        if actor is None:
            return True
        if message.kind == "kill":
            del self._actors[number]
            ray.kill(actor.handle)
            self._looked = float("-inf")
        elif message.kind == "ask":
            self._ask(number, actor)
        elif message.kind == "run":
            fields = dict(message.fields)
            actor.output = fields["output"]
            frames = [bytes(frame) for frame in read_frames(Path(fields["input"]), fields["sizes"])]
            self._post(actor, run_message(fields, frames))
        else:
            fields = {name: value for name, value in message.fields.items() if name != "worker"}
            self._post(actor, encode(message.kind, fields))
        return True

    def _post(self, actor: Actor, parts: Sequence[Any]) -> None:
        # Ray puts an argument of more than 100 kB into its object store by itself.
        actor.handle.post.options(concurrency_group="post").remote(list(parts))

    def _on_news(self, number: int, kind: str, parts: list[bytes]) -> None:
        """Pass on what an actor said. `kind` is `message`, or the kind of a message about the actor."""
        actor = self._actors.get(number)
        if actor is None:
            return
        if kind != "message":
            self._tell(kind, number, json.loads(parts[0]))
            actor.ready = actor.ready or kind == "worker"
            if kind == "gone":
                del self._actors[number]
                self._looked = float("-inf")
                if not actor.ready:
                    self._refused[actor.node] = time.monotonic()
            return
        message = decode(parts, LIMITS)
        fields, frames = message.fields, message.frames
        if message.kind == "finished":
            try:
                save_layers(Path(actor.output), frames)
                frames = ()
            except AcetateError as error:
                about = {name: fields[name] for name in ("id", "attempt")}
                self._tell("failed", number, {**about, **error.fields()})
                return
        self._tell(message.kind, number, fields, frames)

    def _tell(self, kind: str, number: int, fields: Mapping[str, Any], frames: Sequence[Any] = ()) -> None:
        self._daemon.send_multipart(encode(kind, {**fields, "worker": number}, frames))

    def _look_at_machines(self) -> None:
        """Start the actors that there is room for."""
        now = time.monotonic()
        waiting = False
        for node in ray.nodes():
            id, resources = node["NodeID"], node["Resources"]
            room = int(resources.get(WORKERS, 0)) if node["Alive"] else 0
            there = sum(actor.node == id for actor in self._actors.values())
            if there < room and now - self._refused.get(id, float("-inf")) < AFTER_FAILURE_S:
                continue
            for _ in range(there, room):
                self._start(id, resources.get("GPU", 0) / room)
        for number, actor in self._actors.items():
            waiting = waiting or not actor.ready
            if actor.ready and now - actor.asked >= MODELS_S:
                self._ask(number, actor)
        self._daemon.send_multipart(encode("farm", {"complete": bool(self._actors) and not waiting}))

    def _start(self, node: str, cards: float) -> None:
        self._number += 1
        options: dict[str, Any] = {"num_cpus": 0, "max_restarts": 0, "resources": {WORKERS: 1}}
        if cards:
            options["num_gpus"] = min(cards, 1)
        made = ray.remote(concurrency_groups={"post": 1, "alive": 1})(FarmWorker).options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False), **options
        )
        actor = Actor(made.remote(self._engine, self._version), node)
        self._actors[self._number] = actor
        threading.Thread(target=self._listen, args=(self._number, actor.handle), daemon=True).start()

    def _listen(self, number: int, handle: Any) -> None:
        """In a thread of its own: pass on what one actor says, until it is no more."""
        news = self._context.socket(zmq.PUSH)
        news.connect("inproc://news")

        def pass_on(kind: str, *parts: Any) -> None:
            news.send_multipart([str(number).encode(), kind.encode(), *parts])

        reason = "it ended"
        try:
            pass_on("worker", json.dumps(ray.get(handle.about.remote())).encode())
            for reference in handle.messages.options(num_returns="streaming").remote():
                pass_on("message", *ray.get(reference))
        except ray.exceptions.RayError as error:
            reason = _reason(error)
        pass_on("gone", json.dumps({"reason": reason}).encode())
        news.close()

    def _ask(self, number: int, actor: Actor) -> None:
        actor.asked = time.monotonic()
        threading.Thread(target=self._listen_once, args=(number, actor.handle), daemon=True).start()

    def _listen_once(self, number: int, handle: Any) -> None:
        """In a thread of its own: pass on one answer, if it comes."""
        try:
            available = ray.get(handle.available.options(concurrency_group="alive").remote())
        except ray.exceptions.RayError:
            return
        news = self._context.socket(zmq.PUSH)
        news.connect("inproc://news")
        news.send_multipart([str(number).encode(), b"alive", json.dumps({"available": available}).encode()])
        news.close()


def _reason(error: Exception) -> str:
    """Why an actor is no more, in a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if isinstance(error, ray.exceptions.RayTaskError) else lines[0])[:300] if lines else "it is gone"
