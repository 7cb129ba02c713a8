"""A damaged journal costs only what is damaged: other jobs run, and `acetate doctor --journal` saves the rest."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path

import msgpack
import pytest
from acetate.cli.bug_report import _requests
from acetate.daemon.auth import owner_of
from acetate.daemon.job_store import MIGRATIONS, JobStore
from acetate_wire.connection import client_key
from acetate_wire.errors import AcetateError
from acetate_wire.request_codec import encode_request

from tests.daemon.harness import Daemon, a_request, until
from tests.daemon.test_presence import acetate
from tests.daemon.test_start_failures import refusal

REFUSED = msgpack.packb({"request": {"mode": "text", "prompt": "", "sampler": 5}, "sizes": [], "resolved": True})
DAMAGE: dict[str, tuple[str, object]] = {
    "request is no msgpack": ("request", b"\xc1" * 40),
    "request is cut": ("request", msgpack.packb({"request": encode_request(a_request())})[:30]),
    "request is a number": ("request", 7),
    "request has no sizes": ("request", msgpack.packb({"request": encode_request(a_request())})),
    "prompt is a number": ("request", msgpack.packb({"request": {"mode": "text", "prompt": 5}, "sizes": []})),
    "request is refused": ("request", REFUSED),
    "state is unknown": ("state", "wait\ufffdng"),
    "state is no UTF-8": ("state", b"wait\xffng"),
    "submitted is a word": ("submitted", "yesterday"),
    "deaths is a blob": ("deaths", b"\xff"),
}


def fill(state: Path, owner: str, count: int, prompt: str = "a kite") -> list[str]:
    """A journal of so many waiting jobs, each with the seed of its place."""
    state.mkdir(mode=0o700, exist_ok=True)
    store, ids = JobStore(state / "journal.sqlite"), [str(uuid.uuid4()) for _ in range(count)]
    for seed, id in enumerate(ids):
        store.add(id, owner, encode_request(a_request(prompt, seed=seed)), [], 1.0)
    store.close()
    return ids


def change(state: Path, id: str, column: str, value: object) -> None:
    """Overwrite a value of a job's row."""
    text = isinstance(value, bytes) and column == "state"
    with contextlib.closing(sqlite3.connect(state / "journal.sqlite")) as journal, journal:
        journal.execute(f"UPDATE job SET {column} = {'CAST(? AS TEXT)' if text else '?'} WHERE id = ?", (value, id))


def overwrite(path: Path, start: float, length: int) -> None:
    """Overwrite bytes of a file from a part of its length on."""
    with path.open("r+b") as file:
        file.seek(int(path.stat().st_size * start) // 4096 * 4096)
        file.write(b"\x5a" * length)


@pytest.mark.parametrize("damage", DAMAGE)
def test_one_damaged_row_fails_in_words_and_the_others_run(make_daemon: Callable[..., Daemon], damage: str) -> None:
    daemon = make_daemon()
    first, bad, last = fill(daemon.state, owner_of(daemon.client_key("test")), 3)
    column, value = DAMAGE[damage]
    change(daemon.state, bad, column, value)
    daemon.start()
    with daemon.session() as session:
        assert {job["id"] for job in session.jobs().jobs} == {first, bad, last}
        assert [session.attach(id).seed for id in (first, last)] == [0, 2]
        if column in ("submitted", "deaths"):
            assert session.attach(bad).seed == 1
        else:
            with pytest.raises(AcetateError) as caught:
                session.attach(bad)
            assert len(caught.value.message) > 10
            if damage != "request is refused":
                assert caught.value.code in ("internal", "damaged")
                assert "entry in the journal is damaged" in caught.value.message
    if damage != "request is refused":
        log = (daemon.state / "daemon.log").read_text(encoding="utf-8")
        assert log.count(f"entry of job {bad} is damaged") == 1
        with contextlib.closing(sqlite3.connect(daemon.state / "journal.sqlite")) as journal:
            journal.text_factory = bytes
            ((aside,),) = journal.execute(
                f"SELECT CAST({'request' if column == 'request' else 'id'} AS BLOB) FROM set_aside"
            )
        expected = str(value).encode() if isinstance(value, int) else value
        assert aside == (expected if column == "request" else bad.encode())


def test_a_done_job_whose_request_is_damaged_still_gives_its_layers(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    with daemon.session() as session:
        job = session.submit(a_request(seed=9))
        session._receive_until(lambda event: getattr(event, "id", "") == job and hasattr(event, "seed"), 30)
    daemon.kill()
    change(daemon.state, job, "request", b"\xc1")
    daemon.start()
    with daemon.session() as session:
        assert session.attach(job).seed == 9


def test_a_job_whose_row_is_damaged_while_it_runs_gives_its_layers(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    with daemon.session() as session:
        job = session.submit(a_request("steps=20 pause=0.05", seed=2))
        until(lambda: session.jobs().jobs[0]["state"] == "running", "the job to run")
        change(daemon.state, job, "request", b"\xc1")
        assert session.attach(job).seed == 2
        assert session.run(a_request(seed=12)).seed == 12


def test_a_job_whose_outcome_is_damaged_runs_again(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    with daemon.session() as session:
        with pytest.raises(AcetateError, match="ended twice"):
            session.run(a_request("die=once die", seed=6))
        (job,) = session.jobs().jobs
    daemon.kill()
    change(daemon.state, job["id"], "outcome", b"\xc1")
    change(daemon.state, job["id"], "request", _blob(seed=6))
    daemon.start()
    with daemon.session() as session:
        with pytest.raises(AcetateError, match="how this job ended cannot be read"):
            session.attach(job["id"])
        session.retry(job["id"])
        assert session.attach(job["id"]).seed == 6


def _blob(**more: int) -> bytes:
    return bytes(msgpack.packb({"request": encode_request(a_request(**more)), "sizes": [], "resolved": True}))  # type: ignore[arg-type]


def test_the_doctor_finds_a_sound_journal_and_what_is_missing(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon()
    assert "There is no journal" in acetate(daemon, "doctor", "--journal").stdout
    fill(daemon.state, "owner", 2)
    store = JobStore(daemon.state / "journal.sqlite")
    store.add("pictures", "owner", encode_request(a_request()), [8], 1.0)
    store.add("layers", "owner", encode_request(a_request()), [], 1.0)
    store.end("layers", "done", {"seed": 1, "sizes": [4]}, 4, 1.0)
    store.close()
    (daemon.state / "spool").mkdir()
    (daemon.state / "spool/stray.out").write_bytes(b"x")
    before = (daemon.state / "journal.sqlite").read_bytes()
    found = acetate(daemon, "doctor", "--journal", "--json", str(daemon.home / "found.json"))
    assert found.returncode == 0, found.stderr
    assert f"Journal {daemon.state}/journal.sqlite, schema {len(MIGRATIONS)}." in found.stdout
    assert "     3  waiting" in found.stdout and "     1  done" in found.stdout
    for line in ("job are missing: pictures", "job are missing: layers", "belongs to no job: stray.out", "is sound"):
        assert line in found.stdout
    figures = json.loads((daemon.home / "found.json").read_text(encoding="utf-8"))
    assert figures["journal"]["states"] == {"waiting": 3, "done": 1} and figures["backup"] is None
    assert (daemon.state / "journal.sqlite").read_bytes() == before


HARM: dict[str, Callable[[Path], None]] = {
    "a page in the middle": lambda path: overwrite(path, 0.5, 4096),
    "a cut file": lambda path: os.truncate(path, path.stat().st_size * 2 // 3 // 4096 * 4096),
    "noise": lambda path: overwrite(path, 0, 8192),
}


@pytest.mark.parametrize("harm", HARM)
def test_the_doctor_saves_what_can_be_read(make_daemon: Callable[..., Daemon], harm: str) -> None:
    daemon = make_daemon()
    key = client_key("cli", daemon.home / "config" / "clients")
    ids = fill(daemon.state, owner_of(key), 200, "steps=0 " + "x" * 400)
    (daemon.state / "spool").mkdir()
    lost_pixels = daemon.state / "spool" / f"{uuid.uuid4()}.out"
    lost_pixels.write_bytes(b"pixels")
    HARM[harm](daemon.state / "journal.sqlite")
    damaged = (daemon.state / "journal.sqlite").read_bytes()
    mended = acetate(daemon, "doctor", "--journal")
    assert mended.returncode == 1, mended.stderr
    assert "Damaged: " in mended.stdout
    (backup,) = daemon.state.glob("journal-2*")
    assert (backup / "journal.sqlite").read_bytes() == damaged
    assert (backup / lost_pixels.name).read_bytes() == b"pixels"
    store = JobStore(daemon.state / "journal.sqlite")
    saved = store.ids()
    store.close()
    assert set(saved) <= set(ids)
    assert len(saved) > (180 if harm == "a page in the middle" else 100) if harm != "noise" else saved == []
    assert f"A new journal has the {len(saved)} jobs" in mended.stdout
    sound = acetate(daemon, "doctor", "--journal")
    assert sound.returncode == 0 and "is sound" in sound.stdout
    daemon.start()
    with daemon.session("cli", key=key) as session:
        assert {job["id"] for job in session.jobs().jobs} == set(saved)
        for id in saved[-2:]:
            assert session.attach(id).seed == ids.index(id)


def test_the_doctor_mends_a_row_and_leaves_the_journal_of_a_running_daemon(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    with daemon.session() as session:
        running = session.submit(a_request("steps=100 pause=0.1"))
        waiting = session.submit(a_request())
        change(daemon.state, waiting, "request", b"\xc1")
        refused = acetate(daemon, "doctor", "--journal")
        assert refused.returncode != 0
        assert f"the daemon (process {daemon.pid}) uses the journal: end it with: acetate stop" in refused.stderr
        assert not list(daemon.state.glob("journal-2*"))
        session.cancel(running)
    daemon.kill()
    change(daemon.state, waiting, "request", b"\xc1")
    mended = acetate(daemon, "doctor", "--journal")
    assert mended.returncode == 1
    assert f"This job cannot be read: {waiting}" in mended.stdout
    assert "1 jobs that could be read" in mended.stdout
    assert acetate(daemon, "doctor", "--journal").returncode == 0


def test_a_daemon_names_the_doctor_when_it_cannot_start(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, folder in (("RUNTIME", "run"), ("STATE", "state"), ("CONFIG", "config")):
        monkeypatch.setenv(f"ACETATE_{name}_DIR", str(home / folder))
    fill(home / "state", "owner", 200, "x" * 400)
    overwrite(home / "state/journal.sqlite", 0, 8192)
    reason = refusal()
    assert "is damaged" in reason and "run acetate doctor --journal" in reason


def test_a_damaged_row_hides_no_prompt_from_the_bug_report(tmp_path: Path) -> None:
    first, bad, last = fill(tmp_path, "owner", 3, "a secret kite")
    change(tmp_path, bad, "request", b"\xc1")
    assert [found["prompt"] for found in _requests(tmp_path / "journal.sqlite")] == ["a secret kite"] * 2
    change(tmp_path, first, "request", b"\xc1")
    change(tmp_path, last, "request", 7)
    assert _requests(tmp_path / "journal.sqlite") == []
