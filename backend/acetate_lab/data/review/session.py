"""What a review decides, written to the manifest at once so that nothing is lost."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from acetate_wire.errors import AcetateError

from acetate_lab.data.captions import subject_of
from acetate_lab.data.collection import Collection, Entry, Verdict, open_collection, write_manifest

LONGEST_CAPTION = 1000
VERDICTS: tuple[Verdict, ...] = ("kept", "dropped", "pending")


class ReviewSession:
    """The entries of a data set in the order of review: pending ones first. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Open the data set in `folder`. Raises AcetateError when it cannot be read."""
        self._lock = threading.RLock()
        self._collection = open_collection(folder)
        waiting = [entry.id for entry in self._collection.entries if entry.verdict == "pending"]
        others = [entry.id for entry in self._collection.entries if entry.verdict != "pending"]
        self.order = (*waiting, *others)

    def entry(self, name: str) -> Entry:
        """The entry of that id. Raises AcetateError `bad_request` when there is none."""
        with self._lock:
            for entry in self._collection.entries:
                if entry.id == name:
                    return entry
        raise AcetateError("bad_request", f"there is no entry {name!r}", field="id", hint="load the page again")

    def entries(self) -> list[Entry]:
        """All entries in the order of review."""
        with self._lock:
            by_id = {entry.id: entry for entry in self._collection.entries}
        return [by_id[name] for name in self.order]

    def picture(self, name: str, role: str) -> Path:
        """The file of one picture of an entry. Raises AcetateError `bad_request` when there is none."""
        entry = self.entry(name)
        if role not in entry.files:
            raise AcetateError("bad_request", f"{name} has no {role}", field="role", hint="load the page again")
        return self._collection.file(entry, role)

    def decide(self, name: str, verdict: object = None, captions: object = None) -> Entry:
        """Change an entry's verdict and captions on disk. Raises AcetateError `bad_request` for anything unusable."""
        with self._lock:
            entry = self.entry(name)
            if verdict is not None:
                if verdict not in VERDICTS:
                    raise _unusable("verdict", f"choose from {', '.join(VERDICTS)}")
                entry = replace(entry, verdict=verdict)
            if captions is not None:
                entry = self._recaptioned(entry, captions)
            entries = tuple(entry if each.id == name else each for each in self._collection.entries)
            changed = Collection(self._collection.folder, entries)
            write_manifest(changed)
            self._collection = changed
        return entry

    def _recaptioned(self, entry: Entry, captions: object) -> Entry:
        if not isinstance(captions, dict):
            raise _unusable("captions", "give a map of captions by role")
        for role, text in captions.items():
            if role not in entry.files or not isinstance(text, str) or len(text) > LONGEST_CAPTION:
                raise _unusable("captions", f"give texts of at most {LONGEST_CAPTION} letters, by the entry's roles")
        said = entry.captions | {role: " ".join(text.split()) for role, text in captions.items()}
        if entry.subject != subject_of(entry.captions.get("foreground", "")):
            return replace(entry, captions=said)
        subject = subject_of(said.get("foreground", ""))
        # All pictures of one subject stay in the same split.
        split = next((each.split for each in self._collection.entries if each.subject == subject), entry.split)
        return replace(entry, captions=said, subject=subject, split=split)


def _unusable(field: str, hint: str) -> AcetateError:
    return AcetateError("bad_request", f"{field} cannot be used", field=field, hint=hint)
