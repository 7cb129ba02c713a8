"""Every kind of element: its frame, its loop, its sliders and colours, the same at every size and in every process."""

from __future__ import annotations

import hashlib
import multiprocessing

import numpy as np
import pytest
from acetate.elements import KINDS, frame, paint, sample
from acetate.elements.frame import Layer
from acetate.elements.params import Choice, ColourValue, Number

from benchmarks.elements import CLEAR, border, clipped, difference
from tests.elements.figures import FIGURES, measured, sliders

NAMES = tuple(KINDS)
STRANDS = {"hair", "fur", "web", "dandelion", "grass"}
"""Kinds of strands thinner than a pixel, whose overlaps depend on the size a little."""
GROWING = {"density", "intensity", "brightness", "thickness", "sparks", "strands"}
"""Parameters of which more covers more."""
INTERFERENCE = 0.08
"""How far a step of a slider may fall back, as a share of all that it moves, where random places overlap otherwise."""


def premultiplied(layer: Layer) -> Layer:
    return np.concatenate([layer[..., :3] * layer[..., 3:], layer[..., 3:]], axis=-1)


def steepness(layer: Layer) -> float:
    """How much a picture changes across by how much it changes down."""
    picture = premultiplied(layer).sum(axis=-1)
    return float(np.abs(np.diff(picture, axis=1)).sum() / np.abs(np.diff(picture, axis=0)).sum())


def digests() -> dict[str, str]:
    """A digest of each kind's layer."""
    return {kind: hashlib.sha256(paint(kind, {}, 72, 56, 7).tobytes()).hexdigest() for kind in NAMES}


def test_the_same_request_gives_the_same_bytes_in_another_process_and_in_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frame, "WORKERS", 1)
    monkeypatch.setattr(frame, "BAND_PIXELS", 1 << 11)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(digests) == digests()


@pytest.mark.parametrize("kind", NAMES)
def test_a_contained_subject_is_clear_of_the_border_and_a_filling_one_reaches_it(kind: str) -> None:
    values = sample(kind, 1)
    for width, height in ((61, 61), (48, 192), (192, 48)):
        layer = paint(kind, values, width, height, 1)
        assert layer.shape == (height, width, 4)
        assert layer.dtype == np.float32
        assert layer.min() >= 0
        assert layer.max() <= 1
        assert layer[..., 3].max() > 0.02
        assert border(layer) > 0.01 if KINDS[kind].fills else border(layer) < CLEAR, (width, height)


@pytest.mark.parametrize("kind", [name for name in NAMES if not KINDS[name].fills])
def test_seeds_with_other_sliders_are_not_clipped_either(kind: str) -> None:
    assert clipped(kind, 2) == []


@pytest.mark.parametrize("kind", [name for name in NAMES if KINDS[name].loops])
def test_a_loop_ends_where_it_begins_and_moves_between(kind: str) -> None:
    first, second, last = (paint(kind, {}, 56, 56, 3, index, 6) for index in (0, 2, 6))
    assert np.array_equal(first, last)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("kind", NAMES)
def test_twice_the_size_is_the_same_picture(kind: str) -> None:
    assert difference(kind) <= (0.01 if kind in STRANDS else 0.003)


@pytest.mark.parametrize("kind", NAMES)
def test_no_frame_stretches_what_is_in_it(kind: str) -> None:
    square, *others = (steepness(paint(kind, {}, *size, 2)) for size in ((96, 96), (48, 192), (192, 48)))
    assert all(0.4 < other / square < 2.5 for other in others)


@pytest.mark.parametrize("kind", NAMES)
def test_a_colour_changes_the_colour_and_leaves_the_alpha_bit_for_bit(kind: str) -> None:
    usual = paint(kind, {}, 56, 56, 1)
    for parameter in KINDS[kind].parameters():
        if isinstance(parameter, ColourValue):
            tinted = paint(kind, {parameter.name: "#20c040"}, 56, 56, 1)
            assert np.array_equal(tinted[..., 3], usual[..., 3])
            assert not np.array_equal(tinted[..., :3], usual[..., :3])


def positions(parameter: Number, count: int) -> list[float]:
    """Evenly spread positions of a slider, from its lowest to its highest."""
    spread = [parameter.low + (parameter.high - parameter.low) * step / (count - 1) for step in range(count)]
    return [round(place) if parameter.whole else place for place in spread]


def test_the_table_says_of_each_slider_what_it_moves() -> None:
    listed = [(slider.kind, slider.name) for slider in sliders()]
    numbers = {name: [one for one in kind.parameters() if isinstance(one, Number)] for name, kind in KINDS.items()}
    assert sorted(listed) == sorted((kind, one.name) for kind, ones in numbers.items() for one in ones)


@pytest.mark.parametrize("kind", NAMES)
def test_each_slider_moves_one_way_what_it_is_for_and_each_half_of_it_changes_the_picture(kind: str) -> None:
    parameters = {parameter.name: parameter for parameter in KINDS[kind].parameters()}
    for slider in (slider for slider in sliders() if slider.kind == kind):
        parameter = parameters[slider.name]
        assert isinstance(parameter, Number)
        pictures = [
            measured(paint(kind, {**slider.others, slider.name: place}, 64, 64, 2)) for place in positions(parameter, 5)
        ]
        low, half, high = pictures[::2]
        assert min(np.abs(low - half).max(), np.abs(half - high).max()) > 0.02, slider
        if slider.name in GROWING:
            covers = [float(picture[..., 3].mean()) for picture in (low, half, high)]
            assert covers == sorted(covers), (slider, covers)
        values = [slider.way * FIGURES[slider.figure](picture) for picture in pictures]
        moved = values[-1] - values[0]
        assert moved > 0.015 * max(map(abs, values)), (slider, values)
        assert min(np.diff(values)) > -INTERFERENCE * moved, (slider, values)


def test_what_a_kind_has_not_and_values_beyond_its_limits_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"no element .dragon."):
        paint("dragon", {}, 32, 32, 1)
    with pytest.raises(ValueError, match=r"Smoke has no parameter 'curl'"):
        paint("smoke", {"curl": 0.5}, 32, 32, 1)
    with pytest.raises(ValueError, match=r"density 1\.5 must be a number from 0 to 1"):
        paint("smoke", {"density": 1.5}, 32, 32, 1)
    with pytest.raises(ValueError, match=r"colour .blue. must be a colour such as"):
        paint("smoke", {"colour": "blue"}, 32, 32, 1)
    with pytest.raises(ValueError, match=r"count 2\.5 must be a whole number from 1 to 6"):
        paint("lightning", {"count": 2.5}, 32, 32, 1)


@pytest.mark.parametrize("kind", NAMES)
def test_the_map_of_a_kind_says_all_that_a_slider_needs(kind: str) -> None:
    fields = KINDS[kind].to_map()
    assert fields["name"] == kind
    assert fields["blend"] == ("add" if KINDS[kind].light else "normal")
    for parameter, shown in zip(KINDS[kind].parameters(), fields["parameters"], strict=True):
        assert (shown["name"], shown["label"]) == (parameter.name, parameter.label)
        if isinstance(parameter, Number):
            assert shown["low"] <= shown["default"] <= shown["high"]
            assert all(parameter.low <= value <= parameter.high for value in parameter.words.values())
        if isinstance(parameter, Choice):
            assert shown["default"] in dict(shown["options"])


def test_work_ends_where_the_watcher_says_so() -> None:
    class CancelledError(Exception):
        pass

    def stop(_share: float) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        paint("smoke", {}, 64, 64, 1, on_progress=stop)


def test_progress_grows_to_the_whole() -> None:
    shares: list[float] = []
    paint("candle", {}, 600, 600, 1, on_progress=shares.append)
    assert shares[-1] == 1
    assert len(shares) > 3
    assert all(0 < share <= 1 for share in shares)


def test_a_large_glow_has_a_thousand_steps_of_alpha_at_sixteen_bits() -> None:
    alpha = paint("glow", {}, 2048, 2048, 1)[..., 3]
    assert len(np.unique(np.rint(alpha * 65535))) >= 1000
