"""A folder of reference vectors: numbers that the published implementation gave for drawn weights and inputs.

It holds `manifest.json` (the seed, and every module's state-dict keys with their shapes), `expected.npz`
(the numbers), and `published_sd15_keys.json` (keys and shapes of the published attention-sharing files).
Weights and inputs are drawn again from the seed and a name, so the folder holds neither.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Shapes = dict[str, tuple[int, ...]]


class UnreadableVectorsError(ValueError):
    """The folder is not one of reference vectors; the message says what is wrong with which file."""


@dataclass(frozen=True)
class Vectors:
    """A folder of reference vectors, read and found in order."""

    seed: str
    shapes: Mapping[str, Shapes]
    expected: Mapping[str, np.ndarray[Any, np.dtype[Any]]]
    published: Mapping[str, Shapes]
    unit_order: tuple[str, ...]

    def draw(self, name: str, *shape: int) -> Tensor:
        """Standard normal numbers that belong to `name`."""
        generator = np.random.RandomState(zlib.crc32(f"{self.seed}:{name}".encode()))
        return torch.from_numpy(np.asarray(generator.standard_normal(shape), dtype=np.float32))

    def unit(self, name: str, *shape: int) -> Tensor:
        """Numbers in (0, 1) that belong to `name`."""
        return 0.5 + 0.5 * torch.tanh(self.draw(name, *shape))

    def fill(self, module: nn.Module, name: str) -> None:
        """Load the weights drawn for the module `name`. Raises ValueError when its keys or shapes differ."""
        shapes = self.shapes_of(name)
        module.load_state_dict({key: self._weight(key, shape) for key, shape in shapes.items()})

    def shapes_of(self, name: str) -> Shapes:
        """The module's state-dict keys with their shapes."""
        if name not in self.shapes:
            raise ValueError(f"manifest.json has no shapes for {name}")
        return self.shapes[name]

    def array(self, name: str) -> Tensor:
        """The expected array `name` as float32."""
        if name not in self.expected:
            raise ValueError(f"expected.npz has no {name}")
        return torch.from_numpy(self.expected[name].astype(np.float32))

    def _weight(self, key: str, shape: tuple[int, ...]) -> Tensor:
        values = self.draw(key, *shape)
        if len(shape) > 1:
            return values / math.sqrt(math.prod(shape[1:]))
        return 1 + 0.1 * values if key.endswith("weight") else 0.1 * values


def read_vectors(folder: Path) -> Vectors:
    """Read a folder of reference vectors. Raises UnreadableVectorsError naming the file and what is wrong."""
    manifest = _read_json(folder / "manifest.json")
    published = _read_json(folder / "published_sd15_keys.json")
    try:
        return Vectors(
            seed=str(manifest["seed"]),
            shapes={name: _shapes(entries) for name, entries in manifest["shapes"].items()},
            expected=_read_arrays(folder / "expected.npz"),
            published={name: _shapes(entries) for name, entries in published["files"].items()},
            unit_order=tuple(
                published["sharing_unit_order"][str(unit)] for unit in range(len(published["sharing_unit_order"]))
            ),
        )
    except UnreadableVectorsError:
        raise
    except KeyError as error:
        raise UnreadableVectorsError(f"{folder} lacks the field {error} in one of its JSON files") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise UnreadableVectorsError(f"{folder} has a field of the wrong kind: {error}") from error


def _shapes(entries: Mapping[str, Any]) -> Shapes:
    return {key: tuple(int(side) for side in shape) for key, shape in entries.items()}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableVectorsError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UnreadableVectorsError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise UnreadableVectorsError(f"{path} holds no JSON object")
    return content


def _read_arrays(path: Path) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except OSError as error:
        raise UnreadableVectorsError(f"{path} cannot be read: {error.strerror or error}") from error
    except (AttributeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UnreadableVectorsError(f"{path} is no archive of plain arrays: {error}") from error
    if not found:
        raise UnreadableVectorsError(f"{path} holds no arrays")
    return found
