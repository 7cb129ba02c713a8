# SPDX-License-Identifier: GPL-3.0-or-later
"""This release of the add-on."""

VERSION = (0, 1, 0)
