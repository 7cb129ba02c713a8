"""What networks made of a prompt or picture is there for the next job, in bounded memory."""

from __future__ import annotations

import torch
from acetate.models.feature_cache import FeatureCache, content_hash
from torch import Tensor

CPU = torch.device("cpu")
KILOBYTE = torch.zeros(1024, dtype=torch.uint8)


def ask(cache: FeatureCache, *keys: str, size: int = 1) -> list[str]:
    """The keys that were computed, of these in turn; the features of each take `size` KiB."""
    computed = []

    def compute(key: str) -> tuple[Tensor | None, ...]:
        computed.append(key)
        return (KILOBYTE.repeat(size), None)

    for key in keys:
        first, second = cache.get(key, CPU, lambda key=key: compute(key))  # type: ignore[misc]
        assert first is not None and len(first) == 1024 * size and second is None
    return computed


def test_the_features_used_last_stay_and_memory_is_bounded() -> None:
    cache = FeatureCache(most_bytes=2048)
    assert ask(cache, "a", "b", "a", "c", "a", "b") == ["a", "b", "c", "b"]
    assert cache.bytes == 2048


def test_what_is_larger_than_the_cache_is_not_stored() -> None:
    cache = FeatureCache(most_bytes=2048)
    assert ask(cache, "large", "large", size=3) == ["large", "large"]
    assert cache.bytes == 0


def test_a_hash_is_of_values_shapes_and_formats() -> None:
    picture = torch.arange(16.0).view(4, 4)
    others = [picture.T.contiguous(), picture.view(2, 8), picture.to(torch.float64), picture + 1]
    assert content_hash([picture]) == content_hash([picture.T.contiguous().T])
    assert len({content_hash([each]) for each in (picture, *others)}) == 5
