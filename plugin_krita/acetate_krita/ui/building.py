# SPDX-License-Identifier: GPL-3.0-or-later
"""Layouts and small widgets as the docker has them everywhere, and lists whose rows are added and taken away."""

from __future__ import annotations

from typing import Any, Callable

from ..qt import QtCore, QtWidgets


def column_in(parent: Any = None, spacing: int = 4) -> Any:
    """A column without margins."""
    return _layout(QtWidgets.QVBoxLayout(parent), spacing)


def line_in(parent: Any = None, spacing: int = 2) -> Any:
    """Widgets side by side, without margins."""
    return _layout(QtWidgets.QHBoxLayout(parent), spacing)


def grid_in(parent: Any, spacing: int = 2, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Any:
    """A grid whose first column takes the room that is left."""
    made = _layout(QtWidgets.QGridLayout(parent), spacing)
    made.setContentsMargins(*margins)
    made.setColumnStretch(0, 1)
    return made


def form_in(parent: Any) -> Any:
    """Labels with fields beside them, without margins."""
    made = _layout(QtWidgets.QFormLayout(parent), 4)
    made.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return made


def add(layout: Any, *widgets: Any) -> None:
    """Put widgets into a layout, one after the other."""
    for widget in widgets:
        layout.addWidget(widget)


def beside(parent: Any, *widgets: Any) -> Any:
    """Widgets side by side, the first one as wide as there is room."""
    made = line_in(parent)
    for number, widget in enumerate(widgets):
        made.addWidget(widget, 0 if number else 1)
    return made


def card(widget: Any) -> Any:
    """The frame, drawn as a panel of its own."""
    widget.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
    return widget


def named(widget: Any, words: str) -> Any:
    """The widget with a tool tip that is also its name for screen readers."""
    widget.setToolTip(words)
    widget.setAccessibleName(words)
    return widget


def number_box(low: float, high: float, words: str = "", special: str = "", suffix: str = "") -> Any:
    """A box for a whole number, or for one with a decimal where `high` is a float; `special` stands for the lowest."""
    made = QtWidgets.QDoubleSpinBox() if isinstance(high, float) else QtWidgets.QSpinBox()
    made.setRange(low, high)
    made.setSpecialValueText(special)
    made.setSuffix(suffix)
    return named(made, words) if words else made


def button(text: str, pressed: Callable[[], Any], tip: str = "") -> Any:
    """A button that takes the keyboard only by Tab, so that Krita's keys stay Krita's after a click."""
    made = QtWidgets.QPushButton(text)
    made.clicked.connect(lambda _checked: pressed())
    return _by_tab(made, tip)


def check_box(text: str, tip: str = "") -> Any:
    """A box to tick, which takes the keyboard only by Tab."""
    return _by_tab(QtWidgets.QCheckBox(text), tip)


def scrolled(inner: Any) -> Any:
    """A widget that is scrolled up and down where it is too high."""
    made = QtWidgets.QScrollArea()
    made.setWidgetResizable(True)
    made.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setWidget(inner)
    return made


class RowList(QtWidgets.QWidget):
    """Rows one below the other, each with a button `away`, and below them the button `more` that adds one."""

    def __init__(self, text: str, most: int, spacing: int = 4) -> None:
        super().__init__()
        self.rows: list[Any] = []
        self._most = most
        self.column = column_in(self, spacing)
        self.more = button(text, self.add_pressed)

    def add_pressed(self) -> None:
        """Add a row, as the button does."""
        raise NotImplementedError

    @property
    def addable(self) -> bool:
        """Whether there is anything to add."""
        return True

    def put(self, row: Any) -> None:
        """Add a row at the end."""
        row.away.clicked.connect(lambda _checked: self.take(row))
        self.rows.append(row)
        self.column.insertWidget(len(self.rows) - 1, row)
        self.count()

    def take(self, row: Any) -> None:
        """Take a row away."""
        self.rows.remove(row)
        row.hide()
        row.deleteLater()
        self.count()

    def clear(self) -> None:
        """Take all rows away."""
        for row in list(self.rows):
            self.take(row)

    def count(self) -> None:
        """Let a row be added as long as there is room for one."""
        self.more.setEnabled(self.addable and len(self.rows) < self._most)


def _layout(made: Any, spacing: int) -> Any:
    made.setContentsMargins(0, 0, 0, 0)
    made.setSpacing(spacing)
    return made


def _by_tab(made: Any, tip: str) -> Any:
    made.setToolTip(tip)
    made.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
    return made
