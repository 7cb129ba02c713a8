"""Counts calls in every process that starts with this folder on its path, before anything imports what is counted.

`ACETATE_COUNTED` names the functions, `module:name`, and the file to which every call adds a line.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from pathlib import Path
from typing import Any


def count(path: str, log: Path) -> None:
    """Have every call of a function add a line with the process's module and the function's name."""
    module_name, _, name = path.partition(":")
    module = importlib.import_module(module_name)
    function = getattr(module, name)

    @functools.wraps(function)
    def counted(*arguments: Any, **options: Any) -> Any:
        with log.open("a") as file:
            file.write(f"{sys.orig_argv[2]} {name}\n")
        return function(*arguments, **options)

    setattr(module, name, counted)


log, *paths = os.environ["ACETATE_COUNTED"].split(",")
for path in paths:
    count(path, Path(log))
