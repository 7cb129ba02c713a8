# SPDX-License-Identifier: GPL-3.0-or-later
"""Krita's actions for what the docker does, so that keys can be given to them under *Configure Krita*.

`acetate_krita.action`, which lies beside Krita's own files of actions, lists them for that dialog.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import methodcaller
from typing import Any, Callable

from krita import Extension, Window

from .i18n import mark, tr
from .modes import MODES
from .qt import QtWidgets

Doing = Callable[[Any], None]
ACTIONS: dict[str, tuple[str, Doing]] = {
    "acetate_generate": (mark("Generate"), lambda docker: docker.generate()),
    "acetate_cancel": (mark("Cancel this job"), lambda docker: docker.cancel()),
    "acetate_cancel_all": (mark("Cancel all jobs"), lambda docker: docker.cancel_all()),
    "acetate_next_result": (mark("Next result"), lambda docker: docker.history.step(1)),
    "acetate_previous_result": (mark("Previous result"), lambda docker: docker.history.step(-1)),
    "acetate_apply_result": (mark("Insert the result"), lambda docker: docker.history.apply()),
    "acetate_focus_prompt": (mark("Write the prompt"), lambda docker: docker.focus_prompt()),
}
"""By their names: what the menu of keys says, and what a docker is told to do."""


class Actions(Extension):
    """Makes the actions for each of Krita's windows; each works on its own window's docker."""

    def setup(self) -> None:
        """Nothing is needed before there is a window."""

    def createActions(self, window: Window) -> None:  # noqa: N802
        """Make them, in no menu. Krita's `window` is gone when this returns; the main window is not."""
        main = window.qwindow()
        for name, words, doing in listed():
            made = window.createAction(name, f"Acetate: {words}", "")
            made.triggered.connect(lambda *_checked, doing=doing: tell(main, doing))


def listed() -> Iterator[tuple[str, str, Doing]]:
    """Name, words and doing of every action."""
    for name, (words, doing) in ACTIONS.items():
        yield name, tr(words), doing
    for mode in MODES:
        yield f"acetate_mode_{mode.name}", tr(mode.title), methodcaller("choose_mode", mode.name)


def tell(main: Any, doing: Doing) -> None:
    """Have the docker of a main window do something; without one, nothing."""
    for dock in main.findChildren(QtWidgets.QDockWidget):
        if dock.objectName() == "acetate" and hasattr(dock, "controller"):
            doing(dock)
