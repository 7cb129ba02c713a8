"""Promises of an artist's kit: controls, style and LoRAs work with every part, and leave no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.adapters.attach import ControlImage, Denoiser, adapted_model
from acetate.models.adapter_files import control_adapter_path
from acetate.models.backbones.stable_diffusion.footprint import footprint
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.memory_plan import CUDA_PLANS, MemoryPlan, Offload, adapter_bytes
from acetate.models.model_cache import ModelCache
from acetate.models.offload import apply_plan
from acetate.models.recipes import AdapterSpec
from acetate.models.registry import ModelRegistry
from acetate_wire.errors import AcetateError
from acetate_wire.request import Lora
from diffusers import ControlNetModel
from safetensors.torch import save_file
from torch import Tensor

from tests.adapters.test_attach import PARTS, a_layer, noise, state_of, texts
from tests.models.published import original_name

Load = Callable[[str], DiffusionModel]


@pytest.fixture
def load(kit_folder: Path, families: ModelRegistry) -> Iterator[Load]:
    yield ModelCache(families, torch.device("cpu"), torch.float32).get


def ask(predictor: Denoiser, model: DiffusionModel, part: AdapterSpec, share: float = 0.5) -> Tensor:
    rows = 2 * len(part.roles)
    prompted = [row >= rows // 2 for row in range(rows)]
    return predictor(noise(rows), torch.tensor(500), texts(model, part), share, (), prompted)


def inputs_of(part: AdapterSpec) -> Mapping[str, Tensor]:
    return {role: a_layer(number) for number, role in enumerate(part.inputs)}


def part_named(name: str) -> AdapterSpec:
    return next(part for _, part in PARTS if part.name == name)


@pytest.mark.parametrize(("family", "part"), PARTS, ids=lambda value: getattr(value, "name", value))
def test_the_whole_kit_goes_with_every_part_and_leaves_no_trace(load: Load, family: str, part: AdapterSpec) -> None:
    model = load(family)
    before, processors = state_of(model), dict(model.sd.unet.attn_processors)
    modules = dict(model.sd.unet.named_modules())
    text = {name: value.clone() for name, value in model.sd.text.encoders[0].state_dict().items()}
    with adapted_model(model, part, inputs_of(part)) as predictor:
        alone = ask(predictor, model, part)
    kinds = ["edge:edges", "line", "scribble", "style"]
    answers = {}
    for kind in kinds:
        with adapted_model(model, part, inputs_of(part), controls=[ControlImage(kind, a_layer(9))]) as predictor:
            answers[kind] = ask(predictor, model, part)
    with adapted_model(model, part, inputs_of(part), loras=[Lora(family, 0.8), Lora(family, 0.3)]) as predictor:
        answers["lora"] = ask(predictor, model, part)
    everything = [ControlImage(kind, a_layer(9)) for kind in kinds]
    with adapted_model(model, part, inputs_of(part), loras=[Lora(family)], controls=everything) as predictor:
        answers["all"] = ask(predictor, model, part)
        predictor.set_enabled(False)
        answers["all, plain"] = ask(predictor, model, part)
    for name, answer in answers.items():
        assert (answer - alone).abs().max() > 1e-4, name
    after = model.sd.unet.state_dict()
    assert list(after) == list(before) and all(torch.equal(after[name], value) for name, value in before.items())
    assert all(model.sd.unet.attn_processors[name] is value for name, value in processors.items())
    now = dict(model.sd.unet.named_modules())
    assert now.keys() == modules.keys() and all(now[name] is module for name, module in modules.items())
    encoder = model.sd.text.encoders[0].state_dict()
    assert list(encoder) == list(text) and all(torch.equal(encoder[name], value) for name, value in text.items())
    with adapted_model(model, part, inputs_of(part)) as predictor:
        assert torch.equal(ask(predictor, model, part), alone)


def test_controlnet_steers_each_frame_by_its_own_noise_and_prompt(load: Load) -> None:
    model, part = load("sd15"), part_named("joint")
    control = ControlImage("edge", a_layer(9), weight=0.7)
    heard: list[dict[str, Any]] = []
    unet_forward = model.sd.unet.forward

    def listen(*arguments: object, **named: object) -> object:
        heard.append(named)
        return unet_forward(*arguments, **named)

    model.sd.unet.forward = listen
    try:
        with adapted_model(model, part, controls=[control]) as predictor:
            states = texts(model, part)
            ask(predictor, model, part)
    finally:
        del model.sd.unet.forward
    net = ControlNetModel.from_pretrained(control_adapter_path("sd15", "edge"))
    over_black = (a_layer(9)[:3] * a_layer(9)[3:])[None]
    with torch.inference_mode():
        for row in range(6):
            down, middle = net(
                noise(6)[row : row + 1],
                500,
                encoder_hidden_states=states.prompt_embeds[row : row + 1],
                controlnet_cond=over_black,
                conditioning_scale=0.7,
                return_dict=False,
            )
            assert torch.allclose(heard[0]["mid_block_additional_residual"][row], middle[0], atol=1e-4)
            given = heard[0]["down_block_additional_residuals"]
            for mine, its in zip(given, down, strict=True):
                assert torch.allclose(mine[row], its[0], atol=1e-4)


@pytest.mark.parametrize("kind", ["edge", "scribble", "style"])
def test_a_control_counts_only_in_its_share_of_the_schedule(load: Load, kind: str) -> None:
    model, part = load("sd15"), part_named("joint")
    with adapted_model(model, part) as predictor:
        plain = ask(predictor, model, part)
    control = ControlImage(kind, a_layer(9), start=0.25, end=0.75)
    with adapted_model(model, part, controls=[control]) as predictor:
        outside = [ask(predictor, model, part, share) for share in (0.0, 0.24, 0.75, 1.0)]
        inside = [ask(predictor, model, part, share) for share in (0.25, 0.74)]
    assert all(torch.allclose(answer, plain, atol=1e-5) for answer in outside)
    assert all((answer - plain).abs().max() > 1e-4 for answer in inside)


def test_a_style_picture_is_shown_only_where_there_is_a_prompt(load: Load) -> None:
    model, part = load("sd15"), part_named("transparent_attn")
    with adapted_model(model, part, controls=[ControlImage("style", a_layer(1))]) as predictor:
        first = ask(predictor, model, part)
    with adapted_model(model, part, controls=[ControlImage("style", a_layer(2))]) as predictor:
        second = ask(predictor, model, part)
    assert torch.equal(first[0], second[0])
    assert (first[1] - second[1]).abs().max() > 1e-5


def test_style_through_attention_sharing_is_diffusers_own_style(load: Load) -> None:
    """At weight 0 the part changes nothing, so its units must hear the picture as diffusers' processors do."""
    model, part = load("sd15"), part_named("transparent_attn")
    control = ControlImage("style", a_layer(1), weight=0.6)
    with adapted_model(model, part, transparency_weight=0.0, controls=[control]) as predictor:
        shared = ask(predictor, model, part)
        predictor.set_enabled(False)
        assert torch.allclose(ask(predictor, model, part), shared, atol=1e-5)


def test_loras_add_up_by_their_weights(load: Load) -> None:
    model, part = load("sdxl"), part_named("attn")
    name = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    heard = torch.randn(1, 3, 32, generator=torch.Generator().manual_seed(4))
    layer = model.sd.unet.get_submodule(name)
    plain = layer(heard)
    from acetate.models.adapter_files import lora_path
    from safetensors.torch import load_file

    weights = load_file(lora_path("sdxl"))
    up, down = weights[f"unet.{name}.lora_B.weight"], weights[f"unet.{name}.lora_A.weight"]
    with adapted_model(model, part, transparency_weight=0.0, loras=[Lora("sdxl", 0.5), Lora("sdxl", 0.25)]):
        assert torch.allclose(model.sd.unet.get_submodule(name)(heard), plain + 0.75 * heard @ down.T @ up.T, atol=1e-4)
    assert model.sd.unet.get_submodule(name) is layer


def test_a_controlnet_in_its_original_form_is_the_same_network(load: Load, kit_folder: Path) -> None:
    model, part = load("sd15"), part_named("joint")
    net = ControlNetModel.from_pretrained(kit_folder / "control" / "sd15" / "edge")
    original = {f"control_model.{controlnet_name(name, net)}": value for name, value in net.state_dict().items()}
    path = kit_folder / "control" / "sd15" / "pose.safetensors"
    save_file(original, path)
    with adapted_model(model, part, controls=[ControlImage("edge", a_layer(9))]) as predictor:
        expected = ask(predictor, model, part)
    with adapted_model(model, part, controls=[ControlImage("pose", a_layer(9))]) as predictor:
        assert torch.allclose(ask(predictor, model, part), expected, atol=1e-5)


def controlnet_name(name: str, net: ControlNetModel) -> str:
    """The name that a parameter of a ControlNet has in the original form."""
    module, _, kind = name.rpartition(".")
    if module.startswith("controlnet_cond_embedding"):
        order = ["conv_in", *(f"blocks.{number}" for number in range(6)), "conv_out"]
        return f"input_hint_block.{2 * order.index(module.partition('.')[2])}.{kind}"
    if module.startswith("controlnet_down_blocks"):
        return f"zero_convs.{module.rpartition('.')[2]}.0.{kind}"
    if module == "controlnet_mid_block":
        return f"middle_block_out.0.{kind}"
    return original_name(name, net)


def test_what_is_missing_is_named_with_the_way_to_it(load: Load) -> None:
    model, part = load("sd15"), part_named("joint")
    for kind, words in (
        ("depth", "acetate models pull sd15/depth"),
        ("weather", "put it into"),
        ("../edge", "no kind of control"),
        ("edge:clouds", "cannot be made from 'clouds'"),
    ):
        with (
            pytest.raises(AcetateError, match=words),
            adapted_model(model, part, controls=[ControlImage(kind, a_layer(1))]),
        ):
            pass
    with (
        pytest.raises(AcetateError, match="there is no LoRA 'nothing'"),
        adapted_model(model, part, loras=[Lora("nothing")]),
    ):
        pass


def test_a_lora_of_another_family_is_refused_and_leaves_no_trace(load: Load) -> None:
    model, part = load("sd15"), part_named("joint")
    before = state_of(model)
    with (
        pytest.raises(AcetateError, match="cannot be used with this model"),
        adapted_model(model, part, loras=[Lora("sdxl")]),
    ):
        pass
    after = model.sd.unet.state_dict()
    assert list(after) == list(before) and all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("placement", ["resident", "model", "sequential"])
@pytest.mark.parametrize("name", ["joint", "bgble2fg"])
def test_the_whole_kit_goes_with_every_placement_and_the_next_job_finds_the_model_placed(
    load: Load, placement: Offload, name: str
) -> None:
    """Offloaded models answer as resident ones do, and their hooks are on again afterwards, also after a refusal."""
    family, part = next(each for each in PARTS if each[1].name == name)
    model = load(family)
    other = "sdxl" if family == "sd15" else "sd15"
    controls = [ControlImage("edge", a_layer(5)), ControlImage("style", a_layer(6))]

    def job(loras: tuple[Lora, ...], controls: list[ControlImage]) -> Tensor:
        with adapted_model(model, part, inputs_of(part), loras=loras, controls=controls) as predictor:
            return ask(predictor, model, part)

    kit = (Lora(family, 0.7),), controls
    wanted, plain = job(*kit), job((), [])
    modules = set(dict(model.sd.unet.named_modules()))
    apply_plan(model, MemoryPlan(placement))
    hooks = hooks_of(model)
    assert bool(hooks) == (placement != "resident")
    assert torch.equal(job(*kit), wanted)
    assert hooks_of(model) == hooks
    assert torch.equal(job((), []), plain)
    with pytest.raises(AcetateError, match="cannot be used with this model"):
        job((Lora(other),), [])
    assert hooks_of(model) == hooks and set(dict(model.sd.unet.named_modules())) == modules
    assert torch.equal(job(*kit), wanted) and model.placement == placement
    apply_plan(model, MemoryPlan())
    assert not hooks_of(model) and torch.equal(job((), []), plain)


def test_the_kit_takes_as_many_bytes_as_planned(load: Load, kit_folder: Path) -> None:
    model, part = load("sdxl"), part_named("bg2ble")
    entry = model.spec
    adapters = adapter_bytes("sdxl", ["sdxl", "sdxl"], ["edge", "scribble", "style"], 4)
    needs = footprint(entry, entry.recipe("foreground", ["background"]), 64, 64, 4, adapters=adapters)
    plain = placed(model.sd.unet, *model.sd.text.encoders)
    controls = [ControlImage(kind, a_layer(5)) for kind in ("edge", "scribble", "style")]
    with adapted_model(
        model, part, inputs_of(part), loras=[Lora("sdxl"), Lora("sdxl")], controls=controls
    ) as predictor:
        ask(predictor, model, part)
        added = placed(model.sd.unet, *model.sd.text.encoders) - plain
        networks = placed(*model.adapters.values())
    assert networks == adapters.controls > 0
    # The widened input of the UNet is not an adapter's.
    assert added == pytest.approx(adapters.loras + adapters.styles, rel=0.02)
    assert needs.layers == 0 and needs.originals > 0
    assert adapter_bytes("sdxl", [], ["edge"], 4, model.adapters).controls == 0, "it is on the device already"
    smaller = footprint(entry, entry.recipe("foreground", ["background"]), 64, 64, 4)
    for plan in CUDA_PLANS:
        assert needs.needed(plan) >= smaller.needed(plan) + adapters.controls
    main_memory = footprint(entry, entry.recipe("foreground", ["background"]), 64, 64, 4, main_memory=True)
    assert main_memory.layers == main_memory.originals == smaller.originals


def placed(*networks: Any) -> int:
    """The bytes of all weights, those of LoRAs and of style's processors and projections among them."""
    weights = [each for network in networks for each in (*network.parameters(), *network.buffers())]
    return sum(each.numel() * each.element_size() for each in weights)


def hooks_of(model: DiffusionModel) -> set[str]:
    """Which of a model's modules move their weights when they are called."""
    found = set()
    for number, network in enumerate((*model.sd.text.encoders, model.sd.unet, model.sd.vae)):
        for name, module in network.named_modules():
            registry = getattr(module, "_diffusers_hook", None)
            if hasattr(module, "_hf_hook") or (registry is not None and registry.hooks):
                found.add(f"{number}.{name}")
    return found
