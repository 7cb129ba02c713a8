"""What installed packages add to Acetate, by entry points: ours come in through the same door.

`acetate.commands` (Typer apps), `acetate.engines` (classes that are an `Engine`) and `acetate.families` (ModelFamily
objects); docs/extending.md shows a package that has them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points, requires
from typing import Any

log = logging.getLogger("acetate.extensions")

COMMANDS, ENGINES, FAMILIES = "acetate.commands", "acetate.engines", "acetate.families"


def find_extensions(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name: Acetate's own first, then by name. Of two with one name the first counts."""
    found: dict[str, EntryPoint] = {}
    for entry_point in sorted(entry_points(group=group), key=lambda each: (_package(each) != "acetate", each.name)):
        if found.setdefault(entry_point.name, entry_point) is not entry_point:
            log.warning("%s of %s is left out: the name is taken", _described(entry_point), _package(entry_point))
    return found


def load_extensions(group: str) -> Iterator[tuple[str, Any]]:
    """Name and object of each entry point of a group; one that cannot be imported is logged and left out."""
    for name, entry_point in find_extensions(group).items():
        if (loaded := load_extension(entry_point)) is not None:
            yield name, loaded


def load_extension(entry_point: EntryPoint) -> Any:
    """What an entry point names; None, and a line in the log, where it cannot be imported."""
    try:
        return entry_point.load()
    except Exception as error:  # another package's code
        reason = f"{type(error).__name__}: {error}"
        log.warning("%s of %s cannot be loaded: %s", _described(entry_point), _package(entry_point), reason)
        return None


def modules_of_extra(extra: str) -> set[str]:
    """The modules that Acetate's extra of that name brings, as they are imported."""
    wanted = re.compile(rf"""([\w.-]+).*;\s*extra\s*==\s*["']{extra}["']""")
    found = (wanted.match(requirement) for requirement in requires("acetate") or ())
    return {match.group(1).replace("-", "_").lower() for match in found if match}


def _package(entry_point: EntryPoint) -> str:
    return "" if entry_point.dist is None else entry_point.dist.name


def _described(entry_point: EntryPoint) -> str:
    return f"{entry_point.name} = {entry_point.value} ({entry_point.group})"
