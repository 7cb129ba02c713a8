"""The parameters of a UNet by the names of Stable Diffusion's original code (LDM, SGM)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

LAYERS = 2
"""Residual blocks at each level on the way down; one more on the way up."""
PROJECTIONS = ("to_q", "to_k", "to_v")
DEEPEST = 10
"""The most transformer layers that a block has (SDXL)."""


def unet_names(attends: Sequence[bool], *, added: bool, depth: Callable[[str], int]) -> Iterator[str]:
    """Every parameter of a UNet whose level i has attention where `attends[i]`, `input_skips` excepted.

    `depth` gives the number of transformer layers of the module with that name; `added` is True with SDXL's embedding
    of sizes.
    """
    plain = ["time_embed.0", "time_embed.2", *(["label_emb.0.0", "label_emb.0.2"] if added else [])]
    for module in (*plain, "input_blocks.0.0", "out.0", "out.2"):
        yield from _both(module)
    number = 0
    for level, attending in enumerate(attends):
        for _ in range(LAYERS):
            number += 1
            yield from _resnet(f"input_blocks.{number}.0")
            if attending:
                yield from _transformer(f"input_blocks.{number}.1", depth)
        if level + 1 < len(attends):
            number += 1
            yield from _both(f"input_blocks.{number}.0.op")
    yield from _resnet("middle_block.0")
    yield from _transformer("middle_block.1", depth)
    yield from _resnet("middle_block.2")
    for index, attending in enumerate(reversed(attends)):
        for layer in range(LAYERS + 1):
            place = f"output_blocks.{index * (LAYERS + 1) + layer}"
            yield from _resnet(f"{place}.0")
            yield from _both(f"{place}.0.skip_connection")
            if attending:
                yield from _transformer(f"{place}.1", depth)
            if layer == LAYERS and index + 1 < len(attends):
                yield from _both(f"{place}.{2 if attending else 1}.conv")


def input_skips(levels: int) -> Iterator[str]:
    """The parameters on the way down that exist only where a block changes the width."""
    for number in range(1, levels * (LAYERS + 1)):
        yield from _both(f"input_blocks.{number}.0.skip_connection")


def _both(module: str) -> tuple[str, str]:
    return f"{module}.weight", f"{module}.bias"


def _resnet(place: str) -> Iterator[str]:
    for module in ("in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3"):
        yield from _both(f"{place}.{module}")


def _transformer(place: str, depth: Callable[[str], int]) -> Iterator[str]:
    for module in ("norm", "proj_in", "proj_out"):
        yield from _both(f"{place}.{module}")
    for layer in range(depth(place)):
        block = f"{place}.transformer_blocks.{layer}"
        for attention in ("attn1", "attn2"):
            yield from (f"{block}.{attention}.{projection}.weight" for projection in PROJECTIONS)
            yield from _both(f"{block}.{attention}.to_out.0")
        for module in ("ff.net.0.proj", "ff.net.2", "norm1", "norm2", "norm3"):
            yield from _both(f"{block}.{module}")
