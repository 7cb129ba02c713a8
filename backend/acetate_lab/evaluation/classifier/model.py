"""The classifier (the judge): trained on a model's own data, it predicts what a layer shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (32, 64, 128, 256)
TWICE_FROM = 128
"""Levels of this width and more have two convolutions."""
FEATURES = 128
BATCH = 128


class SubjectClassifier(nn.Module):
    """A convolutional network from premultiplied views, "n 4 64 64", to one score for each of `classes`."""

    def __init__(self, classes: Sequence[str]):
        """Make a randomly initialised network; `classes` are in the order of its scores."""
        super().__init__()
        self.classes = tuple(classes)
        steps: list[nn.Module] = []
        for before, width in zip((4, *WIDTHS), WIDTHS, strict=False):
            steps += [nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.SiLU()]
            if width >= TWICE_FROM:
                steps += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.SiLU()]
        self.body = nn.Sequential(*steps)
        self.neck = nn.Linear(WIDTHS[-1], FEATURES)
        self.head = nn.Linear(FEATURES, len(self.classes))

    def features(self, views: Float[Tensor, "n 4 64 64"]) -> Float[Tensor, "n f"]:
        """What the judge sees in views, before it names them."""
        pooled: Tensor = self.body(views * 2 - 1).mean(dim=(2, 3))
        found: Tensor = self.neck(pooled)
        return found

    def forward(self, views: Float[Tensor, "n 4 64 64"]) -> Float[Tensor, "n classes"]:
        """The scores of all classes; the softmax of them is how sure it is."""
        scores: Tensor = self.head(F.silu(self.features(views)))
        return scores


@torch.inference_mode()
def features_of(judge: SubjectClassifier, views: Float[Tensor, "n 4 64 64"]) -> Float[Tensor, "n f"]:
    """The features of any number of views."""
    return torch.cat([judge.features(some) for some in torch.split(views, BATCH)])


@torch.inference_mode()
def ranked_classes(judge: SubjectClassifier, views: Float[Tensor, "n 4 64 64"]) -> Int[Tensor, "n classes"]:
    """The numbers of the judge's classes for each view, the likeliest first."""
    return torch.cat([judge(some).argsort(dim=1, descending=True) for some in torch.split(views, BATCH)])


def save_classifier(path: Path, judge: SubjectClassifier) -> None:
    """Write the weights and the names of the classes into one .safetensors file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    weights = {name: value.contiguous() for name, value in judge.state_dict().items()}
    save_file(weights, part, metadata={"classes": json.dumps(judge.classes)})
    part.replace(path)


def load_classifier(path: Path) -> SubjectClassifier:
    """Read what `save_classifier` wrote, ready to judge. Raises ValueError of one line when the file is no judge."""
    try:
        with safe_open(path, framework="pt") as opened:
            classes = json.loads(opened.metadata()["classes"])
        judge = SubjectClassifier(classes)
        judge.load_state_dict(load_file(path))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ValueError(f"{path} is no judge: {' '.join(str(error).split()):.200}") from None
    return judge.eval().requires_grad_(False)
