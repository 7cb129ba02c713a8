# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in a sidebar, which does not break lines by itself."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import bpy

from ..jobs.job import said_of

_ASIDE, _ICON = 55, 20
"""What the sidebar's tabs and margins take of its width, and an icon."""
_LETTER = 6.2
"""About how wide a Latin letter of the interface is, in units of the interface's scale."""


def lines(text: str, width: float) -> list[str]:
    """`text` in lines that fit into about `width` pixels; East Asian text breaks between any two letters."""
    room = max(12, int(width / (_LETTER * bpy.context.preferences.system.ui_scale)))
    done: list[str] = []
    line = ""
    for word in _words(text):
        if line and _width(line) + _width(word.rstrip()) > room:
            done.append(line.rstrip())
            line = ""
        line += word
    return [*done, line.rstrip()] if line.strip() else done


def wrapped_label(layout: Any, text: str, width: float, icon: str = "NONE") -> None:
    """A sentence in a sidebar of that width, with an icon before its first line."""
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(lines(text, width - (_ASIDE if icon == "NONE" else _ASIDE + _ICON))):
        column.label(text=line, icon=icon if number == 0 or icon == "NONE" else "BLANK1", translate=False)


def warn(layout: Any, warnings: Iterable[Mapping[str, str]], width: float) -> None:
    """What the artist should know about finished layers."""
    for warning in warnings:
        wrapped_label(layout, said_of(warning), width, "ERROR")


def _words(text: str) -> list[str]:
    found: list[str] = []
    for letter in text:
        if found and not found[-1].endswith(" ") and not _is_wide(letter) and not _is_wide(found[-1][-1]):
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _width(text: str) -> int:
    return sum(2 if _is_wide(letter) else 1 for letter in text)


def _is_wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WF"
