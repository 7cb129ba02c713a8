"""Batches of the starter's training: the same on every device, and nothing waits for the device in a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from acetate_lab.training.augment import CPU, RandomView, random_backgrounds, random_views, randomly_tinted
from acetate_lab.training.autoencoder import vae_pictures
from acetate_lab.training.diffusion import Samples, train_diffusion
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.objectives import DiffusionObjective
from acetate_lab.training.optimizer import OptimizerConfig
from acetate_lab.training.starter.caption_text import train_tokenizer
from acetate_lab.training.starter.dataset import PictureRecord
from acetate_lab.training.starter.latent_cache import tokenize
from acetate_lab.training.starter.wording import with_role
from acetate_lab.training.text_training import noise_scheduler, train_text
from acetate_lab.training.trainer import Trainer, TrainerConfig
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import CLIPTextModel

APPLE = PictureRecord("red apple", ("red apple", "apple"), "3d", "set", "MIT", "food", "vocabulary", "red", True)


def test_captions_have_the_tokens_that_the_tokenizer_gives_them(tmp_path: Path) -> None:
    tokenizer = train_tokenizer([APPLE], tmp_path)
    texts = [
        with_role("layer", ""),
        with_role("background", "a red apple, painted"),
        "Two  APPLES' zebra-striped\tcar in front of 12 jalapeño",
        "",
        " ".join(["a red apple and"] * 20),
    ]
    length = tokenizer.model_max_length
    wanted = tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
    for _ in range(2):
        assert torch.equal(tokenize(tokenizer, texts), wanted.input_ids)


@pytest.mark.parametrize(
    "make",
    [
        lambda rgba, chance: random_views(rgba, 24, RandomView(), chance),
        randomly_tinted,
        lambda rgba, chance: random_backgrounds(rgba[:, :3], chance),
        lambda rgba, chance: vae_pictures(rgba, 3),
    ],
    ids=["views", "tints", "backgrounds", "vae"],
)
def test_pictures_are_made_on_the_device_that_they_are_on(make: Any) -> None:
    """Tensors of the device `meta` have no values, but refuse to be mixed with the processor's, as a card's do."""
    made = make(torch.empty(2, 4, 32, 32, device="meta"), torch.Generator().manual_seed(1))
    assert made.device.type == "meta"


class ScalarsRead(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts how often a tensor's value is asked for, where a graphics card would be waited for."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_no_step_waits_for_the_value_of_a_tensor(tmp_path: Path) -> None:
    def scalars(steps: int) -> int:
        torch.manual_seed(0)
        model = nn.Conv2d(4, 4, 3, padding=1)

        def draw(step: int) -> Samples[Tensor]:
            latents = torch.randn(2, 1, 4, 8, 8, generator=Trainer.generator(step))
            return Samples(latents, torch.zeros(2, 3), torch.zeros(2, 1, dtype=torch.bool))

        with ScalarsRead() as read:
            train_diffusion(
                model,
                lambda noisy, times, words, control: model(noisy),
                DiffusionObjective(noise_scheduler().config),
                draw,
                lambda path: None,
                tmp_path / str(steps),
                TrainerConfig(steps, 2, checkpoint_seconds=600, report_seconds=600),
                OptimizerConfig(1e-3, clip=1.0),
                Distributed(),
                lambda line: None,
            )
        found: int = read.count
        return found

    assert scalars(2) == scalars(8)
    with ScalarsRead() as read:
        float(torch.ones(1, device=CPU).sum())
    assert read.count == 1, "and a value that is read counts"


@pytest.mark.slow
def test_a_compiled_unet_learns_as_the_plain_one_does(tiny_starter: Path, tmp_path: Path) -> None:
    """The graph is captured as for every backend; without one, eager execution computes it bit for bit alike."""

    def trained(compiler: str | None) -> dict[str, Tensor]:
        unet = UNet2DConditionModel.from_pretrained(tiny_starter / "unet").float()
        text_encoder = CLIPTextModel.from_pretrained(tiny_starter / "text_encoder").float()

        def draw(step: int) -> Samples[Tensor]:
            latents = torch.randn(2, 1, 4, 8, 8, generator=Trainer.generator(step))
            return Samples(latents, torch.ones(2, 5, dtype=torch.long), torch.zeros(2, 1, dtype=torch.bool))

        settings = TrainerConfig(3, 2, compiler=compiler, sheet_steps=9)
        learning = OptimizerConfig(1e-3, warm_up=1)
        folder = tmp_path / str(compiler)
        train_text(
            unet, text_encoder, draw, lambda path: None, folder, settings, learning, Distributed("float32"), print
        )
        return dict(unet.state_dict())

    plain, through_graphs = trained(None), trained("eager")
    before = UNet2DConditionModel.from_pretrained(tiny_starter / "unet").float().state_dict()
    assert any(not torch.equal(value, before[name]) for name, value in plain.items())
    for name, value in plain.items():
        assert torch.equal(through_graphs[name], value), name
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] >= 1, "something was captured"
