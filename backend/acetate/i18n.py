"""The command line's texts in the user's language."""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path

CATALOGUES = Path(__file__).parent / "locales"


@cache
def _catalogue() -> gettext.NullTranslations:
    return gettext.translation("acetate", CATALOGUES, fallback=True)


def tr(message: str) -> str:
    """The text in the language that the environment asks for (LANGUAGE, LC_ALL, LANG); else as it is."""
    return _catalogue().gettext(message)
