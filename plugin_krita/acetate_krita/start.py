# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells Krita of the docker and its actions; where something that it needs is missing, a docker that says what."""

from __future__ import annotations

from typing import Any

from krita import DockWidget, DockWidgetFactory, DockWidgetFactoryBase, Krita

from .actions import Actions
from .i18n import tr
from .qt import QtWidgets

ID = "acetate"


def start() -> None:
    """Register the docker and its actions with Krita."""
    factory = DockWidgetFactory(ID, DockWidgetFactoryBase.DockPosition.DockRight, _make)
    Krita.instance().addDockWidgetFactory(factory)
    Krita.instance().addExtension(Actions(Krita.instance()))


def _make() -> Any:
    try:
        from .ui.docker import Docker
    except ImportError as error:
        return MissingDependencies(str(error))
    return Docker()


class MissingDependencies(DockWidget):
    """Stands in for the docker where its libraries do not fit this Krita."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.setWindowTitle("Acetate")
        words = QtWidgets.QLabel(
            tr("Acetate's libraries do not fit this Krita.")
            + "\n\n"
            + tr("Run “acetate plugins install krita” in a terminal and start Krita again.")
            + f"\n\n{reason}"
        )
        words.setWordWrap(True)
        self.setWidget(words)

    def canvasChanged(self, _canvas: Any) -> None:  # noqa: N802
        """Nothing depends on the document here."""
