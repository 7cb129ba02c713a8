# SPDX-License-Identifier: GPL-3.0-or-later
"""The prompts, with what the model knows of their words."""

from __future__ import annotations

from typing import Any

from acetate_editor.vocabularies import completed, replaced

from ..daemon_connection import session
from ..i18n import tr
from .wrapped_label import wrapped_label

FIELDS = (("prompt", "Prompt"), ("foreground_prompt", "Foreground"), ("background_prompt", "Background"))
UNKNOWN_SHOWN = 3
COMPLETIONS_SHOWN = 3


def draw(layout: Any, settings: Any, width: int) -> None:
    """The fields of the mode; under each, completions of its last word and the words that the model never saw."""
    if settings.mode == "remove":
        return
    column = layout.column(align=True)
    for name, label in FIELDS if settings.mode == "scene" else FIELDS[:1]:
        column.label(text=label)
        column.prop(settings, name, text="")
        _known(column, settings.model, name, getattr(settings, name), width)


def unknown_words(model: str, prompt: str) -> list[tuple[str, str, str]]:
    """For each word that the model never saw a sentence, the nearest thing that it knows (or nothing), and the prompt
    with that thing in its place.
    """
    found = []
    for each in session.vocabularies.unknown(model, prompt):
        if each.nearest:
            text = tr("The {model} does not know: {word}; nearest: {nearest}")
            new = replaced(prompt, each.text, each.nearest)
        else:
            text, new = tr("The {model} does not know: {word}"), prompt
        said = text.format(model=model, word=each.text, nearest=each.nearest)
        found.append((said, each.nearest or "", new))
    return found


def _known(layout: Any, model: str, name: str, prompt: str, width: int) -> None:
    words = session.vocabularies.completions(model, prompt)[:COMPLETIONS_SHOWN]
    if words:
        row = layout.row(align=True)
        for word in words:
            _use(row, name, completed(prompt, word), word)
    # A word that may still become a known one is not held against the artist.
    whole = completed(prompt, "") if words else prompt
    for said, nearest, new in unknown_words(model, whole)[:UNKNOWN_SHOWN]:
        wrapped_label(layout, said, width, "QUESTION")
        if nearest:
            _use(layout, name, new + prompt[len(whole) :], nearest)


def _use(layout: Any, name: str, prompt: str, shown: str) -> None:
    button = layout.operator("acetate.use_prompt", text=shown, translate=False)
    button.field, button.prompt = name, prompt
