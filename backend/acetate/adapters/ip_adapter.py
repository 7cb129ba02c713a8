"""IP-Adapter (Ye et al. 2023): image prompts for style."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.adapters.diffusers_pipeline import as_pipeline
from acetate.models.adapter_files import ip_adapter_paths
from acetate.models.feature_cache import content_hash
from acetate.models.offload import without_offloading
from acetate.models.registry import model_missing_error

if TYPE_CHECKING:
    from acetate.models.diffusion_model import DiffusionModel


class IPAdapter:
    """Image prompts on an adapted UNet; `embeds` has a pair per image: for unconditional and for conditional rows."""

    def __init__(self, unet: Any, embeds: Sequence[tuple[Tensor, Tensor]]) -> None:
        """The UNet must have the IP-Adapter's attention processors already."""
        self._processors = _install_processors(unet)
        self._embeds = embeds

    def set_weights(self, weights: Sequence[float]) -> None:
        """Set the scale of each image from here on."""
        for processor in self._processors:
            processor.scale = list(weights)

    def rows(self, conditional: Sequence[bool]) -> list[Float[Tensor, "b 1 ..."]]:
        """The image embeds of each image, a row for each of the batch."""
        return [torch.cat([pair[int(each)] for each in conditional]) for pair in self._embeds]


def _install_processors(unet: Any) -> list[Any]:
    """The attention processors with IP-Adapter projections."""
    return [each for each in unet.attn_processors.values() if hasattr(each, "to_k_ip")]


@contextmanager
def apply_ip_adapter(model: DiffusionModel, pictures: Sequence[Float[Tensor, "4 h w"]]) -> Iterator[IPAdapter | None]:
    """Attach an IP-Adapter to the UNet for a `with` block, with these straight-alpha images in [0, 1].

    Raises AcetateError `model_missing` when there is none for the family, or it does not fit.
    """
    if not pictures:
        yield None
        return
    unet = model.sd.unet
    file, encoder = ip_adapter_paths(model.spec.family.name)
    before = dict(unet.attn_processors)
    projection, projected = unet.encoder_hid_proj, unet.config.encoder_hid_dim_type
    pipeline = as_pipeline(model)
    try:
        try:
            count = len(pictures)
            names = {"weight_name": [file.name] * count, "subfolder": [""] * count}
            with without_offloading(model):
                pipeline.load_ip_adapter(
                    [str(file.parent)] * count, image_encoder_folder=None, local_files_only=True, **names
                )
                for network in (unet.encoder_hid_proj, *_install_processors(unet)):
                    network.to(unet.device, model.dtype)
            key = (file, content_hash(pictures))
            features = model.features.get(key, model.device, lambda: _embeds(model, encoder, pictures))
            found = [each for each in features if each is not None]
            embeds = list(zip(found[::2], found[1::2], strict=True))
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise model_missing_error(f"the style adapter {file} cannot be used ({reason:.300})") from error
        yield IPAdapter(unet, embeds)
    finally:
        with without_offloading(model):
            unet.set_attn_processor(before)
            unet.encoder_hid_proj = projection
        unet.config.encoder_hid_dim_type = projected


@torch.inference_mode()
def _embeds(model: DiffusionModel, encoder: Any, pictures: Sequence[Float[Tensor, "4 h w"]]) -> tuple[Tensor, ...]:
    """The image encoder's output for no image and then for the image, for each image, in the form that the projection
    layer takes.
    """
    from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

    network = CLIPVisionModelWithProjection.from_pretrained(
        encoder, dtype=model.dtype, use_safetensors=True, local_files_only=True
    ).to(model.device)
    image_size = int(network.config.image_size)
    processor = CLIPImageProcessor(
        size={"shortest_edge": image_size}, crop_size={"height": image_size, "width": image_size}
    )
    found: list[Tensor] = []
    for layer, projection in zip(pictures, model.sd.unet.encoder_hid_proj.image_projection_layers, strict=True):
        over_grey = layer[:3] * layer[3:] + 0.5 * (1 - layer[3:])
        pixels = processor(images=over_grey.clamp(0, 1).cpu(), do_rescale=False, return_tensors="pt").pixel_values
        pixels = pixels.to(model.device, model.dtype)
        read = _summary if type(projection).__name__ == "ImageProjection" else _details
        # Unconditional rows get a black image's hidden states, or zeros in place of the pooled embeds.
        found += [read(network, torch.zeros_like(pixels), True), read(network, pixels, False)]
    return tuple(found)


def _summary(network: Callable[..., Any], pixels: Tensor, without: bool) -> Tensor:
    embeds: Tensor = network(pixels).image_embeds[:, None]
    return torch.zeros_like(embeds) if without else embeds


def _details(network: Callable[..., Any], pixels: Tensor, without: bool) -> Tensor:
    embeds: Tensor = network(pixels, output_hidden_states=True).hidden_states[-2][:, None]
    return embeds
