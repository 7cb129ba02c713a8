"""Find an engine by its import path."""

from __future__ import annotations

import importlib
import platform
import sys
from importlib.metadata import version
from typing import cast

from acetate_wire.errors import AcetateError

from acetate.cards import build_of, find_cards
from acetate.worker.engine import Engine


def load_engine_class(path: str) -> type[Engine]:
    """The engine that `module:name` means. Raises AcetateError when there is none."""
    module, _, name = path.partition(":")
    try:
        return cast("type[Engine]", getattr(importlib.import_module(module), name))
    except (ImportError, AttributeError, ValueError) as error:
        raise AcetateError(
            "bad_request", f"there is no engine {path!r} ({error})", hint="name it as module:class"
        ) from None


def guess_device() -> str:
    """The device that a worker will most likely use, told without loading any framework."""
    build = build_of(version("torch"), sys.platform, platform.machine())
    kinds = {"cuda": "cuda", "rocm": "cuda", "xpu": "xpu"}
    return kinds[build] if any(card.build == build for card in find_cards()) else "mps" if build == "mps" else "cpu"
