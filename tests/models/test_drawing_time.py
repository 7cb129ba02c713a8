"""What a transformer takes at the least: its operations, counted from the files, over the device's measured speed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from acetate.image.sizes import Size
from acetate.models import drawing_time
from acetate.models.backbones.native_footprint import operations
from acetate.models.drawing_time import LONGEST_S, DeviceSpeed, check_time, in_words, least_seconds, measured_speed
from acetate.models.families import KLEIN, QWEN_IMAGE21, QWEN_LAYERED, ModelFamily, ModelSource
from acetate.models.memory_plan import MemoryPlan
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry, ModelSpec
from acetate_wire.errors import AcetateError
from acetate_wire.request import LayerRequest, PictureSpec, Rect
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.models.tiny_native import write_klein, write_qwen_image21, write_qwen_layered

SIZE = Size(768, 512)
PROCESSOR, CARD = DeviceSpeed(5e11, float("inf")), DeviceSpeed(1e14, 1e10)
"""Eight fast cores, and a large card."""


def a_split(**fields: object) -> LayerRequest:
    request = LayerRequest(
        "split", (8, 8), Rect(0, 0, 8, 8), "a cat", model="layered", inputs={"blend": PictureSpec(0, 8, 8)}, layers=3,
        steps=50, guidance=4.0,
    )  # fmt: skip
    return replace(request, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("family", "write", "given", "least"),
    [
        (QWEN_LAYERED, write_qwen_layered, 1, 0.9),
        (KLEIN, write_klein, 0, 0.5),
        (KLEIN, write_klein, 2, 0.7),
        (QWEN_IMAGE21, write_qwen_image21, 0, 0.9),
    ],
)
def test_operations_are_those_that_pytorch_counts(
    tmp_path: Path, family: ModelFamily, write: Callable[[Path], None], given: int, least: float
) -> None:
    """But for those of words, of which klein always has 512 tokens, a third of what this picture has."""
    write(tmp_path)
    models = ModelCache(ModelRegistry({"tiny": ModelSource(tmp_path, family, "")}), torch.device("cpu"), torch.float32)
    backbone = models.get("tiny").native
    latents = torch.zeros(1, backbone.channels, SIZE.height // backbone.scale, SIZE.width // backbone.scale)
    embeds = backbone.encode_text(["a"])
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        backbone.predict(latents, torch.tensor(500.0), embeds, [latents] * given)
    found = operations(models.registry.entry("tiny"), SIZE, 1 + given)
    assert least < found / counter.get_total_flops() <= 1


def layered(folder: Path) -> ModelSpec:
    write_qwen_layered(folder)
    return ModelRegistry({"layered": ModelSource(folder, QWEN_LAYERED, "")}).entry("layered")


def test_time_grows_with_steps_layers_pictures_and_guidance_and_with_what_is_moved(tmp_path: Path) -> None:
    entry, plan = layered(tmp_path), MemoryPlan()

    def seconds(plan: MemoryPlan = plan, speed: DeviceSpeed = PROCESSOR, **fields: object) -> float:
        return least_seconds(entry, a_split(**fields), SIZE, plan, 10**9, speed)

    whole = seconds()
    assert whole == pytest.approx(2 * seconds(guidance=1.0)) == pytest.approx(2 * seconds(steps=25))
    assert seconds(count=3) == pytest.approx(3 * whole)
    assert seconds(layers=8) > 2 * whole and seconds(layers=None) == seconds(layers=6)
    card = seconds(speed=CARD)
    assert seconds(MemoryPlan("model"), CARD) == card
    assert seconds(MemoryPlan("sequential"), CARD) == pytest.approx(card + 50 * 2 * 0.1)


def test_the_speed_of_this_processor_is_measured() -> None:
    speed = measured_speed(torch.device("cpu"), torch.float32)
    assert 1e8 < speed.operations < 1e14 and speed.bytes == float("inf")
    assert measured_speed(torch.device("cpu"), torch.float32) is speed


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "1 minute"), (3599, "59 minutes"), (7200, "2 hours"), (86400, "24 hours"), (9e5, "10 days")],
)
def test_times_are_named_in_whole_units(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_what_takes_hours_is_refused_with_its_time_and_the_way_out() -> None:
    check_time(a_split(), LONGEST_S, torch.device("cpu"))
    with pytest.raises(AcetateError, match="takes at least 7 hours on the processor, over the limit of 2 hours") as no:
        check_time(a_split(), 7.9 * 3600, torch.device("cpu"))
    assert (no.value.code, no.value.field) == ("too_slow", "steps")
    assert "fewer steps" in no.value.hint and "--however-long" in no.value.hint


def test_only_transformers_are_refused_and_only_where_the_request_does_not_allow_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_qwen_layered(tmp_path)
    models = ModelCache(device=torch.device("cpu"), dtype=torch.float32)
    sources = {**models.registry.sources, "layered": ModelSource(tmp_path, QWEN_LAYERED, "")}
    models.registry = ModelRegistry(sources)
    monkeypatch.setattr(drawing_time, "LONGEST_S", 0.0)
    planned = models.plan("layered", "split", ("blend",), (SIZE.width, SIZE.height))
    with pytest.raises(AcetateError) as refused:
        models.check_time(a_split(), SIZE, planned)
    assert refused.value.code == "too_slow"
    models.check_time(a_split(however_long=True), SIZE, planned)
    planned = models.plan("starter", "text", (), (128, 128))
    request = LayerRequest("text", (8, 8), Rect(0, 0, 8, 8), "a cat", steps=1000, count=10)
    models.check_time(request, Size(128, 128), planned)
