"""Find an engine by its import path."""

from __future__ import annotations

import importlib
from typing import cast

from acetate_wire.errors import WireError

from acetate.engine.protocol import Engine


def engine_class(path: str) -> type[Engine]:
    """The engine that `module:name` means. Raises WireError when there is none."""
    module, _, name = path.partition(":")
    try:
        return cast("type[Engine]", getattr(importlib.import_module(module), name))
    except (ImportError, AttributeError, ValueError) as error:
        raise WireError(
            "bad_request", f"there is no engine {path!r} ({error})", hint="name it as module:class"
        ) from None


def probable_device() -> str:
    """The device that a worker will most likely use, told without loading any framework."""
    import platform
    import sys
    from pathlib import Path

    if Path("/proc/driver/nvidia/version").exists() or Path(r"C:\Windows\System32\nvcuda.dll").exists():
        return "cuda"
    return "mps" if sys.platform == "darwin" and platform.machine() == "arm64" else "cpu"
