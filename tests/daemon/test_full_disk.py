"""A full disk: refusals in words, nothing lost, nothing corrupt, and everything goes on when there is room."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acetate_wire.errors import AcetateError
from acetate_wire.events import Cancelled, Connected, Done, Failed, Forgotten, Progress, Rejected
from acetate_wire.request import PictureSpec

from tests.daemon.harness import Editor, a_request, until
from tests.daemon.small_disk import SmallDisk

MEGABYTE: dict[str, Any] = {"width": 512, "height": 512}


@pytest.fixture
def daemon(home: Path) -> Iterator[SmallDisk]:
    """A daemon with 4 MiB, of which it keeps half a megabyte free."""
    made = SmallDisk(home, reserve_bytes=1 << 19)
    made.start()
    yield made
    made.close()


def check_journal(daemon: SmallDisk) -> None:
    """SQLite finds nothing wrong with the journal."""
    with contextlib.closing(sqlite3.connect(daemon.disk / "journal.sqlite")) as journal:
        assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_job_that_does_not_fit_is_refused_in_words(daemon: SmallDisk) -> None:
    kept = []
    with daemon.session() as session:
        with pytest.raises(AcetateError) as caught:
            for seed in range(10):
                kept.append(session.submit(a_request(seed=seed, **MEGABYTE)))
                session.wait(kept[-1])
        refusal = caught.value
        assert refusal.code == "busy" and "is full" in refusal.message and "bytes are needed" in refusal.message
        assert "free some space" in refusal.hint
        assert len(kept) >= 2
        for seed, job in enumerate(kept):
            layer = session.attach(job).layers[0]
            assert bytes(layer.picture.pixels[:4]) == bytes([seed, 0, 77, 255])
        for job in kept:
            session.acknowledge(job)
        session.run(a_request(**MEGABYTE))
    check_journal(daemon)


def test_pictures_that_do_not_fit_are_refused_and_leave_nothing(daemon: SmallDisk) -> None:
    picture = PictureSpec(0, 1024, 1024)
    with daemon.session() as session, pytest.raises(AcetateError, match="is full"):
        session.submit(a_request(mode="refine", inputs={"layer": picture}), [bytes(4 << 20)])
    assert not list((daemon.disk / "spool").iterdir())


def test_a_disk_that_fills_up_meanwhile_costs_no_job(daemon: SmallDisk) -> None:
    editor = daemon.editor()
    editor.wait(Connected)
    running = editor.client.submit(a_request("steps=30 pause=0.05", seed=6))
    waiting = editor.client.submit(a_request(seed=7))
    editor.wait(Progress, running)
    filler = daemon.fill()
    refused = editor.client.submit(a_request())
    assert editor.wait(Rejected, refused).code == "busy"
    ends = (Done, Failed, Cancelled)
    full = [event for event in (end_of(editor, job, 3) for job in (running, waiting)) if event is not None]
    assert all(isinstance(event, Failed) and event.code == "busy" and event.retry for event in full)
    filler.unlink()
    for job in (running, waiting):
        editor.wait(ends, job)
        assert sum(editor.count(end, job) for end in ends) == 1
    again = editor.client.submit(a_request(seed=8))
    assert editor.wait(Done, again).seed == 8
    assert daemon.alive
    check_journal(daemon)
    editor.client.close()


def end_of(editor: Editor, job: str, patience: float) -> Any:
    """The end of a job if it comes in time."""
    try:
        return editor.wait((Done, Failed, Cancelled), job, patience)
    except AssertionError:
        return None


def test_acknowledging_makes_room_on_a_full_disk(daemon: SmallDisk) -> None:
    with daemon.session() as session:
        jobs = [session.submit(a_request(**MEGABYTE)) for _ in range(2)]
        for job in jobs:
            session.wait(job)
        daemon.fill()
        for job in jobs:
            session.acknowledge(job)
        until(lambda: not list((daemon.disk / "spool").iterdir()), "the room")
        session.client.attach(jobs[:1])
        answer = session._receive_until(lambda event: isinstance(event, Forgotten) and event.id == jobs[0], 10)
        assert isinstance(answer, Forgotten)
        session.run(a_request(**MEGABYTE))
    check_journal(daemon)
