"""A client written from docs/protocol.md alone: it uses zmq, msgpack and json, and nothing of Acetate's."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

from tests.daemon.harness import Daemon

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"


class PageClient:
    """What the page says, and no more."""

    def __init__(self, file: Path, client: str) -> None:
        self.found = json.loads(file.read_text())
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.set(zmq.LINGER, 0)
        self.socket.connect(self.found["endpoint"])
        access = self.found["access"]
        self.send("hello", name="page", version="1", editor="none", client=client, access=access)
        self.welcome, _ = self.receive("welcome")

    def send(self, kind: str, *frames: bytes, **fields: Any) -> None:
        """One message."""
        self.socket.send_multipart([msgpack.packb({"v": 1, "kind": kind, **fields}), *frames])

    def submit(self, *frames: bytes, **fields: Any) -> str:
        """Submit a job with the four fields that must be there, and others."""
        id = str(uuid.uuid4())
        must = {"mode": "text", "canvas": [100, 80], "target": [10, 20, 4, 2], "prompt": "a kite"}
        self.send("submit", *frames, id=id, request={**must, **fields})
        return id

    def receive(self, *kinds: str) -> tuple[dict[str, Any], list[bytes]]:
        """The next message of one of these kinds; pings are answered, others passed over."""
        for _ in range(1000):
            assert self.socket.poll(20000), f"no {kinds} came"
            header, *frames = self.socket.recv_multipart()
            message = msgpack.unpackb(header)
            if message["kind"] == "ping":
                self.send("pong")
            if message["kind"] in kinds:
                return message, frames
        raise AssertionError(f"no {kinds} among a thousand messages")

    def close(self) -> None:
        """Leave."""
        self.socket.close()
        self.context.term()


@pytest.fixture
def client(daemon: Daemon) -> Iterator[PageClient]:
    """A connected client with a new key."""
    made = PageClient(daemon.runtime / "connection.json", uuid.uuid4().hex * 2)
    yield made
    made.close()


def test_welcome_tells_limits_models_and_device(client: PageClient) -> None:
    limits, model = client.welcome["limits"], client.welcome["models"][0]
    assert limits["side"] == 16384 and limits["message_bytes"] == 256 << 20
    assert (limits["job_bytes"], limits["part_bytes"]) == (1152 << 20, 16 << 20)
    assert (limits["waiting_jobs"], limits["pictures"]) == (64, 10)
    told = {"name", "family", "modes", "native_size", "missing", "controls", "samplers", "loras"}
    assert set(model) == told | {"clip_layers", "max_aspect", "vocabulary", "method", "kinds"}
    assert client.welcome["device"] == "cpu"


def test_a_layer_from_hello_to_forgotten(client: PageClient) -> None:
    id = client.submit(seed=5)
    accepted, _ = client.receive("accepted")
    assert accepted == {"v": 1, "kind": "accepted", "id": id, "position": 0}
    progress, _ = client.receive("progress")
    assert {"id", "stage", "step", "steps", "seconds_left"} <= set(progress) or progress["stage"] == "loading"
    done, frames = client.receive("done")
    layer = done["layers"][0]
    assert (layer["x"], layer["y"], done["seed"]) == (10, 20, 5)
    assert layer["picture"]["format"] == "rgba8" and len(frames[layer["picture"]["frame"]]) == 4 * 2 * 4
    assert "seconds" in done["settings"]
    client.send("attach", ids=[id])
    assert client.receive("done") == (done, frames)
    client.send("jobs")
    jobs, _ = client.receive("jobs")
    [entry] = jobs["jobs"]
    assert set(entry) == set(re.findall(r"`(\w+)`", entry_line())) - STATES
    assert (entry["id"], entry["state"], entry["bytes"]) == (id, "done", 32)
    client.send("acknowledge", id=id)
    assert client.receive("forgotten")[0]["reason"] == "acknowledged"


STATES = {"jobs", "waiting", "running", "done", "failed", "cancelled", "expired"}


def entry_line() -> str:
    """The page's sentence on a job in `jobs`."""
    return PAGE.read_text().split("- A job in `jobs`:")[1].split("\n\n")[0].split("\n##")[0]


def test_a_picture_goes_out_and_its_preview_comes(client: PageClient) -> None:
    picture = {"frame": 0, "width": 4, "height": 2, "format": "bgra8", "rows": "bottom-up"}
    data = bytes(range(32))
    fields = {"mode": "refine", "inputs": {"layer": picture}, "prompt": "echo", "preview": True}
    client.submit(data, reply_format="bgra8", reply_rows="bottom-up", **fields)
    while "preview" not in (progress := client.receive("progress"))[0]:
        pass
    assert len(progress[1][0]) == progress[0]["preview"]["width"] * progress[0]["preview"]["height"] * 4
    done, frames = client.receive("done")
    assert frames[done["layers"][0]["picture"]["frame"]] == data


def test_cancel_and_a_refusal_and_a_failure(client: PageClient) -> None:
    id = client.submit(prompt="steps=100 pause=0.05")
    client.receive("accepted")
    client.send("cancel", id=id)
    assert client.receive("cancelled", "done")[0] == {"v": 1, "kind": "cancelled", "id": id}
    client.submit(steps=0)
    refused, _ = client.receive("rejected")
    assert (refused["code"], refused["field"]) == ("bad_request", "steps")
    client.submit(prompt="fail")
    failed, _ = client.receive("failed")
    assert set(failed) == {"v", "kind", "id", "code", "field", "message", "hint", "retry"}


@pytest.mark.slow
@pytest.mark.parametrize("prompt", ["a red apple", "steps=1 hang=11"], ids=["at once", "after 11 silent seconds"])
def test_the_pages_example_works_as_printed(daemon: Daemon, tmp_path: Path, prompt: str) -> None:
    printed = PAGE.read_text().split("## Example")[1]
    program = "\n".join(line[4:] for line in printed.splitlines() if line.startswith("    ") or not line)
    assert '"prompt": "a red apple"' in program
    environment = {**daemon.environment, "ACETATE_CONNECTION": str(daemon.runtime / "connection.json")}
    ran = subprocess.run(
        [sys.executable, "-c", program.replace("a red apple", prompt)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-1] == "layer 512 512 at 100 100"
    assert (tmp_path / "layer.rgba").stat().st_size == 512 * 512 * 4


def test_status_and_ping(client: PageClient, daemon: Daemon) -> None:
    client.send("ping")
    client.receive("pong")
    client.send("status")
    status, _ = client.receive("status")
    row = next(line for line in PAGE.read_text().splitlines() if line.startswith("| `status` | `version`"))
    assert set(status) - {"v", "kind"} == set(re.findall(r"`(\w+)`", row)) - {"status"}
    assert status["pid"] == daemon.pid == client.found["pid"]


def test_the_page_names_every_field_kind_role_mode_format_and_code() -> None:
    from dataclasses import fields

    from acetate_wire import modes, request
    from acetate_wire.connection import Connection
    from acetate_wire.errors import CODES
    from acetate_wire.limits import Limits

    page = PAGE.read_text()
    words = {*modes.MODES, *request.ROLES, *request.FORMATS, *request.ROWS, *request.SPACES, *CODES}
    for kind in (request.LayerRequest, request.PictureSpec, Limits, Connection):
        words |= {field.name for field in fields(kind)}
    assert [word for word in sorted(words) if f"`{word}`" not in page] == []
