"""What the logs of every program of Acetate have in common: the backend's, and those of the editors."""

from __future__ import annotations

LEVELS = ("debug", "info", "warning", "error")
LEVEL_VARIABLE = "ACETATE_LOG_LEVEL"
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
FILE_BYTES = 1 << 20
"""A log file that would grow over this becomes `NAME.log.1`, in place of the former one."""
