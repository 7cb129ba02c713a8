"""What the journal and the spool keep: attempts, ages, and layers that are checked before they are handed out."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgpack
import pytest
from acetate.daemon import job_store as journals
from acetate.daemon.job_store import JobStore
from acetate_wire.connection import client_key
from acetate_wire.errors import AcetateError
from acetate_wire.events import Connected, Done, Failed, Progress
from acetate_wire.request_codec import encode_request

from tests.daemon.harness import Daemon, Editor, a_request, until
from tests.daemon.test_presence import acetate

DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda data: None,
    "cut": lambda data: data[:-1],
    "grown": lambda data: data + b"x",
    "changed": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "empty": lambda data: b"",
}


def hurt(path: Path, damage: str) -> None:
    """Damage finished layers, as a new file: the daemon may still be sending the old one."""
    changed = DAMAGE[damage](path.read_bytes())
    path.unlink()
    if changed is not None:
        path.write_bytes(changed)


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_layers_are_told_and_drawn_again(daemon: Daemon, damage: str) -> None:
    with daemon.session() as session:
        job = session.submit(a_request(seed=77))
        first = session.wait(job)
        hurt(daemon.state / "spool" / f"{job}.out", damage)
        with pytest.raises(AcetateError) as told:
            session.attach(job)
        assert told.value.code == "damaged"
        assert "77" in told.value.hint
    editor = daemon.editor()
    editor.wait(Connected)
    job = _finished(editor, 78)
    hurt(daemon.state / "spool" / f"{job}.out", damage)
    editor = editor.restarted()
    editor.wait(Connected)
    editor.client.attach([job])
    assert editor.wait(Failed, job).code == "damaged"
    editor = editor.restarted()
    editor.wait(Connected)
    editor.client.retry(job)
    again = editor.wait(Done, job)
    assert again.seed == 78
    assert bytes(again.layers[0].picture.pixels)[:3] != bytes(first.layers[0].picture.pixels)[:3]
    editor.client.close()
    assert daemon.alive


def _finished(editor: Editor, seed: int) -> str:
    job = editor.client.submit(a_request(seed=seed))
    editor.wait(Done, job)
    return job


def test_a_job_that_ends_the_daemon_twice_fails_and_runs_again_when_asked(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    editor = Editor(daemon, "editor")
    editor.wait(Connected)
    job = editor.client.submit(a_request("steps=60 pause=0.05", seed=3))
    for _ in range(2):
        editor.events.clear()
        editor.wait(Progress, job)
        daemon.restart()
    assert editor.wait(Failed, job).code == "worker_lost"
    editor.client.retry(job)
    assert editor.wait(Done, job).seed == 3
    editor.client.close()


def test_a_daemon_that_ends_in_order_counts_no_attempt(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    editor = Editor(daemon, "editor")
    editor.wait(Connected)
    job = editor.client.submit(a_request("steps=60 pause=0.05", seed=3))
    for _ in range(3):
        editor.events.clear()
        editor.wait(Progress, job)
        daemon.close()
        daemon.start()
    assert editor.wait(Done, job).seed == 3
    editor.client.close()


def kept(folder: Path) -> JobStore:
    """A journal with one finished job."""
    journal = JobStore(folder / "journal.sqlite")
    journal.add("a", "owner", encode_request(a_request()), [], time.time())
    journal.end("a", "done", {"seed": 1}, 10, time.time())
    return journal


@pytest.mark.parametrize("days", [8, -3650])
def test_a_jump_of_the_clock_makes_nothing_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    journal = kept(tmp_path)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + days * 86400)
    assert journal.expire(7 * 86400, 1 << 30) == ([], False)
    journal.forget("a")
    journal.expire(7 * 86400, 1 << 30)
    assert journal.forgotten_owner("a") == "owner"


def test_layers_age_while_a_daemon_runs_over_all_of_its_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    journal = kept(tmp_path)
    for _ in range(3):
        clock += 3 * 86400
        journal.close()
        clock += 100 * 86400  # nobody served it
        journal = JobStore(tmp_path / "journal.sqlite")
    assert journal.now == pytest.approx(9 * 86400)
    assert journal.expire(10 * 86400, 1 << 30) == ([], False)
    assert journal.expire(7 * 86400, 1 << 30) == (["a"], False)


def test_a_journal_of_every_earlier_schema_is_read(tmp_path: Path) -> None:
    for schema in range(1, len(journals.MIGRATIONS) + 1):
        path = tmp_path / f"{schema}.sqlite"
        with sqlite3.connect(path) as old:
            for migration in journals.MIGRATIONS[:schema]:
                old.executescript(migration)
            old.execute(f"PRAGMA user_version={schema}")
            blob = msgpack.packb({"request": encode_request(a_request("a kite")), "sizes": []})
            columns = "id, owner, state, submitted, ended, request, outcome"
            insert = f"INSERT INTO job ({columns}) VALUES (?, 'me', ?, 1.0, ?, ?, ?)"
            old.execute(insert, ("w", "waiting", None, blob, None))
            old.execute(insert, ("d", "done", 2.0, blob, msgpack.packb({"seed": 5})))
        journal = JobStore(path)
        assert [(job.id, job.state, job.request["prompt"]) for job in journal.by_owner("me")] == [
            ("w", "waiting", "a kite"),
            ("d", "done", "a kite"),
        ]
        assert [job.id for job in journal.requeue_unfinished()] == ["w"]
        assert journal.expire(7 * 86400, 1 << 30) == ([], False)
        assert journal.counts() == {"waiting": 1, "done": 1}
        journal.close()


def test_a_journal_of_a_newer_version_is_named(tmp_path: Path) -> None:
    kept(tmp_path).close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as newer:
        newer.execute("PRAGMA user_version=99")
    with pytest.raises(AcetateError, match="newer acetate"):
        JobStore(tmp_path / "journal.sqlite")


def test_one_turn_that_fails_does_not_end_the_daemon(daemon: Daemon) -> None:
    with daemon.session() as session:
        job = session.submit(a_request("steps=40 pause=0.05", seed=2))
        until(lambda: session.jobs().jobs[0]["state"] == "running", "the job to run")
        with sqlite3.connect(daemon.state / "journal.sqlite") as journal:
            journal.execute("CREATE TRIGGER refuse BEFORE UPDATE ON job BEGIN SELECT RAISE(ABORT, 'refused'); END")
        log = daemon.state / "daemon.log"
        until(lambda: "a turn of the daemon failed" in log.read_text(encoding="utf-8"), "the turn that fails")
        assert daemon.alive
        with pytest.raises(AcetateError):
            session.cancel(job, timeout=3)
        with sqlite3.connect(daemon.state / "journal.sqlite") as journal:
            journal.execute("DROP TRIGGER refuse")
        other = session.run(a_request(seed=12))
    assert other.seed == 12


def test_the_command_line_runs_a_lost_job_again(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    with daemon.session("cli", key=client_key("cli", daemon.home / "config" / "clients")) as session:
        with pytest.raises(AcetateError, match="ended twice"):
            session.run(a_request("die"))
        (job,) = session.jobs().jobs
    asked = acetate(daemon, "jobs", "retry", job["id"][:8])
    assert "It runs again" in asked.stdout, asked.stderr
    refused = acetate(daemon, "jobs", "again", "x")
    assert refused.returncode == 2
    assert "acetate jobs retry ID" in refused.stderr
