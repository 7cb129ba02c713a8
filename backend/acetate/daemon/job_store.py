"""The journal: every job's state in SQLite, on disk before anybody is told.

A job is `waiting`, `running`, `done`, `failed`, `cancelled` or `expired`. Forgotten ids are remembered for
a while, so that a submission that was sent twice does not run twice.

Ages are counted on the journal's own clock: the seconds for which daemons have served it. The wall clock may jump;
it is only told to people.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
from acetate_wire.errors import AcetateError

from acetate.daemon.job_record import COLUMNS, RETAINED_STATES, JobRecord, decode_row, decode_text, mend_row

log = logging.getLogger("acetate.daemon")

JOURNAL = "journal.sqlite"
"""The file's name in the daemon's state folder."""
EXPIRED_AT_ONCE = 50
"""How many jobs expire in one call, which the daemon's other clients wait for."""
MIGRATIONS = (
    """
    CREATE TABLE job (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, state TEXT NOT
        NULL, submitted REAL NOT NULL, ended REAL, deaths INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL
        DEFAULT 0, request BLOB NOT NULL, outcome BLOB
    );
    CREATE INDEX job_owner ON job (owner, number);
    CREATE INDEX job_state ON job (state, ended);
    CREATE TABLE forgotten (id TEXT PRIMARY KEY, owner TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
    """,
    """
    ALTER TABLE job ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
    UPDATE job SET attempts = deaths;
    ALTER TABLE job ADD COLUMN ended_at REAL;
    UPDATE job SET ended_at = 0 WHERE ended IS NOT NULL;
    UPDATE forgotten SET at = 0;
    DROP INDEX job_state;
    CREATE INDEX job_state ON job (state, ended_at);
    CREATE TABLE clock (served REAL NOT NULL);
    INSERT INTO clock VALUES (0);
    """,
    """
    CREATE TABLE set_aside (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id, owner, state, request BLOB, outcome BLOB, at REAL NOT NULL
    );
    """,
    """
    ALTER TABLE job ADD COLUMN machine TEXT NOT NULL DEFAULT '';
    ALTER TABLE job ADD COLUMN input_size INTEGER NOT NULL DEFAULT 0;
    """,
    """
    ALTER TABLE job ADD COLUMN runs INTEGER NOT NULL DEFAULT 0;
    UPDATE job SET runs = attempts;
    """,
    """
    CREATE INDEX job_kept ON job (machine, state, ended_at, number);
    CREATE INDEX forgotten_at ON forgotten (at);
    CREATE TABLE total (
        machine TEXT NOT NULL, state TEXT NOT NULL, jobs INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (machine, state)
    ) WITHOUT ROWID;
    INSERT INTO total SELECT machine, state, count(*), total(size) FROM job GROUP BY machine, state;
    CREATE TRIGGER job_added AFTER INSERT ON job BEGIN
        INSERT OR IGNORE INTO total (machine, state) VALUES (NEW.machine, NEW.state);
        UPDATE total SET jobs = jobs + 1, bytes = bytes + NEW.size WHERE machine = NEW.machine AND state = NEW.state;
    END;
    CREATE TRIGGER job_changed AFTER UPDATE OF machine, state, size ON job BEGIN
        UPDATE total SET jobs = jobs - 1, bytes = bytes - OLD.size WHERE machine = OLD.machine AND state = OLD.state;
        INSERT OR IGNORE INTO total (machine, state) VALUES (NEW.machine, NEW.state);
        UPDATE total SET jobs = jobs + 1, bytes = bytes + NEW.size WHERE machine = NEW.machine AND state = NEW.state;
    END;
    CREATE TRIGGER job_removed AFTER DELETE ON job BEGIN
        UPDATE total SET jobs = jobs - 1, bytes = bytes - OLD.size WHERE machine = OLD.machine AND state = OLD.state;
    END;
    """,
)
"""What makes each schema out of the one before; `user_version` counts how many have been done.

2: attempts are counted before a run, whoever ends it; ages (`ended_at`, `forgotten.at`) are on the journal's clock.
3: `set_aside` has what could not be decoded of a job, as it was.
4: quotas count by the key of a paired machine, and the bytes that wait.
5: runs number the attempts, also those that do not count; messages of an earlier one are told from the present one's.
6: `total` counts each machine's jobs and bytes by state, so that nobody reads every row for them.
"""
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM job"


class StoreError(Exception):
    """The journal could not be read or written; nothing changed, and the same call may be made again."""


class JobStore:
    """The jobs of one state folder. Any method may raise StoreError.

    What a writing method changed outlives this process when it returns, and a power cut too, except after `add`,
    `start` and `forget`: these wait for the next of the others, or `sync`, since the disk takes its time for each.
    """

    def __init__(self, path: Path) -> None:
        """Open the SQLite database at `path` and migrate its schema. Raises AcetateError when it cannot be used."""
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.text_factory = decode_text
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._synchronous = "FULL"
            self._unsynced = False
            self._after_sync: deque[Callable[[], object]] = deque()
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
                self._db.executescript(f"BEGIN; {migration} PRAGMA user_version={number}; COMMIT;")
        except sqlite3.OperationalError as error:
            raise AcetateError(
                "internal", f"the journal {path} cannot be opened ({error})", hint="make room on its disk"
            ) from None
        except sqlite3.DatabaseError as error:
            raise AcetateError(
                "internal", f"the journal {path} is damaged ({error})", hint="run acetate doctor --journal"
            ) from None
        if version > len(MIGRATIONS):
            raise AcetateError("internal", f"the journal {path} is of a newer acetate", hint="update this one")
        self._served = float(self._db.execute("SELECT served FROM clock").fetchone()[0])
        self._opened = time.monotonic()

    @property
    def now(self) -> float:
        """The journal's clock: for how many seconds daemons have served it."""
        return self._served + time.monotonic() - self._opened

    def tick(self) -> None:
        """Write the clock down; without it, ages lose what has passed since."""
        with self._writing():
            self._db.execute("UPDATE clock SET served = ?", (self.now,))

    def sync(self) -> None:
        """Have everything on the disk that was written so far."""
        if self._unsynced:
            self.tick()

    def after_sync(self, call: Callable[[], object]) -> None:
        """Call this as soon as everything is on the disk that was written so far, perhaps at once."""
        if self._unsynced:
            self._after_sync.append(call)
        else:
            call()

    def close(self) -> None:
        """Write the clock down and close the file."""
        with contextlib.suppress(StoreError):
            self.tick()
        self._db.close()

    def add(
        self, id: str, owner: str, request: dict[str, Any], sizes: list[int], now: float, machine: str = ""
    ) -> None:
        """Put a new job down as waiting; its request is resolved."""
        blob = msgpack.packb({"request": request, "sizes": sizes, "resolved": True})
        with self._writing(synchronous="NORMAL"):
            self._db.execute(
                "INSERT INTO job (id, owner, machine, state, submitted, input_size, request)"
                " VALUES (?, ?, ?, 'waiting', ?, ?, ?)",
                (id, owner, machine, now, sum(sizes), blob),
            )

    def get(self, id: str) -> JobRecord | None:
        """The job with this id."""
        rows = self._read(f"{_SELECT} WHERE id = ?", (id,))
        return self._record(rows[0]) if rows else None

    def requeue_unfinished(self) -> list[JobRecord]:
        """The jobs that a daemon before this one left, in the order in which they are to run; all wait again.

        Those that it was running are told as `running`.
        """
        rows = self._read(f"{_SELECT} WHERE state IN ('running', 'waiting') ORDER BY state, number")
        with self._writing():
            self._db.execute("UPDATE job SET state = 'waiting' WHERE state = 'running'")
        return [self._record(row) for row in rows]

    def by_owner(self, owner: str, most: int = -1, before: int | None = None) -> list[JobRecord]:
        """This client's jobs, oldest first: the newest `most`, or those of them with a number under `before`."""
        below = "" if before is None else f" AND number < {before:d}"
        rows = self._read(f"{_SELECT} WHERE owner = ?{below} ORDER BY number DESC LIMIT ?", (owner, most))
        return [self._record(row) for row in reversed(rows)]

    def set_aside_damaged(self) -> None:
        """Decode every job, and set aside what cannot be."""
        for row in self._read(_SELECT):
            self._record(row)

    def ids(self) -> list[str]:
        """The ids of all jobs."""
        return [str(row[0]) for row in self._read("SELECT id FROM job")]

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        return dict(self._read("SELECT state, sum(jobs) FROM total GROUP BY state HAVING sum(jobs) > 0"))

    def waiting_bytes(self, account: str) -> int:
        """How many bytes of pictures wait in this account's jobs."""
        rows = self._read(
            "SELECT total(input_size) FROM job WHERE state IN ('waiting', 'running')"
            " AND CASE machine WHEN '' THEN owner ELSE machine END = ?",
            (account,),
        )
        return int(rows[0][0])

    def start(self, id: str, run: int) -> None:
        """A worker is about to begin with this job: that is one attempt, of the number `run`, whatever ends it."""
        with self._writing(synchronous="NORMAL"):
            self._db.execute(
                "UPDATE job SET state = 'running', attempts = attempts + 1, runs = ? WHERE id = ?", (run, id)
            )

    def record_crash(self, id: str) -> None:
        """The worker died of this job, which waits again."""
        with self._writing():
            self._db.execute("UPDATE job SET state = 'waiting', deaths = deaths + 1 WHERE id = ?", (id,))

    def give_back(self, id: str) -> None:
        """The attempt does not count, as when the daemon ends in order; the job waits again."""
        with self._writing():
            self._db.execute("UPDATE job SET state = 'waiting', attempts = attempts - 1 WHERE id = ?", (id,))

    def retry(self, id: str) -> None:
        """Let an ended job wait again, as if it had never been begun."""
        with self._writing():
            self._db.execute(
                "UPDATE job SET state = 'waiting', attempts = 0, deaths = 0, outcome = NULL, size = 0, ended = NULL,"
                " ended_at = NULL WHERE id = ?",
                (id,),
            )

    def end(self, id: str, state: str, outcome: dict[str, Any], size: int, now: float) -> None:
        """The job ended as `done`, `failed` or `cancelled`."""
        with self._writing():
            self._db.execute(
                "UPDATE job SET state = ?, outcome = ?, size = ?, ended = ?, ended_at = ? WHERE id = ?",
                (state, msgpack.packb(outcome), size, now, self.now, id),
            )

    def forget(self, id: str) -> None:
        """Remove a job and remember its id."""
        with self._writing(synchronous="NORMAL"):
            known = "INSERT OR REPLACE INTO forgotten SELECT id, owner, ? FROM job WHERE id = ?"
            self._db.execute(known, (self.now, id))
            self._db.execute("DELETE FROM job WHERE id = ?", (id,))

    def forgotten_owner(self, id: str) -> str | None:
        """The owner of a job that was forgotten, where the id is still remembered."""
        rows = self._read("SELECT owner FROM forgotten WHERE id = ?", (id,))
        return str(rows[0][0]) if rows else None

    def over(self, keep_bytes: int) -> list[tuple[str, int]]:
        """The paired machines (empty for this user's own clients) with more bytes of finished layers, and how many."""
        return self._read("SELECT machine, bytes FROM total WHERE state = 'done' AND bytes > ?", (keep_bytes,))

    def expire(self, keep_s: float, keep_bytes: int, most: int = EXPIRED_AT_ONCE) -> tuple[list[str], bool]:
        """Mark as expired what was kept too long, and the oldest of what is too much.

        This user's own clients and each paired machine may keep `keep_bytes`: none takes another's room. What expired
        that long ago itself is removed for good. Deals with about `most` jobs of each kind, and returns the ids of
        those that expired, and whether there may be more.
        """
        before = self.now - keep_s
        old: dict[str, None] = {}
        for state in RETAINED_STATES:
            select = "SELECT id FROM job WHERE state = ? AND ended_at < ? LIMIT ?"
            old |= dict.fromkeys(str(row[0]) for row in self._read(select, (state, before, most)))
        for machine, total in self.over(keep_bytes):
            old |= dict.fromkeys(self._oldest(machine, total - keep_bytes, most))
        expired = list(old)[:most]
        with self._writing():
            for id in expired:
                self._db.execute(
                    "UPDATE job SET state = 'expired', size = 0, outcome = NULL, ended_at = ? WHERE id = ?",
                    (self.now, id),
                )
            removed = [
                self._db.execute(f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {which} LIMIT {most})", values)
                for table, key, which, values in (
                    ("job", "number", "job WHERE state = 'expired' AND ended_at < ?", (before,)),
                    ("forgotten", "id", "forgotten WHERE at < ?", (before,)),
                    ("set_aside", "number", "set_aside WHERE at < ?", (before,)),
                )
            ]
            self._db.execute("UPDATE clock SET served = ?", (self.now,))
        return expired, len(old) >= most or any(done.rowcount >= most for done in removed)

    def _oldest(self, machine: str, excess: float, most: int) -> Iterator[str]:
        """The oldest of a machine's finished jobs whose layers are so many bytes together, at most so many of them."""
        select = "SELECT id, size FROM job WHERE state = 'done' AND machine = ? ORDER BY ended_at, number LIMIT ?"
        for id, size in self._read(select, (machine, most)):
            if excess <= 0:
                return
            excess -= size
            yield str(id)

    def _record(self, row: tuple[Any, ...]) -> JobRecord:
        """The job of a row; what cannot be decoded of it is set aside, and replaced by what can be said of the job."""
        try:
            return decode_row(row)
        except ValueError as error:
            log.error("the journal's entry of job %s is damaged (%s) and set aside", row[1], error)
        mended = mend_row(row, self.now)
        number, *values = mended
        try:
            with self._writing():
                self._db.execute(
                    "INSERT INTO set_aside (id, owner, state, request, outcome, at)"
                    " SELECT id, owner, state, request, outcome, ? FROM job WHERE number = ?",
                    (self.now, number),
                )
                changes = ", ".join(f"{name} = ?" for name in COLUMNS[1:])
                self._db.execute(f"UPDATE job SET {changes} WHERE number = ?", (*values, number))
        except StoreError as error:
            log.warning("the damaged entry of job %s is set aside later: %s", row[1], error)
        return decode_row(mended)

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """All rows of a query."""
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            raise StoreError(str(error)) from None

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """A `with` block whose writing calls are one transaction: all are on the disk when it ends, or none."""
        with self._writing():
            yield

    @contextlib.contextmanager
    def _writing(self, synchronous: str = "FULL") -> Iterator[None]:
        """One transaction, or part of the one that is open; whatever goes wrong, the journal is as before."""
        is_part = self._db.in_transaction
        if is_part:
            yield
            return
        try:
            if synchronous != self._synchronous:
                self._db.execute(f"PRAGMA synchronous={synchronous}")
                self._synchronous = synchronous
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise StoreError(str(error)) from None
            raise
        self._unsynced = synchronous != "FULL"
        if not self._unsynced:
            while self._after_sync:
                self._after_sync.popleft()()
