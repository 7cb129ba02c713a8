# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries that the plug-in carries, put where Krita's Python finds them."""

from __future__ import annotations

import sys
from pathlib import Path

NEWEST = 12
"""The compiled libraries for Python 3.12 serve every later one."""


def prepare() -> None:
    """Let Python find the plug-in's own shared packages, and zmq and msgpack unless Krita has them already."""
    vendor = Path(__file__).parent / "vendor"
    common = str(vendor / "common")
    fitting = str(vendor / f"python3.{min(sys.version_info[1], NEWEST)}")
    if common not in sys.path:
        sys.path.insert(0, common)
    if fitting not in sys.path:
        sys.path.append(fitting)
