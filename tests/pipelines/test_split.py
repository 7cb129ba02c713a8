"""The mode `split`: layers that together give exactly the picture, each in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
import torch
from acetate.generation import GenerationProgress, JobCancelled
from acetate.image.recomposition import Blending
from acetate.image.resample import FULL
from acetate.image.sizes import Cover, Learned, Size, cover
from acetate.models.model_cache import ModelCache
from acetate.pipelines import GeneratedLayer, resolve_request, split, starter_split
from acetate.pipelines.context import GenerationContext
from acetate.pipelines.filling import filled, grown
from acetate.pipelines.patch_fill import continued
from acetate.pipelines.sampling import OnStep
from acetate.pipelines.split_frames import SplitFrames
from acetate_wire.errors import AcetateError
from acetate_wire.request import Rect
from torch import Tensor

from tests.pipelines.conftest import Draw, a_picture, a_request

Splits = Callable[[Tensor, int], Sequence[Tensor]]


@dataclass
class Splitter:
    """Stands for a model that draws 64 pixels a side: `splits` makes its layers from the picture in its frame."""

    splits: Splits
    composite: Callable[[Tensor], Tensor] | None = None
    seen: list[Tensor] = field(default_factory=list)
    context: GenerationContext | None = None

    def cover(self, target: Size) -> Cover:
        return cover(target, Learned(64))

    def described(self, picture: Tensor) -> GenerationContext:
        assert self.context is not None
        return self.context

    def split(self, picture: Tensor, count: int, generator: torch.Generator, on_step: OnStep) -> SplitFrames:
        self.seen.append(picture)
        on_step(0.5, lambda: picture)
        on_step(1.0, None)
        own = None if self.composite is None else self.composite(picture)
        return SplitFrames(tuple(self.splits(picture, count)), own)


@pytest.fixture
def splitting(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[GeneratedLayer, ...]]:
    """Splits a picture with a stand-in for the model."""

    def splitting(splitter: Splitter, picture: Tensor, **fields: Any) -> tuple[GeneratedLayer, ...]:
        def splitter_of(context: GenerationContext) -> Splitter:
            splitter.context = context
            return splitter

        monkeypatch.setattr(split, "splitter_of", splitter_of)
        return draw("split", blend=picture, **fields)

    return splitting


def by_brightness(picture: Tensor, count: int) -> list[Tensor]:
    """A grey background, and the bright pixels on top."""
    grey = torch.full_like(picture, 0.5)
    grey[3] = 1
    bright = (picture[:3].amax(dim=0) > 0.5).float() * picture[3]
    return [grey, torch.cat([picture[:3], bright[None]])]


def on_canvas(layer: GeneratedLayer, width: int, height: int, x: int = 0, y: int = 0) -> Tensor:
    """A layer "4 h w" as it lies in the target, in [0, 1]."""
    pixels = layer.picture.float() / FULL.get(layer.picture.dtype, 1)
    whole = torch.zeros(4, height, width)
    left, top = layer.x - x, layer.y - y
    whole[:, top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels.permute(2, 0, 1)
    return whole


def error(layers: Sequence[GeneratedLayer], picture: Tensor, linear: bool = False, x: int = 0, y: int = 0) -> float:
    """How far an editor's composite is from the picture at most, premultiplied, in levels of 255."""
    height, width = picture.shape[1:]
    blending = Blending(FULL.get(layers[0].picture.dtype), linear)
    made = blending.composite(torch.stack([on_canvas(each, width, height, x, y) for each in layers]))
    wanted = blending.stored(picture)
    alpha = (made[3] - wanted[3]).abs().max()
    return 255 * max(float(((made[:3] - wanted[:3]) * wanted[3]).abs().max()), float(alpha))


@pytest.mark.parametrize("reply_format", ["rgba8", "rgba16", "rgbaf32"])
@pytest.mark.parametrize("blending", ["encoded", "linear"])
def test_the_layers_give_the_picture_half_transparent_too(
    splitting: Callable[..., Any], reply_format: str, blending: str
) -> None:
    picture = a_picture(2, 150, 90)
    layers = splitting(Splitter(by_brightness), picture, reply_format=reply_format, blending=blending)
    assert [layer.role for layer in layers] == ["background", "foreground"]
    assert error(layers, picture, blending == "linear") <= 1.01


@pytest.mark.parametrize(
    ("width", "height", "x", "y"), [(853, 480, 0, 0), (1, 1, 3, 4), (16000, 100, 0, 0), (90, 70, -40, 500)]
)
def test_every_target_is_filled_to_the_pixel(
    splitting: Callable[..., Any], width: int, height: int, x: int, y: int
) -> None:
    picture = a_picture(3, width, height)
    picture[3] = 1
    fields = {"reply_format": "rgba8", "canvas": (640, 480), "target": Rect(x, y, width, height)}
    layers = splitting(Splitter(by_brightness), picture, **fields)
    assert (layers[0].x, layers[0].y, layers[0].picture.shape) == (x, y, (height, width, 4))
    assert bool((layers[0].picture[..., 3] == 255).all())
    assert error(layers, picture, x=x, y=y) <= 1.01


@pytest.mark.parametrize(("width", "height"), [(853, 480), (300, 301), (64, 64)])
def test_a_marker_stays_where_it_is(splitting: Callable[..., Any], width: int, height: int) -> None:
    """A white disc on black comes back as a layer with its middle in the same place, less than half a pixel off."""
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    at, radius = (0.3 * width, 0.6 * height), min(width, height) / 6
    disc = (radius - ((columns - at[0]) ** 2 + (rows - at[1]) ** 2).sqrt() + 0.5).clamp(0, 1)
    picture = torch.cat([disc.expand(3, -1, -1), torch.ones(1, height, width)])

    def lights(seen: Tensor, count: int) -> list[Tensor]:
        return [torch.cat([0 * seen[:3], seen[3:]]), torch.cat([torch.ones_like(seen[:3]), seen[:1]])]

    _, layer = splitting(Splitter(lights), picture, reply_format="rgba8")
    alpha = on_canvas(layer, width, height)[3]
    middle = [float((alpha * places).sum() / alpha.sum()) for places in (columns, rows)]
    assert max(abs(found - place) for found, place in zip(middle, at, strict=True)) < 0.5


def test_layers_are_cut_to_what_is_seen(splitting: Callable[..., Any]) -> None:
    picture = torch.zeros(4, 64, 64)
    picture[3], picture[:3, 20:30, 40:50] = 1, 1.0
    behind, before = splitting(Splitter(by_brightness), picture, reply_format="rgba8")
    assert (behind.x, behind.y, behind.picture.shape) == (0, 0, (64, 64, 4))
    assert (before.x, before.y, before.picture.shape) == (40, 20, (10, 10, 4))


def test_empty_and_doubled_layers_are_left_out_unless_a_number_is_asked_for(splitting: Callable[..., Any]) -> None:
    def several(picture: Tensor, count: int) -> list[Tensor]:
        behind, before = by_brightness(picture, count)
        return [behind, torch.zeros_like(before), before, before.clone()][:count]

    picture = a_picture(4)
    found = splitting(Splitter(several), picture)
    assert [layer.name for layer in found] == ["background", "a red apple 1"]
    asked = splitting(Splitter(several), picture, layers=6)
    assert [layer.role for layer in asked] == ["background", *["foreground"] * 5]
    assert asked[-1].picture.shape == (1, 1, 4) and not bool(asked[-1].picture.any())
    for layers in (found, asked):
        assert error(layers, picture) <= 0.01


def test_clear_pixels_have_no_colour_for_the_model(splitting: Callable[..., Any]) -> None:
    """Also where the target has the model's own size, so that nothing is resampled."""
    picture = a_picture(5)
    other = torch.where(picture[3:] == 0, 1 - picture, picture)
    other[3] = picture[3]
    splitter = Splitter(by_brightness)
    first, second = (splitting(splitter, each) for each in (picture, other))
    assert not torch.equal(picture, other) and torch.equal(*splitter.seen)
    assert all(torch.equal(a.picture, b.picture) for a, b in zip(first, second, strict=True))


def test_the_models_own_picture_is_compared_and_never_handed_out(splitting: Callable[..., Any]) -> None:
    picture = a_picture(6)
    right, wrong = Splitter(by_brightness, lambda given: given), Splitter(by_brightness, lambda given: 1 - given)
    fine, strange = splitting(right, picture), splitting(wrong, picture)
    assert not any(layer.warnings for layer in fine)
    assert {warning.code for layer in strange for warning in layer.warnings} == {"split"}
    assert all(torch.equal(a.picture, b.picture) for a, b in zip(fine, strange, strict=True))


def a_scene() -> Tensor:
    """A red disc and a smaller blue one on soft green."""
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 64), indexing="ij")
    picture = torch.stack([0.2 + 0.1 * rows, 0.6 + 0.1 * columns, 0.3 * torch.ones(64, 64), torch.ones(64, 64)])
    for (x, y, radius), colour in (((0.4, 0.35, 0.16), (0.9, 0.1, 0.1)), ((0.75, 0.75, 0.1), (0.1, 0.1, 0.9))):
        disc = ((columns - x) ** 2 + (rows - y) ** 2).sqrt() < radius
        picture[:3] = torch.where(disc, torch.tensor(colour)[:, None, None], picture[:3])
    return picture


def test_the_starter_lifts_each_thing_off_its_background(draw: Draw) -> None:
    """From the arithmetic alone: the tiny starter knows no things, and draws noise behind them."""
    picture = a_scene()
    layers = draw("split", blend=picture, prompt="", reply_format="rgba8")
    assert [layer.role for layer in layers] == ["background", "foreground", "foreground"]
    assert error(layers, picture) <= 1.01
    for layer, (x, y, colour) in zip(layers[1:], ((25, 22, 0), (47, 47, 2)), strict=True):
        shown = on_canvas(layer, 64, 64)
        assert float(shown[3, y, x]) == 1 and int(shown[:3, y, x].argmax()) == colour
        assert not bool(shown[3, :6].any())


def test_a_layer_can_be_split_again(draw: Draw) -> None:
    first = draw("split", blend=a_scene(), prompt="", layers=2, reply_format="rgba8")
    both = on_canvas(first[1], 64, 64)
    again = draw("split", blend=both, prompt="", reply_format="rgba8")
    assert error(again, both) <= 1.01


def test_two_at_once_are_two_with_following_seeds(draw: Draw) -> None:
    picture = a_scene()
    both = draw("split", blend=picture, layers=3, count=2, seed=7)
    apart = [*draw("split", blend=picture, layers=3, seed=7), *draw("split", blend=picture, layers=3, seed=8)]
    assert [layer.settings.seed for layer in both] == [7, 7, 7, 8, 8, 8]
    assert all(torch.equal(a.picture, b.picture) for a, b in zip(both, apart, strict=True))


def test_progress_goes_up_and_a_cancel_ends_it(draw: Draw) -> None:
    told: list[GenerationProgress] = []
    draw("split", blend=a_scene(), report=told.append)
    drawn = [each for each in told if each.stage == "drawing"]
    assert drawn and all(a.step <= b.step for a, b in pairwise(drawn))
    assert max(each.step for each in drawn) <= drawn[0].steps

    def stop(progress: GenerationProgress) -> None:
        if progress.stage == "drawing":
            raise JobCancelled

    with pytest.raises(JobCancelled):
        draw("split", blend=a_scene(), report=stop)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"layers": 11}, "layers"),
        ({"layers": 0}, "layers"),
        ({"count": 2}, "count"),
        ({"detail": 0.5, "layers": 2}, "detail"),
        ({"blending": "gamma"}, "blending"),
    ],
)
def test_what_cannot_be_split_is_refused_by_name(store: ModelCache, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(AcetateError) as refusal:
        resolve_request(a_request("split", {"blend": a_picture()}, **fields), store.registry)
    assert refusal.value.field == field and refusal.value.hint


def test_other_modes_take_no_number_of_layers(store: ModelCache) -> None:
    for fields in ({"layers": 2}, {"blending": "linear"}):
        with pytest.raises(AcetateError) as refusal:
            a_request("text", {}, **fields)
        assert refusal.value.field == next(iter(fields))


def test_the_starter_keeps_the_shape_of_what_it_splits(store: ModelCache) -> None:
    request = resolve_request(a_request("split", {"blend": a_picture()}), store.registry)
    model = store.get("starter")
    context = GenerationContext(request, model.spec.recipe("split", ("blend",)), model, lambda _: None)
    splitter = starter_split.StarterSplitter(context)
    wide, long = splitter.cover(Size(900, 480)), splitter.cover(Size(16000, 100))
    assert wide.drawn.width > wide.drawn.height and long.drawn.width == long.drawn.height
    assert long.window.width / long.window.height == pytest.approx(160)


def a_horizon(texture: bool) -> Tensor:
    """Sky over grass, or a wall with a pattern; both go on as they are from left to right."""
    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
    sky, grass = torch.tensor([0.4, 0.7, 1.0]), torch.tensor([0.3, 0.7, 0.1])
    picture = torch.where(rows < 48, sky[:, None, None], grass[:, None, None]) - 0.001 * rows
    wall = 0.5 + 0.2 * ((rows // 6 + columns // 6) % 2).expand(3, -1, -1)
    return torch.cat([wall if texture else picture, torch.ones(1, 96, 128)])


def with_an_apple(picture: Tensor) -> Tensor:
    """A red disc in the middle of a picture."""
    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
    disc = (24.5 - ((rows - 50) ** 2 + (columns - 60) ** 2).sqrt()).clamp(0, 1)
    red = torch.tensor([0.9, 0.1, 0.1])[:, None, None].expand(3, 96, 128)
    return torch.cat([torch.lerp(picture[:3], red, disc), picture[3:]])


def test_behind_a_thing_the_horizon_goes_on(draw: Draw) -> None:
    """The tiny starter splits at about half of this size, so that the horizon is not quite sharp."""
    truth = a_horizon(texture=False)
    picture = with_an_apple(truth)
    layers = draw("split", blend=picture, prompt="", reply_format="rgba8")
    assert [layer.role for layer in layers] == ["background", "foreground"]
    assert error(layers, picture) <= 1.01
    behind = on_canvas(layers[0], 128, 96)
    assert float((behind - truth)[:3, (truth != picture).any(dim=0)].abs().mean()) < 0.03


@pytest.mark.parametrize("texture", [False, True])
def test_a_hole_is_filled_with_what_was_there(texture: bool) -> None:
    truth = a_horizon(texture)
    hole = grown((truth != with_an_apple(truth)).any(dim=0).float(), 2)
    off, smooth = (
        float((fill(truth * (1 - hole), hole) - truth)[:3, hole > 0].abs().mean()) for fill in (continued, filled)
    )
    assert off < 0.02 and smooth > 3 * off


def test_pieces_go_on_in_a_layer_too_and_leave_the_rest_alone() -> None:
    layer = a_horizon(False)
    layer[3, :48] = 0
    layer[3, 48:] = 0.5
    premultiplied = torch.cat([layer[:3] * layer[3:], layer[3:]])
    hole = torch.zeros(96, 128)
    hole[30:70, 40:80] = 1
    made = continued(torch.where(hole > 0, 1.0, premultiplied), hole)
    assert torch.equal(made[:, hole == 0], premultiplied[:, hole == 0])
    assert float((made - premultiplied).abs().mean()) < 0.005
    assert bool((made[:3] <= made[3:]).all())


def test_a_hole_without_surroundings_is_filled_smoothly() -> None:
    picture = a_picture(7)
    for hole in (torch.ones(64, 64), (torch.rand(64, 64, generator=torch.Generator().manual_seed(1)) > 0.1).float()):
        assert torch.equal(continued(picture, hole), filled(picture, hole))
