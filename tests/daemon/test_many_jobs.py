"""A journal of many jobs: a turn of the daemon takes no more work than with a short one, and nothing is left out."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from acetate.daemon.auth import owner_of
from acetate.daemon.job_manager import LISTED_AT_ONCE
from acetate.daemon.job_store import EXPIRED_AT_ONCE, JobStore
from acetate_wire.request_codec import encode_request

from tests.daemon.harness import Daemon, Raw, a_request

WEEK_S = 7 * 86400


def fill(state: Path, owner: str, count: int, machine: str = "") -> list[str]:
    """A journal of so many finished jobs of 10 bytes each; their ids, oldest first."""
    state.mkdir(mode=0o700, exist_ok=True)
    store, ids = JobStore(state / "journal.sqlite"), [str(uuid.uuid4()) for _ in range(count)]
    store._db.execute("PRAGMA synchronous=OFF")
    for number, id in enumerate(ids):
        store.add(id, owner, encode_request(a_request("a kite", seed=number)), [], float(number), machine)
        store.end(id, "done", {"seed": number, "sizes": []}, 10, float(number))
    store.close()
    return ids


def instructions(store: JobStore, call: Callable[[], Any]) -> int:
    """How many instructions of SQLite's virtual machine a call takes, in hundreds."""
    count = 0

    def one() -> int:
        nonlocal count
        count += 1
        return 0

    store._db.set_progress_handler(one, 100)
    call()
    store._db.set_progress_handler(None, 0)
    return count


def aged(state: Path) -> JobStore:
    """The journal, eight days on."""
    store = JobStore(state / "journal.sqlite")
    store._opened -= 8 * 86400
    return store


def recounted(store: JobStore) -> dict[str, int]:
    return dict(store._db.execute("SELECT state, count(*) FROM job GROUP BY state").fetchall())


def test_a_client_gets_all_of_its_jobs_in_pages(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon()
    ids = fill(daemon.state, owner_of(daemon.client_key("test")), 2 * LISTED_AT_ONCE + 30)
    daemon.start()
    raw = Raw(daemon, "test")
    raw.send("jobs")
    newest = raw.answer()
    assert [job["id"] for job in newest["jobs"]] == ids[-LISTED_AT_ONCE:]
    raw.send("jobs", before=newest["before"])
    assert [job["id"] for job in raw.answer()["jobs"]] == ids[30 : 30 + LISTED_AT_ONCE]
    raw.send("jobs", before="the first")
    refused = raw.answer()
    assert (refused["code"], refused["field"]) == ("bad_request", "before")
    raw.close()
    with daemon.session() as session:
        listing = session.jobs()
    assert [job["id"] for job in listing.jobs] == ids
    assert listing.before is None and listing.keep_days == 7


@pytest.mark.parametrize("by", ["age", "bytes"])
def test_what_is_too_old_or_too_much_goes_in_turns_oldest_first(tmp_path: Path, by: str) -> None:
    count, keep_bytes = 2 * EXPIRED_AT_ONCE + 7, 1 << 30 if by == "age" else 70
    ids = fill(tmp_path, "me", count)
    store = aged(tmp_path) if by == "age" else JobStore(tmp_path / "journal.sqlite")
    gone: list[str] = []
    more = True
    while more:
        expired, more = store.expire(WEEK_S, keep_bytes)
        assert len(expired) <= EXPIRED_AT_ONCE
        gone += expired
    kept = 0 if by == "age" else 7
    assert gone == ids[: count - kept]
    assert store.counts() == recounted(store) == {"expired": count - kept} | ({"done": kept} if kept else {})
    store.close()


def test_the_totals_follow_every_change_of_a_job(tmp_path: Path) -> None:
    first, second, third = fill(tmp_path, "me", 3)
    store = JobStore(tmp_path / "journal.sqlite")
    store.retry(first)
    store.start(first, 1)
    store.forget(second)
    store.add(second, "you", encode_request(a_request()), [], 0.0, "a machine")
    assert store.counts() == recounted(store) == {"running": 1, "done": 1, "waiting": 1}
    found = dict(store._db.execute("SELECT state, sum(bytes) FROM total GROUP BY state").fetchall())
    assert found == {"running": 0, "done": 10, "waiting": 0}
    assert store.expire(WEEK_S, 5)[0] == [third]
    store.close()


def test_a_call_into_a_long_journal_takes_no_more_work_than_into_a_short_one(tmp_path: Path) -> None:
    work = {}
    for count in (200, 1500):
        fill(tmp_path / str(count), "me", count)
        store = aged(tmp_path / str(count))
        work[count] = {
            "jobs": instructions(store, partial(store.by_owner, "me", LISTED_AT_ONCE)),
            "status": instructions(store, store.counts),
            "expire": instructions(store, partial(store.expire, WEEK_S, 1000)),
        }
        store.close()
    for call, short in work[200].items():
        assert work[1500][call] <= short + 3, call
