# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker's lasting settings and presets: one file of JSON in the plug-in's own folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from acetate_wire.paths import atomic_write, config_dir, ensure_private_dir

from .document.insert import CLIPS


@dataclass
class DockerSettings:
    """`clip` is one of CLIPS; `at_once` inserts every result when it arrives; `in_document` keeps the words
    and layers of a document's jobs inside it; `fill` tells by mode whether it fills
    the canvas; `last` is the form as it was left;
    `presets` are named parts of a form.
    """

    clip: str = CLIPS[0]
    at_once: bool = True
    in_document: bool = True
    lock_seed: bool = False
    fill: dict[str, bool] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    presets: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | None = None) -> DockerSettings:
        """The settings of this user; a file that cannot be read counts as none."""
        try:
            found: dict[str, Any] = json.loads((path or _path()).read_bytes())
            known = {entry.name: type(getattr(cls(), entry.name)) for entry in fields(cls)}
            fitting: dict[str, Any] = {n: value for n, value in found.items() if isinstance(value, known.get(n, ()))}
            made = cls(**fitting)
        except (OSError, ValueError, AttributeError, TypeError):
            return cls()
        if made.clip not in CLIPS:
            made.clip = CLIPS[0]
        return made

    def change(self, **values: Any) -> None:
        """Set some of them, and write all."""
        for name, value in values.items():
            setattr(self, name, value)
        self.save()

    def save(self, path: Path | None = None) -> None:
        """Write them."""
        atomic_write(path or _path(), json.dumps(asdict(self), indent=1).encode())


def _path() -> Path:
    return ensure_private_dir(config_dir() / "krita") / "settings.json"
