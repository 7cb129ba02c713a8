"""Layers recomposed: an editor's composite of them equals the picture."""

from __future__ import annotations

import pytest
import torch
from acetate.image.recomposition import Blending

DEPTHS = [Blending(255), Blending(65535), Blending(None), Blending(255, linear=True), Blending(65535, linear=True)]


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def soft(seed: int, count: int, side: int = 48) -> torch.Tensor:
    """Layers with clear, soft and opaque parts."""
    layers = noise(seed, count, 4, side, side)
    layers[:, 3] = ((layers[:, 3] - 0.5) * 3 + 0.5).clamp(0, 1)
    return layers


def worst(blending: Blending, layers: torch.Tensor, picture: torch.Tensor) -> float:
    """How far a composite is from the picture at most, over black and over white, in levels of 255."""
    stored = blending.stored(picture)
    found = blending.composite(layers)
    over = [torch.cat([each[:3] * each[3:] + paper * (1 - each[3:]) for paper in (0, 1)]) for each in (found, stored)]
    return float((over[0] - over[1]).abs().max()) * 255


@pytest.mark.parametrize("blending", DEPTHS, ids=str)
@pytest.mark.parametrize("count", [1, 2, 4, 10])
def test_the_composite_equals_an_opaque_picture(blending: Blending, count: int) -> None:
    picture = noise(1, 4, 48, 48)
    picture[3] = 1
    layers = blending.recomposed(soft(2, count), picture)
    assert worst(blending, layers, picture) <= 1.01
    assert bool((layers[0, 3] == 1).all())
    assert torch.equal(layers, blending.stored(layers))
    assert float(layers.min()) >= 0 and float(layers.max()) <= 1


@pytest.mark.parametrize("blending", DEPTHS, ids=str)
@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_composite_equals_a_half_transparent_picture(blending: Blending, count: int) -> None:
    picture = soft(3, 1)[0]
    layers = blending.recomposed(soft(4, count), picture)
    assert worst(blending, layers, picture) <= 1.01
    assert bool((layers[:, 3, picture[3] == 0] == 0).all())


def test_colours_that_are_clear_never_matter() -> None:
    picture, layers, blending = soft(5, 1)[0], soft(6, 3), Blending()
    clear, behind = picture.clone(), layers.clone()
    clear[:3, picture[3] == 0] = float("nan")
    behind[:, :3] = torch.where(behind[:, 3:] == 0, 0.7, behind[:, :3])
    assert bool((picture[3] == 0).any()) and bool((layers[:, 3] == 0).any())
    first, second = blending.recomposed(layers, picture), blending.recomposed(behind, clear)
    assert torch.equal(first[:, 3], second[:, 3])
    assert torch.equal(first[:, :3] * first[:, 3:], second[:, :3] * second[:, 3:])


def test_what_is_hidden_stays_as_it_is() -> None:
    """The background behind an opaque thing is what the model found, whatever the picture shows there."""
    layers = torch.zeros(2, 4, 8, 8)
    layers[0] = torch.tensor([0.2, 0.6, 0.4, 1.0])[:, None, None]
    layers[1, :, 2:6, 2:6] = torch.tensor([0.9, 0.1, 0.1, 1.0])[:, None, None]
    picture = noise(7, 4, 8, 8)
    picture[3] = 1
    made = Blending().recomposed(layers, picture)
    assert torch.equal(made[0, :, 2:6, 2:6], layers[0, :, 2:6, 2:6])
    assert torch.equal(made[1, :3, 2:6, 2:6], Blending().stored(picture)[:3, 2:6, 2:6])


def test_fine_detail_goes_to_the_layer_that_shows_it_and_alpha_hardly_changes() -> None:
    """A faint texture over blurred layers is taken up by colours alone."""
    ramp = torch.linspace(0, 1, 32).expand(32, 32)
    layers = torch.stack([torch.full((4, 32, 32), 0.4), torch.full((4, 32, 32), 0.6)])
    layers[0, 3], layers[1, 3] = 1, ramp
    flat = Blending().composite(Blending().stored(layers))
    picture = flat.clone()
    picture[:3] += (noise(8, 3, 32, 32) - 0.5) * 0.1
    made = Blending().recomposed(layers, picture)
    assert worst(Blending(), made, picture) <= 1.01
    assert float((made[1, 3] - ramp).abs().max()) <= 1 / 255
    moved = (made[:, :3] - layers[:, :3]).abs().mean(dim=(1, 2))
    assert moved[1, 24:].mean() > 2 * moved[0, 24:].mean() and moved[0, 1:8].mean() > 2 * moved[1, 1:8].mean()


def test_alpha_rises_where_colours_are_not_enough() -> None:
    layers = torch.zeros(2, 4, 4, 4)
    layers[0, 3], layers[1] = 1, torch.tensor([0.5, 0.5, 0.5, 0.6])[:, None, None]
    white = torch.ones(4, 4, 4)
    made = Blending().recomposed(layers, white)
    assert worst(Blending(), made, white) <= 1.01
    assert float(made[1, 3].min()) > 0.6
