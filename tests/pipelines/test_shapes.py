"""Lone subjects keep the shape that a model learned, and what is drawn before nothing has clear surroundings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from acetate.image.sizes import Learned
from acetate.models.model_cache import ModelCache
from acetate.pipelines import GeneratedLayer, layer_pipeline, run
from acetate.pipelines.middle import Middle
from acetate.pipelines.opaque import STRIDE, TRIES, is_opaque
from acetate_wire.request import LayerRequest, Rect
from torch import Tensor

from tests.pipelines.conftest import Draw, Spy, a_picture


def shapes(spy: Spy) -> list[tuple[int, ...]]:
    return list(dict.fromkeys(tuple(sample.shape[2:]) for sample in spy.samples))


def outside_middle(layer: GeneratedLayer, width: int, height: int) -> Tensor:
    """The alpha of what lies around the square in the middle."""
    alpha = layer.picture[..., 3].clone()
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    alpha[top : top + side, left : left + side] = 0
    return alpha


@pytest.mark.parametrize(("width", "height"), [(160, 90), (150, 100), (105, 148), (90, 160)])
def test_a_layer_from_words_lies_in_the_middle_with_the_rest_clear(
    draw: Draw, store: ModelCache, width: int, height: int
) -> None:
    with Spy(store.get("starter").sd.unet) as spy:
        (layer,) = draw("text", size=(width, height))
    assert shapes(spy) == [(8, 8)], "the square that the model learned"
    assert float(outside_middle(layer, width, height).max()) == 0
    assert float(layer.picture[..., 3].max()) > 0


def test_what_is_to_fill_the_target_is_drawn_in_its_shape(draw: Draw, store: ModelCache) -> None:
    with Spy(store.get("starter").sd.unet) as spy:
        (layer,) = draw("text", size=(160, 80), fill=True)
    assert shapes(spy) == [(8, 16)]
    assert float(outside_middle(layer, 160, 80).max()) > 0


@pytest.mark.parametrize("mode", ["refine", "inpaint", "extract"])
def test_given_pictures_are_drawn_on_at_a_shape_that_the_model_learned(
    draw: Draw, store: ModelCache, mode: str
) -> None:
    roles = {"refine": ("layer",), "inpaint": ("layer", "mask"), "extract": ("blend", "foreground")}[mode]
    pictures = {role: a_picture(number, 160, 90) for number, role in enumerate(roles)}
    with Spy(store.get("starter").sd.unet) as spy:
        (layer,) = draw(mode, **pictures)
    assert shapes(spy) == [(8, 8)]
    assert layer.picture.shape == (90, 160, 4)


def test_a_wide_scene_has_its_foreground_in_the_middle_and_a_background_all_over(draw: Draw, store: ModelCache) -> None:
    with Spy(store.get("starter").sd.unet) as spy:
        background, foreground, blend = draw("scene", size=(160, 80))
    assert shapes(spy) == [(8, 8), (8, 16)]
    assert float(outside_middle(foreground, 160, 80).max()) == 0
    assert all(bool((layer.picture[..., 3] == 1).all()) for layer in (background, blend))
    assert {layer.settings.mode for layer in (background, foreground, blend)} == {"scene"}


def test_a_wide_scenes_layers_come_again_from_their_settings_and_alone(draw: Draw, store: ModelCache) -> None:
    whole = draw("scene", size=(160, 80), count=2)
    for layer in whole[3:]:
        (again,) = run(layer.settings.request(), {}, store, lambda progress: None)
        # Settings ask for whole numbers.
        assert torch.equal(again.picture, (layer.picture.clamp(0, 1) * 255).round().byte())


def test_a_wide_scenes_progress_counts_up_to_its_end(draw: Draw) -> None:
    heard: list[Any] = []
    draw("scene", heard.append, size=(160, 80), count=2)
    steps = [each.step for each in heard if each.stage == "drawing"]
    assert steps == sorted(steps) and steps[-1] == heard[-1].steps
    assert len({each.steps for each in heard if each.stage == "drawing"}) == 1


def test_a_foreground_stands_in_the_middle_of_a_wide_background(draw: Draw) -> None:
    background = a_picture(5, 160, 80)
    background[3] = 1
    foreground, blend = draw("foreground", background=background, returns=("foreground", "blend"))
    assert float(outside_middle(foreground, 160, 80).max()) == 0
    assert torch.equal(blend.picture[:, :40].permute(2, 0, 1), background[..., :40]), "around it nothing changes"
    assert bool((blend.picture[..., 3] == 1).all())


def test_the_middle_of_about_a_learned_shape_is_all_of_it() -> None:
    def of(width: int, height: int, aspect: float = 1.0) -> Middle | None:
        return Middle.of(LayerRequest("scene", (width, height), Rect(5, 5, width, height), ""), Learned(128, aspect))

    assert of(100, 100) is of(104, 100) is of(240, 100, 2.4) is None
    wide = of(160, 90)
    assert wide is not None and wide.area == Rect(35, 0, 90, 90)


# Clear surroundings.


@pytest.fixture
def opaque_seeds(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The seeds whose layers are taken to be opaque to their border, to be filled by a test."""
    seeds: set[int] = set()

    class Signed(dict[str, Tensor]):
        """Pictures that tell their seed."""

        def __init__(self, seed: int) -> None:
            super().__init__()
            self.seed = seed

        def __getitem__(self, role: str) -> Tensor:
            picture = super().__getitem__(role)
            picture.seed = self.seed  # type: ignore[attr-defined]
            return picture

    plain = layer_pipeline._sample
    monkeypatch.setattr(layer_pipeline, "_sample", lambda seed: replace(plain(seed), pictures=Signed(seed)))
    monkeypatch.setattr(layer_pipeline, "is_opaque", lambda picture: picture.seed in seeds)
    return seeds


def test_an_opaque_layer_is_drawn_again_from_the_next_seed(draw: Draw, opaque_seeds: set[int]) -> None:
    (plain,) = draw("text", seed=5 + STRIDE)
    opaque_seeds |= {5}
    heard: list[Any] = []
    (layer,) = draw("text", heard.append, seed=5)
    assert layer.settings.seed == 5 + STRIDE, "the settings hold the seed that was really drawn"
    assert torch.equal(layer.picture, plain.picture)
    assert layer.warnings == ()
    assert heard[-1].step == heard[-1].steps == 6, "progress counts what is drawn again"


def test_a_layer_that_stays_opaque_comes_with_a_warning_and_comes_again(draw: Draw, opaque_seeds: set[int]) -> None:
    opaque_seeds |= {5 + number * STRIDE for number in range(TRIES + 1)}
    (layer,) = draw("text", seed=5, prompt="a violin")
    assert layer.settings.seed == 5
    (warning,) = layer.warnings
    assert warning.code == "opaque" and "a violin" in warning.message and "guitar" in warning.hint
    again = draw("text", seed=5, prompt="a violin", count=3)[0]
    assert torch.equal(again.picture, layer.picture)


def test_no_layer_comes_twice_however_many_are_drawn_again(draw: Draw, opaque_seeds: set[int]) -> None:
    opaque_seeds |= {5, 6, 6 + STRIDE}
    layers = draw("text", seed=5, count=4)
    assert [each.settings.seed for each in layers] == [5 + STRIDE, 6 + 2 * STRIDE, 7, 8]
    assert all(
        not torch.equal(one.picture, other.picture)
        for number, one in enumerate(layers)
        for other in layers[number + 1 :]
    )


def test_what_is_to_fill_the_target_may_be_opaque(draw: Draw, opaque_seeds: set[int]) -> None:
    opaque_seeds |= {5}
    (layer,) = draw("text", seed=5, fill=True)
    assert layer.settings.seed == 5 and layer.warnings == ()


def test_opaque_is_what_covers_most_of_its_border() -> None:
    layer = torch.zeros(4, 64, 64)
    layer[3, 4:60, 4:60] = 1
    assert not is_opaque(layer), "a large subject inside the frame"
    layer[3, 34:] = 1
    assert not is_opaque(layer), "one that stands on the frame: less than half of the border"
    layer[3, 16:] = 1
    assert is_opaque(layer)
