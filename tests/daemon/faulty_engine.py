"""The stand-in engine in a worker whose files fail on command."""

from __future__ import annotations

import sys

from tests.daemon import faults
from tests.daemon.standin import StandIn

# The daemon imports this module too, and has been prepared before.
if sys.argv[0].endswith("worker.py"):
    faults.install_from_environment()

__all__ = ["StandIn"]
