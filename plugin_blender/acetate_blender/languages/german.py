# SPDX-License-Identifier: GPL-3.0-or-later
"""German."""

from __future__ import annotations

WORDS: dict[str, str] = {}
