# SPDX-License-Identifier: GPL-3.0-or-later
"""Which words each model knows, asked of the daemon once for each model, and what to tell of a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acetate_wire.events import Connected, ModelVocabulary
from acetate_wire.vocabulary import Vocabulary

from .daemon_connection import DaemonConnection
from .i18n import tr
from .qt import QtCore

MOST_TOLD = 4
"""Unknown words that are told at once."""


class Words(QtCore.QObject):
    """The vocabularies of the models; `learned` tells that one more has come."""

    learned = QtCore.pyqtSignal()

    def __init__(self, link: DaemonConnection) -> None:
        super().__init__()
        self._link = link
        self._known: dict[str, Vocabulary | None] = {}
        self._asked = ""
        link.event_received.connect(self._on_event)

    def of(self, model: str) -> Vocabulary | None:
        """A model's vocabulary; None while it is on its way, and for models that tell none."""
        tells = any(entry.get("name") == model and entry.get("vocabulary") for entry in self._link.models)
        if tells and model not in self._known and not self._asked:
            # One at a time: the client keeps one question of a kind.
            self._asked = model
            self._link.client.ask("vocabulary", {"model": model})
            QtCore.QTimer.singleShot(0, self._link.pump)
        return self._known.get(model) if tells else None

    def _on_event(self, event: Any) -> None:
        if isinstance(event, ModelVocabulary):
            self._known[event.model] = event.vocabulary
            self._asked = ""
            self.learned.emit()
        elif isinstance(event, Connected):
            # It may be another version of the daemon, with other models.
            self._known.clear()
            self._asked = ""


def told(vocabulary: Vocabulary, model: str, prompts: Mapping[str, str]) -> str:
    """What a model does not know of some prompts, in one line; empty when it knows all."""
    unknown = {part.text: part.nearest for text in prompts.values() for part in vocabulary.unknown(text)}
    if not unknown:
        return ""
    words = list(unknown)
    listed = ", ".join(words[:MOST_TOLD]) + (" …" if len(words) > MOST_TOLD else "")
    nearest = list(dict.fromkeys(near for near in unknown.values() if near))[:MOST_TOLD]
    name = tr("The starter") if model == "starter" else model
    if nearest:
        line = tr("{model} does not know: {words}; nearest: {nearest}")
        return line.format(model=name, words=listed, nearest=", ".join(nearest))
    return tr("{model} does not know: {words}").format(model=name, words=listed)
