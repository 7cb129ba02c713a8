"""The page of a review, its texts in the user's language."""

from __future__ import annotations

import html
from pathlib import Path

from acetate.i18n import tr as _

PAGE = Path(__file__).parent / "page.html"


def page() -> str:
    """The page, complete: it loads nothing from elsewhere."""
    texts = {
        "title": _("Review"),
        "keep": _("Keep"),
        "drop": _("Drop"),
        "later": _("Decide later"),
        "fix": _("Correct the caption"),
        "ground": _("Other background"),
        "keys": _("K keep · D drop · L later · C caption (Enter saves, Esc leaves) · ← → go · B background"),
        "kept": _("kept"),
        "dropped": _("dropped"),
        "pending": _("not decided"),
        "empty": _("There is nothing to review."),
        "done": _("That was the last one."),
        "lost": _("This could not be saved: "),
    }
    text = PAGE.read_text(encoding="utf-8")
    for name, words in texts.items():
        text = text.replace(f"{{{{{name}}}}}", html.escape(words))
    return text
