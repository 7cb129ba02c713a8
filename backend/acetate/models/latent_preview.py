"""Small pictures of what is being generated, straight from the latents: the VAE would cost more than a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from acetate.image.resample import unpremultiply
from acetate.models.registry import ModelSpec, model_missing_error
from acetate.models.weights import WeightFileError, load_state_dict_strict, read_weights

PREVIEW_FILE = "preview/preview.safetensors"
"""The weights of a model's preview network, in the model's folder."""
HIDDEN, FACTOR = 16, 2
PLANES = 7
"""What a preview network gives for a pixel: premultiplied colour, alpha, and the colour that the VAE would give."""


class LatentPreview(Protocol):
    """Makes a picture of a latent."""

    def __call__(self, latent: Float[Tensor, "1 c h w"], transparent: bool) -> Float[Tensor, "4 k*h k*w"]:
        """Straight alpha in [0, 1], on the latent's device; opaque where the latent is not of a `transparent` layer.

        `latent` is as the backbone sees it.
        """
        ...


@dataclass(frozen=True)
class LinearPreview:
    """Colour as a linear function of a latent's channels, without alpha: what is clear in a layer is mid grey.

    `factors` has a row for each channel and one to add, for colour in [-1, 1].
    """

    factors: Sequence[Sequence[float]]

    def __call__(self, latent: Float[Tensor, "1 c h w"], transparent: bool) -> Float[Tensor, "4 h w"]:
        """An opaque picture, a pixel for each of the latent's positions."""
        *rows, bias = torch.tensor(self.factors, device=latent.device)
        colour = torch.einsum("chw,cr->rhw", latent[0].float(), torch.stack(rows)) + bias[:, None, None]
        return torch.cat([(colour / 2 + 0.5).clamp(0, 1), torch.ones_like(colour[:1])])


class PreviewNetwork(nn.Module):
    """Two convolutions from latents to pictures of `FACTOR` times their size, fitted to what a model decodes."""

    def __init__(self, latent_channels: int) -> None:
        """Fresh weights."""
        super().__init__()
        self.first = nn.Conv2d(latent_channels, HIDDEN, 3, padding=1)
        self.second = nn.Conv2d(HIDDEN, PLANES * FACTOR**2, 3, padding=1)

    def forward(self, latent: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 7 2*h 2*w"]:
        """Premultiplied colour, alpha, and the VAE's colour, all in about [0, 1]."""
        return F.pixel_shuffle(self.second(F.relu(self.first(latent))), FACTOR)


@dataclass(frozen=True, eq=False)
class FittedPreview:
    """Pictures by a model's own preview network."""

    network: PreviewNetwork

    @torch.inference_mode()
    def __call__(self, latent: Float[Tensor, "1 c h w"], transparent: bool) -> Float[Tensor, "4 2*h 2*w"]:
        """With alpha where the latent is that of a transparent layer."""
        planes = self.network(latent.float())[0].clamp(0, 1)
        if transparent:
            return unpremultiply(planes[:4])
        return torch.cat([planes[4:], torch.ones_like(planes[:1])])


def load_preview(entry: ModelSpec, latent_channels: int, device: torch.device) -> LatentPreview | None:
    """A model's preview: by the factors of its family, else by its own network, None without either.

    Raises AcetateError `model_missing` when its file is damaged.
    """
    path = entry.folder / PREVIEW_FILE
    if entry.family.latent_rgb:
        return LinearPreview(entry.family.latent_rgb)
    if not path.is_file():
        return None
    network = PreviewNetwork(latent_channels)
    try:
        load_state_dict_strict(network, {name: value.float() for name, value in read_weights(path).items()}, path)
    except WeightFileError as error:
        raise model_missing_error(str(error)) from error
    return FittedPreview(network.to(device).eval().requires_grad_(False))


def save_preview(folder: Path, network: PreviewNetwork) -> None:
    """Write the preview network of the model in `folder`, in float16."""
    path = folder / PREVIEW_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half().contiguous() for name, value in network.state_dict().items()}, path)
