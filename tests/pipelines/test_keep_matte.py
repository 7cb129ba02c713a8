"""Refining the colours alone: the layer's alpha comes back bit for bit, whatever the model draws."""

from __future__ import annotations

import pytest
import torch
from acetate.pipelines.refine import in_matte
from acetate_wire.errors import AcetateError
from torch import Tensor

from tests.pipelines.conftest import FAMILIES, Draw, a_request


def a_layer(seed: int = 3) -> Tensor:
    """Random pixels of 8 bits, a part of them clear."""
    picture = torch.randint(0, 256, (4, 40, 56), generator=torch.Generator().manual_seed(seed)) / 255
    picture[3, :10] = 0
    return picture


@pytest.mark.parametrize("model", FAMILIES)
def test_the_alpha_is_that_of_the_layer_and_the_colours_are_not(draw: Draw, model: str) -> None:
    layer = a_layer()
    (kept,) = draw("refine", layer=layer, model=model, keep_matte=True, strength=0.7, steps=2, reply_format="rgba8")
    pixels, given = kept.picture.movedim(-1, 0), (layer * 255).round().to(torch.uint8)
    assert torch.equal(pixels[3], given[3])
    seen = given[3] > 0
    assert not torch.equal(pixels[:3, seen], given[:3, seen])
    assert kept.settings.keep_matte


def test_colour_is_filled_outwards_to_where_nothing_was_drawn() -> None:
    drawn, layer = torch.zeros(4, 20, 20), torch.ones(4, 20, 20) * 0.5
    drawn[:, 8:12, 8:12] = torch.tensor([1.0, 0.25, 0.0, 1.0])[:, None, None]
    matted = in_matte(drawn, layer)
    assert torch.equal(matted[3], layer[3])
    assert torch.allclose(matted[:3, 0, 0], torch.tensor([1.0, 0.25, 0.0]), atol=0.02)
    assert torch.equal(in_matte(torch.zeros(4, 20, 20), layer), layer)


def test_other_modes_have_no_matte_to_keep() -> None:
    with pytest.raises(AcetateError) as refused:
        a_request("text", {}, prompt="a leaf", keep_matte=True)
    assert refused.value.field == "keep_matte"
