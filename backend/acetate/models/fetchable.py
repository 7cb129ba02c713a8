"""What the hub has for Acetate: the base models with their layer files, and the structure and style adapters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from acetate_wire.errors import AcetateError

from acetate.models.adapter_files import KNOWN, STYLE_FILES, STYLE_KIND, installed_control_kinds, ip_adapter_paths
from acetate.models.families import families


@dataclass(frozen=True)
class Fetchable:
    """What `acetate models pull` fetches under its `name`; `kind` is that of an adapter, empty for a model.

    `here`: its files are on this computer.
    """

    name: str
    family: str
    kind: str
    here: bool


def fetchable(complete: Collection[str]) -> tuple[Fetchable, ...]:
    """All of them; `complete` are the names of the models whose files are on this computer."""
    found = []
    for name, family in families().items():
        if family.repository:
            found.append(Fetchable(name, name, "", name in complete))
            installed = {*installed_control_kinds(name), *([STYLE_KIND] if _has_style(name) else [])}
            kinds = [*KNOWN.get(name, {}), *([STYLE_KIND] if name in STYLE_FILES else [])]
            found += [Fetchable(f"{name}/{kind}", name, kind, kind in installed) for kind in kinds]
    return tuple(found)


def _has_style(family: str) -> bool:
    try:
        return all(path.exists() for path in ip_adapter_paths(family))
    except AcetateError:
        return False
