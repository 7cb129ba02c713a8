# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that the artist reads goes through here, into the language that Blender speaks."""

from __future__ import annotations

import bpy

from .languages import german, japanese


def tr(text: str) -> str:
    """`text` in the language of Blender's interface."""
    return str(bpy.app.translations.pgettext_iface(text))


def register() -> None:
    """Hand the translations to Blender."""
    # Labels of operators and panels are looked up in contexts of their own.
    contexts = ("*", "Operator")
    bpy.app.translations.register(
        __package__,
        {
            locale: {(context, text): said for text, said in words.items() for context in contexts}
            for locale, words in (("de_DE", german.WORDS), ("de", german.WORDS), ("ja_JP", japanese.WORDS))
        },
    )


def unregister() -> None:
    """Take them back."""
    bpy.app.translations.unregister(__package__)
