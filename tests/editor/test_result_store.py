"""The folder of jobs and layers: written whole, read again, and tidied by one rule."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from acetate_editor import result_store
from acetate_editor.result_store import KEEP_S, EditorStore, StoreEntry

JOB = "5d02f6a4-a6fb-48e2-bdfa-904767958c5b"


class BareStore(EditorStore):
    """Layers as files beside the records; a file whose name begins with `seen` may go."""

    def entries(self) -> Iterator[StoreEntry]:
        for path in self.folder.glob("*.layer"):
            status = path.stat()
            yield StoreEntry(path.name, status.st_mtime, status.st_size, path.name.startswith("seen"))

    def remove(self, id: str) -> None:
        (self.folder / id).unlink()


def put(store: EditorStore, name: str, nbytes: int = 10, days: float = 0.0) -> None:
    """A file of layers that was written so many days ago."""
    path = store.folder / name
    list(store.write_file(path, [bytes(nbytes)]))
    written = time.time() - days * 86400
    os.utime(path, (written, written))


def left(store: EditorStore) -> set[str]:
    """The files of layers after the store was tidied."""
    list(store.tidy())
    return {path.name for path in store.folder.glob("*.layer")}


@pytest.mark.parametrize("record", ["jobs/{id}.json", "{id}/job.json"])
def test_a_record_is_read_as_it_was_written_until_it_is_removed(tmp_path: Path, record: str) -> None:
    store = BareStore(tmp_path, record)
    store.write_record(JOB, {"prompt": "a kite"})
    assert dict(BareStore(tmp_path, record).records()) == {JOB: {"prompt": "a kite"}}
    store.remove_record(JOB)
    store.remove_record(JOB)
    assert dict(store.records()) == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b"{}"])
def test_a_record_that_cannot_be_read_is_passed_over_and_stays(tmp_path: Path, content: bytes) -> None:
    store = BareStore(tmp_path, "{id}.json")
    store.write_record(JOB, {"prompt": "a kite"})
    (tmp_path / "broken.json").write_bytes(content)
    assert dict(store.records()) == {JOB: {"prompt": "a kite"}}
    assert (tmp_path / "broken.json").read_bytes() == content


def test_a_file_is_there_only_when_all_of_it_is(tmp_path: Path) -> None:
    store, path = BareStore(tmp_path, "{id}.json"), tmp_path / "new" / "a.layer"
    data = os.urandom(result_store.SLICE_BYTES * 2 + 5)
    writing = store.write_file(path, [data[:7], data[7:]])
    for _ in writing:
        assert not path.exists()
    assert path.read_bytes() == data and [entry.name for entry in path.parent.iterdir()] == ["a.layer"]
    assert os.name == "nt" or path.stat().st_mode & 0o777 == 0o600


def test_what_is_old_goes_but_never_what_nobody_has_seen(tmp_path: Path) -> None:
    store = BareStore(tmp_path, "{id}.json")
    days = KEEP_S / 86400
    put(store, "seen-new.layer", days=days - 1)
    put(store, "seen-old.layer", days=days + 1)
    put(store, "unseen-old.layer", days=days + 1)
    assert left(store) == {"seen-new.layer", "unseen-old.layer"}


def test_the_oldest_go_when_all_take_too_much_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_store, "KEEP_BYTES", 250)
    store = BareStore(tmp_path, "{id}.json")
    for number, name in enumerate(("seen-a", "seen-b", "unseen-c", "seen-d")):
        put(store, f"{name}.layer", nbytes=100, days=number)
    assert left(store) == {"seen-a.layer", "seen-b.layer", "unseen-c.layer"}
