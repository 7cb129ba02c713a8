# SPDX-License-Identifier: GPL-3.0-or-later
"""Qt by one name, whichever this Krita brings: Qt 5 (Krita 5) or Qt 6 (Krita 6)."""

from __future__ import annotations

try:
    from PyQt6 import QtCore, QtGui, QtWidgets
except ImportError:
    from PyQt5 import QtCore, QtGui, QtWidgets

__all__ = ["QtCore", "QtGui", "QtWidgets"]
