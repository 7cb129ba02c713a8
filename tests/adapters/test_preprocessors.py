"""Promises of control pictures made from layers: outlines where they are, and nothing where nothing is."""

from __future__ import annotations

import pytest
import torch
from acetate.adapters.preprocessors import canny, make_control_image
from acetate.models.adapter_files import split_kind
from acetate_wire.errors import AcetateError
from torch import Tensor


def a_disc(side: int = 64, radius: float = 20) -> Tensor:
    """A white disc on nothing."""
    at = torch.arange(side) + 0.5 - side / 2
    inside = (torch.hypot(at[:, None], at[None]) < radius).float()
    return torch.cat([torch.ones(3, side, side), inside[None]])


def test_edges_run_along_the_outline_one_pixel_wide() -> None:
    picture = make_control_image(a_disc(), "edges")[0]
    at = torch.arange(64) + 0.5 - 32
    distance = (torch.hypot(at[:, None], at[None]) - 20).abs()
    assert set(picture.flatten().tolist()) == {0.0, 1.0}
    assert distance[picture > 0].max() < 2
    assert 0.7 * 2 * torch.pi * 20 < picture.sum() < 1.6 * 2 * torch.pi * 20


def test_faint_edges_stay_only_where_they_lead_on_from_strong_ones() -> None:
    ramp = torch.zeros(40, 80)
    ramp[:, 40:] = torch.linspace(1.0, 0.16, 40)[:, None]
    alone = torch.zeros(40, 80)
    alone[:, 40:] = 0.16
    assert canny(ramp)[-6:].sum() > 0
    assert canny(alone).sum() == 0


@pytest.mark.parametrize("source", ["edges", "lines", "alpha"])
def test_an_empty_layer_gives_a_black_picture(source: str) -> None:
    assert make_control_image(torch.zeros(4, 32, 32), source).abs().max() < 1e-4


def test_lines_are_bright_at_the_outline_and_black_away_from_it() -> None:
    picture = make_control_image(a_disc(), "lines")[0]
    assert picture[32, 10:14].max() > 0.8
    assert picture[32, 28:36].max() < 0.05 and picture[:4].max() < 0.05


def test_alpha_is_shown_as_it_is() -> None:
    layer = torch.rand(4, 16, 16)
    assert torch.equal(make_control_image(layer, "alpha"), layer[3:].expand(3, -1, -1))


def test_a_ready_made_picture_lies_over_black() -> None:
    layer = torch.rand(4, 16, 16)
    assert torch.equal(make_control_image(layer, None), layer[:3] * layer[3:])


def test_a_kind_names_its_adapter_and_what_its_picture_is_made_from() -> None:
    assert split_kind("edge") == ("edge", None)
    assert split_kind("scribble:lines") == ("scribble", "lines")
    with pytest.raises(AcetateError, match="one of edges, lines, alpha, picture"):
        split_kind("edge:")
