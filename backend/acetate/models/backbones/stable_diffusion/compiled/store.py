"""Compiled networks in the user's cache folder, and the measurement that chose the library for each."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import platformdirs
from acetate_wire.paths import atomic_write

MOST_BYTES = 2 << 30
"""The compiled networks on disk are together no larger: beyond it, those unused for longest are removed."""
MOST_TRIES = 3
"""A conversion that ended the process so often is not tried again."""
_DIGEST = hashlib.blake2b().digest_size


@dataclass(frozen=True)
class Choice:
    """Which library computes a network on this machine, with the measurement behind it.

    `library` is None until one is chosen; `tries` counts the conversions that were begun and did not end. A call took
    `torch_ms` and `openvino_ms` of processor time; `difference` is the largest between results, relative to the largest
    value.
    """

    library: Literal["torch", "openvino"] | None = None
    tries: int = 0
    torch_ms: float = 0.0
    openvino_ms: float = 0.0
    difference: float = 0.0

    @property
    def is_torch(self) -> bool:
        """Whether PyTorch computes the network, by choice or because conversions crashed."""
        return self.library == "torch" or self.tries >= MOST_TRIES


@dataclass(frozen=True)
class CompiledStore:
    """A folder of this user's alone, with two files for a key: the choice, and the compiled network where that is
    used.
    """

    folder: Path

    @classmethod
    def default(cls) -> CompiledStore:
        """The one in the user's cache folder."""
        return cls(platformdirs.user_cache_path("acetate", appauthor=False) / "compiled")

    def choice(self, key: str) -> Choice:
        """What was chosen for a key; an open choice where nothing readable is there."""
        try:
            return Choice(**json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return Choice()

    def save_choice(self, key: str, choice: Choice) -> None:
        """Write a choice. Raises OSError."""
        self._write(f"{key}.json", json.dumps(asdict(choice)).encode("ascii"))

    def network(self, key: str) -> bytes | None:
        """A compiled network; None where it is missing or damaged."""
        path = self.folder / f"{key}.blob"
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        digest, network = content[:_DIGEST], content[_DIGEST:]
        return network if hashlib.blake2b(network).digest() == digest else None

    def save_network(self, key: str, network: bytes) -> None:
        """Write a compiled network and make room for it. Raises OSError."""
        self._write(f"{key}.blob", hashlib.blake2b(network).digest() + network)
        room = MOST_BYTES
        for path in sorted(self.folder.glob("*.blob"), key=lambda path: -path.stat().st_mtime):
            room -= path.stat().st_size
            if room < 0 and path.stem != key:
                path.unlink(missing_ok=True)

    def _write(self, name: str, content: bytes) -> None:
        # OpenVINO trusts what is in the file.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic_write(self.folder / name, content)
