"""Reading .safetensors files strictly: memory-mapped, and every key that is wrong is named."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from acetate.models.safetensors_header import HeaderError, read_header

NAMED = 3
"""How many wrong keys a message names."""


class WeightFileError(ValueError):
    """A weight file that does not fit; the message names the file and the keys."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """All tensors of a file, memory-mapped, so that only what is used is read. Raises WeightFileError."""
    try:
        read_header(path)
        weights: dict[str, Tensor] = load_file(path)
    except HeaderError as error:
        raise WeightFileError(f"{path} cannot be read ({error.what}): {error.hint}") from error
    except (OSError, SafetensorError) as error:
        raise WeightFileError(f"{path} cannot be read ({error})") from error
    return weights


def load_state_dict_strict(module: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Give a module, which may be on the meta device, exactly the weights of a file; no tensor is copied.

    Raises WeightFileError naming missing, surplus and misshapen keys.
    """
    expected = module.state_dict()
    check_keys(path, missing=expected.keys() - weights.keys(), surplus=weights.keys() - expected.keys())
    check_shapes(path, {key: (weights[key].shape, value.shape) for key, value in expected.items()})
    module.load_state_dict(weights, assign=True)


def check_keys(path: Path, missing: Iterable[str] = (), surplus: Iterable[str] = ()) -> None:
    """Raise WeightFileError naming keys that a file lacks or should not have; nothing when there are none."""
    faults = [f"it {word} {_some(keys)}" for word, keys in (("lacks", missing), ("should not have", surplus)) if keys]
    if faults:
        raise WeightFileError(f"{path} does not fit: {' and '.join(faults)}")


def check_shapes(path: Path, pairs: dict[str, tuple[torch.Size, torch.Size]]) -> None:
    """Raise WeightFileError naming keys whose first shape, the file's, is not the second."""
    for key, (found, expected) in pairs.items():
        if found != expected:
            raise WeightFileError(f"{path} does not fit: {key} is {_sides(found)} and should be {_sides(expected)}")


def _some(keys: Iterable[str]) -> str:
    ordered: Collection[str] = sorted(keys)
    named = ", ".join(list(ordered)[:NAMED])
    return named if len(ordered) <= NAMED else f"{named} and {len(ordered) - NAMED} more"


def _sides(shape: torch.Size) -> str:
    return " x ".join(map(str, shape)) or "a single number"
