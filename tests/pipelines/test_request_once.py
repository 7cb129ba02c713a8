"""A request is decoded once in each process that needs it, and its defaults are resolved once for its whole life."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from acetate.daemon.auth import owner_of
from acetate.daemon.job_store import JobStore
from acetate.models.families import STARTER
from acetate_wire import client as clients
from acetate_wire.events import Connected, Done, Progress
from acetate_wire.request import LayerRequest, Rect
from acetate_wire.request_codec import encode_request

from tests.daemon.harness import Daemon, until

COUNTED = (
    "acetate_wire.request_codec:decode_request",
    "acetate_wire.request_codec:encode_request",
    "acetate_wire.request_codec:check_message",
    "acetate.pipelines.validation:resolve_request",
)
OPEN = ("steps", "guidance", "sampler", "passes")
"""What a request may leave to the model."""
RECEIVED = Counter(
    {
        "acetate.daemon decode_request": 1,
        "acetate.daemon check_message": 1,
        "acetate.daemon resolve_request": 1,
        "acetate.daemon encode_request": 1,
    }
)
"""What a daemon does with a new job."""
WORKED = Counter({"acetate.worker.worker decode_request": 1})
"""What a worker does with it."""


def asked(**fields: Any) -> LayerRequest:
    return LayerRequest("text", (64, 64), Rect(0, 0, 64, 64), "a red apple", seed=5, **fields)


@pytest.fixture
def daemon(models_folder: Path) -> Iterator[Daemon]:
    """A daemon with the tiny models, not started; it and its workers count calls into `calls`."""
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        daemon = Daemon(Path(folder), engine="tests.pipelines.watched_engine:Watched")
        counting = str(Path(__file__).parent / "counting")
        daemon.environment["ACETATE_MODELS_DIR"] = str(models_folder)
        daemon.environment["PYTHONPATH"] = os.pathsep.join((counting, daemon.environment["PYTHONPATH"]))
        daemon.environment["ACETATE_COUNTED"] = ",".join((f"{folder}/calls", *COUNTED))
        yield daemon
        daemon.close()


def calls(daemon: Daemon) -> Counter[str]:
    """How often each process called each counted function, as `module name`."""
    return Counter((daemon.home / "calls").read_text().splitlines())


def journaled(daemon: Daemon, job: str) -> dict[str, Any]:
    """The request that the journal holds for a job."""
    journal = JobStore(daemon.state / "journal.sqlite")
    record = journal.get(job)
    journal.close()
    assert record is not None
    return record.request


@pytest.mark.slow
def test_a_request_is_decoded_once_on_each_side_and_once_after_a_restart(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[LayerRequest] = []

    def encode(request: LayerRequest) -> dict[str, Any]:
        sent.append(request)
        return encode_request(request)

    monkeypatch.setattr(clients, "encode_request", encode)
    editor = daemon.start().editor()
    editor.wait(Connected)
    job = editor.client.submit(asked(steps=100))
    until(lambda: any(isinstance(event, Progress) and event.stage == "drawing" for event in editor.pump()), "a step")
    assert calls(daemon) == RECEIVED + WORKED
    assert set(OPEN) <= set(journaled(daemon, job))
    daemon.restart()
    done = editor.wait(Done, job, patience=120)
    assert calls(daemon) == RECEIVED + WORKED + WORKED
    assert sent == [asked(steps=100)]
    assert done.settings["layers"][0]["steps"] == 100
    editor.client.close()


def test_a_request_that_an_earlier_version_journaled_is_resolved_when_it_runs(daemon: Daemon) -> None:
    job, old = str(uuid.uuid4()), encode_request(asked())
    assert not set(OPEN) & set(old)
    daemon.state.mkdir()
    journal = JobStore(daemon.state / "journal.sqlite")
    with journal._writing():
        journal._db.execute(
            "INSERT INTO job (id, owner, state, submitted, request) VALUES (?, ?, 'waiting', 1.0, ?)",
            (job, owner_of(daemon.client_key("test")), msgpack.packb({"request": old, "sizes": []})),
        )
    journal.close()
    daemon.start()
    with daemon.session() as session:
        made = session.attach(job)
    settings = made.settings["layers"][0]
    assert {name: settings[name] for name in OPEN} == {name: getattr(STARTER, name) for name in OPEN}
    assert settings["seed"] == 5
    assert calls(daemon) == Counter({name: 1 for name in RECEIVED if "check_message" not in name} | WORKED)
