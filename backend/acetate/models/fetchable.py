"""What the hub has for Acetate: the base models with their layer files, and the structure and style adapters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from acetate_wire.errors import AcetateError

from acetate.models.adapter_files import STYLE_KIND, adapter_kinds, control_adapter_path, ip_adapter_paths
from acetate.models.families import families
from acetate.models.hub_cache import SUFFIX


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
            kinds = adapter_kinds(name)
            found += [Fetchable(f"{name}/{kind}", name, kind, _is_here(name, kind)) for kind in kinds]
    return tuple(found)


def _is_here(family: str, kind: str) -> bool:
    """Whether an adapter has its weights: a download that was stopped may have left its description alone."""
    try:
        paths = ip_adapter_paths(family) if kind == STYLE_KIND else (control_adapter_path(family, kind),)
    except AcetateError:
        return False
    return all(path.is_file() or any(path.glob(f"*{SUFFIX}")) for path in paths)
