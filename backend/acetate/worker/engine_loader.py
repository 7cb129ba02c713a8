"""Find an engine by its name or import path."""

from __future__ import annotations

import importlib
import platform
import sys
from importlib.metadata import version
from typing import cast

from acetate_wire.errors import AcetateError

from acetate import extensions
from acetate.cards import build_of, find_cards
from acetate.worker.engine import Engine


def load_engine_class(name: str) -> type[Engine]:
    """The engine of that name among the installed ones (`acetate.engines`), or the one that `module:class` means.

    Raises AcetateError when there is none.
    """
    installed = extensions.find_extensions(extensions.ENGINES)
    try:
        if name in installed:
            return cast("type[Engine]", installed[name].load())
        module, _, attribute = name.partition(":")
        return cast("type[Engine]", getattr(importlib.import_module(module), attribute))
    except (ImportError, AttributeError, ValueError) as error:
        raise AcetateError(
            "bad_request",
            f"there is no engine {name!r} ({error})",
            field="engine",
            hint=f"choose from {', '.join(installed)}, or name one as module:class",
        ) from None


def torch_build() -> str:
    """Which build of PyTorch is installed, as `build_of` says, without loading it."""
    return build_of(version("torch"), sys.platform, platform.machine())


def guess_device() -> str:
    """The device that a worker will most likely use, told without loading any framework."""
    build = torch_build()
    kinds = {"cuda": "cuda", "rocm": "cuda", "xpu": "xpu"}
    return kinds[build] if any(card.build == build for card in find_cards()) else "mps" if build == "mps" else "cpu"
