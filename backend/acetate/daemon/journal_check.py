"""Is the journal sound, and what can be saved of one that is not? For `acetate doctor --journal`."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acetate_wire.errors import AcetateError

from acetate.daemon.job_record import ACTIVE_STATES, COLUMNS, JobRecord, decode_row, decode_text
from acetate.daemon.job_store import JOURNAL, MIGRATIONS, JobStore
from acetate.daemon.lock import Lock
from acetate.daemon.presence import STATE_LOCK, living

_PARTS = ("", "-wal", "-shm")
_TABLES = {"job": "number", "forgotten": "id", "set_aside": "number"}
_MOST_GAPS = 100_000
"""So many numbers are tried one by one where a damaged page is passed."""


@dataclass
class JournalReport:
    """What was found in a state folder: `faults` are those of the file in SQLite's words, `unreadable`, `orphans` and
    `layerless` are ids of jobs and names of files of the spool."""

    path: Path
    schema: int | None = None
    states: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    layerless: list[str] = field(default_factory=list)

    @property
    def damaged(self) -> bool:
        """Whether the journal needs to be mended."""
        return bool(self.faults or self.unreadable)


@dataclass(frozen=True)
class Mended:
    """Where the damaged journal is now, and how many jobs the new one has."""

    backup: Path
    jobs: int


def check_journal(state: Path) -> JournalReport:
    """Read the journal of a state folder, without changing it. Raises AcetateError when it is of a newer version."""
    report = JournalReport(state / JOURNAL)
    jobs: list[JobRecord] = []
    known: set[str] = set()
    try:
        with contextlib.closing(_open(f"{report.path.as_uri()}?mode=ro")) as db:
            report.schema = int(db.execute("PRAGMA user_version").fetchone()[0])
            if report.schema > len(MIGRATIONS):
                raise AcetateError(
                    "internal", f"the journal {report.path} is of a newer acetate", hint="update this one"
                )
            found = [str(row[0]) for row in db.execute("PRAGMA integrity_check")]
            report.faults = [] if found == ["ok"] else found
            select = f"SELECT {_columns(db)} FROM job ORDER BY number"
            for row in db.execute(select) if report.schema else ():
                name = str(row[COLUMNS.index("state")])
                report.states[name] = report.states.get(name, 0) + 1
                known.add(row[1])
                try:
                    jobs.append(decode_row(row))
                except ValueError as error:
                    report.unreadable.append(f"{row[1]}: {error}")
    except sqlite3.DatabaseError as error:
        if str(error).startswith(("unable to open", "database is locked")):
            closed = f"{report.path} cannot be opened ({error})"
            raise AcetateError("busy", closed, hint="try again", retry=True) from None
        report.faults.append(str(error))
    if not report.faults:
        _compare_spool(state / "spool", jobs, known, report)
    return report


def mend_journal(state: Path) -> Mended:
    """Copy a damaged journal aside, and make a new one of all its rows that can be read.

    Files of the spool whose jobs are lost go to the copy too. Raises AcetateError `not_allowed` while a daemon runs.
    """
    lock = Lock(state / STATE_LOCK)
    if not lock.take():
        record = living(state)
        who = f"the daemon (process {record.pid})" if record else "a daemon"
        raise AcetateError("not_allowed", f"{who} uses the journal", hint="end it with: acetate stop")
    try:
        backup = _back_up(state)
        with tempfile.TemporaryDirectory(dir=state) as folder:
            # Opening a database may change it, and the backup is to stay as it was found.
            for part in _PARTS[:2]:
                if (backup / f"{JOURNAL}{part}").exists():
                    shutil.copyfile(backup / f"{JOURNAL}{part}", Path(folder) / f"{JOURNAL}{part}")
            fresh = Path(folder) / "new.sqlite"
            _salvage(Path(folder) / JOURNAL, fresh)
            store = JobStore(fresh)
            store.set_aside_damaged()
            ids = set(store.ids())
            store.close()
            for part in _PARTS[1:]:
                (state / f"{JOURNAL}{part}").unlink(missing_ok=True)
            fresh.replace(state / JOURNAL)
        for path in _files(state / "spool"):
            if path.name.split(".", 1)[0] not in ids:
                shutil.move(path, backup / path.name)
    finally:
        lock.release()
    return Mended(backup, len(ids))


def _compare_spool(spool: Path, jobs: list[JobRecord], known: set[str], report: JournalReport) -> None:
    """Note files without a job, and jobs without their files."""
    report.orphans = sorted(path.name for path in _files(spool) if path.name.split(".", 1)[0] not in known)
    for job in jobs:
        done = job.state == "done" and any((job.outcome or {}).get("sizes", []))
        waits = job.state in ACTIVE_STATES and any(job.sizes)
        if (done and not (spool / f"{job.id}.out").exists()) or (waits and not (spool / f"{job.id}.in").exists()):
            report.layerless.append(job.id)


def _files(spool: Path) -> list[Path]:
    return list(spool.iterdir()) if spool.is_dir() else []


def _open(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, isolation_level=None)
    db.text_factory = decode_text
    return db


def _columns(db: sqlite3.Connection) -> str:
    """The columns of a job, with defaults for those that an earlier schema lacks."""
    there = {row[1] for row in db.execute("PRAGMA table_info(job)")}
    default = {"machine": "''"}
    return ", ".join(name if name in there else f"{default.get(name, '0')} AS {name}" for name in COLUMNS)


def _back_up(state: Path) -> Path:
    """Copy the journal's files into a new folder beside it, named after the present time."""
    backup = Path(tempfile.mkdtemp(prefix=time.strftime("journal-%Y-%m-%d-%H%M%S-"), dir=state))
    for part in _PARTS:
        if (state / f"{JOURNAL}{part}").exists():
            shutil.copy2(state / f"{JOURNAL}{part}", backup)
    return backup


def _salvage(damaged: Path, fresh: Path) -> None:
    """Write all rows of a damaged database that can be read into a new one of the same schema."""
    with contextlib.closing(_open(damaged.as_uri())) as old, contextlib.closing(_open(fresh.as_uri())) as new:
        schema = len(MIGRATIONS)
        with contextlib.suppress(sqlite3.DatabaseError):
            # Lets SQLite open a file that is shorter than its header says, or whose schema is damaged.
            old.execute("PRAGMA writable_schema=ON")
            schema = int(old.execute("PRAGMA user_version").fetchone()[0]) or schema
        for migration in MIGRATIONS[:schema]:
            new.executescript(migration)
        new.execute(f"PRAGMA user_version={schema}")
        for table, key in _TABLES.items():
            columns = [row[1] for row in new.execute(f"PRAGMA table_info({table})")]
            marks = ", ".join("?" * len(columns))
            for row in _rows(old, table, key, ", ".join(columns)) if columns else ():
                with contextlib.suppress(sqlite3.IntegrityError):
                    new.execute(f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})", row)
        with contextlib.suppress(sqlite3.DatabaseError):
            for row in old.execute("SELECT served FROM clock"):
                new.execute("UPDATE clock SET served = ?", row)


def _rows(db: sqlite3.Connection, table: str, key: str, columns: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a table, from both ends up to what is damaged, and what lies between by its numbers."""
    select = f"SELECT {key}, {columns} FROM {table} NOT INDEXED"
    ends: list[Any] = []
    for order in ("ASC", "DESC"):
        end: Any = None
        with contextlib.suppress(sqlite3.DatabaseError):
            for row in db.execute(f"{select} ORDER BY {key} {order}"):
                end = row[0]
                yield row[1:]
            return
        ends.append(end)
    if key != "number":
        return
    first = (ends[0] or 0) + 1
    for number in range(first, min(ends[1] or first + _MOST_GAPS, first + _MOST_GAPS)):
        with contextlib.suppress(sqlite3.DatabaseError):
            yield from (row[1:] for row in db.execute(f"{select} WHERE {key} = ?", (number,)))
