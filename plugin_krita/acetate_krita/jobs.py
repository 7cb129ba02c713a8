# SPDX-License-Identifier: GPL-3.0-or-later
"""A job from the press of the button to its layers, as the queue shows it and as it is written down."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from acetate_editor.jobs import WAITING, EditorJob

from .document.selection_mask import SelectionMask
from .generation_settings import GenerationSettings
from .modes import mode_named
from .results import Result

PROJECTION = "whole"
"""Stands for everything that can be seen, where a layer's id is meant."""


@dataclass(eq=False)
class DocumentJob(EditorJob):
    """One job. `document` is the document's lasting id, `session` its name while it is open; `sources` are layer ids
    by role, or PROJECTION, and `followed` are the roles whose layer was the active one; `anchor` is the layer that the
    result belongs next to, `above` the results that have come in above it meanwhile; `seats` are the layer that the
    artist was on and those that came in as the active one instead; `file` is where the document is saved, empty for
    nowhere; `results` are what came of it, with the strips of their layers.
    """

    id: str
    form: GenerationSettings
    document: str
    session: str
    title: str
    sources: dict[str, str] = field(default_factory=dict)
    followed: frozenset[str] = frozenset()
    anchor: str = ""
    above: list[str] = field(default_factory=list)
    seats: list[str] = field(default_factory=list)
    shape: SelectionMask | None = None
    file: str = ""
    made: float = field(default_factory=time.time)
    results: list[tuple[Result, list[bytes]]] = field(default_factory=list)

    @property
    def replaces(self) -> str:
        """The layer whose place the result takes; empty for none."""
        mode = mode_named(self.form.mode)
        # What is split inside a selection stays for the rest of it.
        stays = not mode.replaces or (mode.splits and self.shape is not None)
        source = "" if stays else self.sources.get(mode.beside, "")
        return "" if source == PROJECTION else source

    @property
    def prompts(self) -> list[str]:
        """What it is to draw."""
        stacked = (str(row["prompt"]) for row in self.form.stack)
        return [self.form.prompt, self.form.negative, *self.form.layer_prompts.values(), *stacked]

    def to_map(self) -> dict[str, Any]:
        """What must outlive Krita, for a file of JSON."""
        return {
            "form": self.form.to_map(),
            "document": self.document,
            "title": self.title,
            "sources": self.sources,
            "anchor": self.anchor,
            "shape": None if self.shape is None else self.shape.to_map(),
            "file": self.file,
            "made": self.made,
        }

    @classmethod
    def from_map(cls, id: str, values: dict[str, Any]) -> DocumentJob | None:
        """A job of an earlier Krita; None when the values are something else."""
        try:
            job = cls(
                id=id,
                form=GenerationSettings.from_map(values["form"]),
                document=values["document"],
                session="",
                title=values["title"],
                sources=dict(values["sources"]),
                anchor=values["anchor"],
                shape=None if values["shape"] is None else SelectionMask.from_map(values["shape"]),
                file=str(values["file"]),
                made=float(values["made"]),
            )
        except (KeyError, TypeError, ValueError):
            return None
        job.state = WAITING
        return job
