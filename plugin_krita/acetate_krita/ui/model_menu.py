# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu of models: neural networks, and apart from them, with an icon, what draws by formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acetate_editor import elements

from ..i18n import tr
from ..qt import QtCore
from .theme import ElidedComboBox, icon, plain


class ModelMenu(ElidedComboBox):
    """Chooses a model by its name; what the artist `wished` for is chosen as soon as the daemon has it."""

    def __init__(self, wished: str) -> None:
        super().__init__(7)
        self.setAccessibleName(tr("Model"))
        self.wished = wished
        self._names: list[str] = []

    @property
    def chosen(self) -> str:
        """The chosen model's name, or the one that was wished for while there are none."""
        return str(self.currentData() or self.wished)

    def choose(self, name: str) -> None:
        """Choose a model."""
        self.wished = name
        self.setCurrentIndex(max(0, self.findData(name)))

    def offer(self, models: Sequence[Mapping[str, Any]]) -> None:
        """Show which models there are."""
        networks, formulas = elements.grouped(models)
        if networks + formulas != self._names:
            self._names = networks + formulas
            wished = self.chosen
            self.blockSignals(True)
            self.clear()
            for name in networks:
                self.addItem(name, name)
            if networks and formulas:
                self.insertSeparator(self.count())
            for name in formulas:
                self.addItem(icon("elements", self), tr(elements.TITLE), name)
                about = plain(tr(elements.ABOUT))
                self.setItemData(self.count() - 1, about, QtCore.Qt.ItemDataRole.ToolTipRole)
            self.setCurrentIndex(max(0, self.findData(wished)))
            self.blockSignals(False)
        self.setVisible(bool(self._names))

    def tell(self, model: Mapping[str, Any]) -> None:
        """Tell of the chosen model in the tool tip, and go on with it when the daemon is another."""
        self.wished = self.chosen
        about = elements.ABOUT if elements.is_formula(model) else "Model"
        self.setToolTip(plain(str(model.get("missing") or tr(about))))
