"""A stack: several layers of one picture, each in its region, over those below it, in one job."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from acetate.generation import GenerationProgress
from acetate.models.model_cache import ModelCache
from acetate.models.recipes import ModeRecipe, stack_recipes
from acetate.pipelines import resolve_request
from acetate_wire.errors import AcetateError
from acetate_wire.request import Rect, StackLayer
from PIL import Image

from tests.pipelines.conftest import Draw, a_picture, a_request

SIZE = (96, 64)
WHOLE = Rect(0, 0, *SIZE)
LEFT, RIGHT = Rect(4, 8, 40, 48), Rect(50, 0, 46, 64)


def a_stack(*regions: Rect) -> tuple[StackLayer, ...]:
    return tuple(
        StackLayer(prompt, region) for prompt, region in zip(("a cat", "a fish", "a dog"), regions, strict=False)
    )


@pytest.mark.parametrize("family", ["starter", "sd15", "sdxl"])
def test_each_layer_has_its_region_and_the_background_is_below(draw: Draw, family: str) -> None:
    layers = draw("stack", size=SIZE, model=family, prompt="a beach", stack=a_stack(LEFT, RIGHT))
    assert [(layer.role, layer.name) for layer in layers] == [
        ("background", "a beach"),
        ("foreground", "a cat"),
        ("foreground", "a fish"),
    ]
    for layer, region in zip(layers, (WHOLE, LEFT, RIGHT), strict=True):
        assert (layer.x, layer.y, layer.picture.shape) == (region.x, region.y, (region.height, region.width, 4))


def test_a_layer_is_drawn_over_what_is_below_as_far_as_its_region_shows_it(draw: Draw) -> None:
    background, first, second = draw("stack", size=SIZE, prompt="a beach", stack=a_stack(LEFT, Rect(20, 0, 64, 64)))
    below = Image.fromarray((background.picture * 255).round().to(torch.uint8).numpy(), "RGBA")
    whole = Image.new("RGBA", SIZE)
    whole.paste(Image.fromarray((first.picture * 255).round().to(torch.uint8).numpy(), "RGBA"), (LEFT.x, LEFT.y))
    seen = torch.tensor(list(Image.alpha_composite(below, whole).crop((20, 0, 84, 64)).tobytes())).view(64, 64, 4) / 255
    (alone,) = draw("foreground", prompt="a fish", seed=second.settings.seed, background=seen.permute(2, 0, 1))
    (elsewhere,) = draw("foreground", prompt="a fish", seed=second.settings.seed, background=a_picture(3))
    near, far = (float((each.picture - second.picture).abs().mean()) for each in (alone, elsewhere))
    assert near < far / 4


def test_over_a_given_background_only_the_stack_comes_back(draw: Draw) -> None:
    layers = draw("stack", prompt="", stack=a_stack(Rect(0, 0, 32, 64)), background=a_picture(1))
    assert [(layer.role, layer.name, layer.x) for layer in layers] == [("foreground", "a cat", 0)]


def test_a_first_layer_without_a_region_is_drawn_together_with_its_background(draw: Draw) -> None:
    stacked = draw("stack", prompt="a beach", stack=a_stack(Rect(0, 0, 64, 64)))
    prompts = {"foreground": "a cat", "background": "a beach"}
    pair = draw("scene", prompt="a beach", layer_prompts=prompts, returns=("background", "foreground"))
    assert all(torch.equal(mine.picture, its.picture) for mine, its in zip(stacked, pair, strict=True))


def test_a_seed_gives_the_same_stack_in_any_company_and_progress_counts_all_of_it(draw: Draw) -> None:
    reports: list[GenerationProgress] = []
    stack: dict[str, Any] = {"size": SIZE, "prompt": "a beach", "stack": a_stack(LEFT, RIGHT)}
    two = draw("stack", report=reports.append, count=2, **stack)
    alone = draw("stack", seed=6, **stack)
    assert all(torch.equal(one.picture, other.picture) for one, other in zip(two[3:], alone, strict=True))
    drawing = [each for each in reports if each.stage != "loading"]
    assert {each.steps for each in drawing} == {2 * 3 * 3}
    assert [each.step for each in drawing] == sorted(each.step for each in drawing)
    assert drawing[-1].step == 2 * 3 * 3


def test_what_is_missing_or_outside_is_refused_in_words(store: ModelCache) -> None:
    good = a_request("stack", {}, SIZE, stack=a_stack(LEFT))
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"prompt": ""}, "prompt", "background"),
        ({"stack": ()}, "stack", "at least one"),
        ({"stack": a_stack(Rect(90, 0, 20, 20))}, r"stack[0].target", "inside"),
        ({"layer_prompts": {"background": "a sea"}}, "layer_prompts", "prompt"),
        ({"mode": "scene"}, "stack", "mode stack"),
    ]
    for change, field, hint in cases:
        with pytest.raises(AcetateError) as refusal:
            resolve_request(replace(good, **change), store.registry)
        assert refusal.value.field == field and hint in (refusal.value.hint or "")
    with pytest.raises(AcetateError, match="prompt is empty"):
        StackLayer(" ", LEFT)


def test_only_what_a_model_has_can_be_stacked() -> None:
    foreground = ModeRecipe("foreground", (), ("background",))
    assert [way.inputs for way in stack_recipes([foreground])] == [("background",)]
    assert stack_recipes([ModeRecipe("text", ()), ModeRecipe("background", (), ("foreground",))]) == ()
