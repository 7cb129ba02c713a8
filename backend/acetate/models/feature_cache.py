"""What networks made of prompts and pictures, for later jobs with the same ones."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Features: TypeAlias = "tuple[Tensor | None, ...]"

MOST_BYTES = 64 << 20
"""A hundred prompts of SDXL, or the features of three control images at its full size."""


class FeatureCache:
    """The features that were used last, in main memory, of together at most `most_bytes`.

    For networks whose weights do not change while the model is loaded, with everything else that they read in the key.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """An empty cache; `most_bytes` bounds the tensors in it."""
        self._most_bytes = most_bytes
        self._found: OrderedDict[Hashable, Features] = OrderedDict()

    @property
    def bytes(self) -> int:
        """The size of the tensors in it."""
        return sum(_size(features) for features in self._found.values())

    def get(self, key: Hashable, device: torch.device, compute: Callable[[], Features]) -> Features:
        """The features of a key on a device, bit for bit as `compute` gave them; they must not be changed in place."""
        features = self._found.get(key)
        if features is None:
            features = compute()
            self._found[key] = tuple(None if each is None else each.cpu() for each in features)
        self._found.move_to_end(key)
        while self.bytes > self._most_bytes:
            self._found.popitem(last=False)
        return tuple(None if each is None else each.to(device) for each in features)


def content_hash(tensors: Sequence[Tensor]) -> bytes:
    """A digest of shapes, number formats and values."""
    import torch

    digest = hashlib.blake2b(digest_size=16)
    for each in tensors:
        digest.update(f"{each.dtype} {tuple(each.shape)}".encode())
        digest.update(each.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.digest()


def _size(features: Features) -> int:
    return sum(each.nbytes for each in features if each is not None)
