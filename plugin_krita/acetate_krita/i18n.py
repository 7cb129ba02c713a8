# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker's texts in Krita's language; English where there is no catalogue."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path

from .qt import QtCore

CATALOGUES = Path(__file__).parent / "locales"


def tr(text: str) -> str:
    """The text in the artist's language."""
    return _catalogue().get(text, text)


def mark(text: str) -> str:
    """The text as it is: for tables that are translated with `tr` when they are shown."""
    return text


def languages() -> list[str]:
    """Languages in the order of preference, as two letters: the one set for Krita, then the system's."""
    names = [os.environ.get("ACETATE_LANGUAGE", "")]
    names += os.environ.get("LANGUAGE", "").split(":")
    names.append(QtCore.QLocale().name())
    return [name[:2].lower() for name in names if name]


@lru_cache(maxsize=1)
def _catalogue() -> dict[str, str]:
    for language in languages():
        if language in ("en", "c"):
            return {}
        path = CATALOGUES / f"{language}.json"
        if path.exists():
            found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
            return found
    return {}
