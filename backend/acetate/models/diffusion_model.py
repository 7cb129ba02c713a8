"""A model in memory: its networks, encoding to latents and decoding from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from acetate_wire.errors import AcetateError
from acetate_wire.vocabulary import Vocabulary
from jaxtyping import Float
from torch import Tensor

from acetate.models.backbones.backbone import NativeBackbone
from acetate.models.backbones.stable_diffusion.compiled.unets import CompiledUNets
from acetate.models.backbones.stable_diffusion.network import StableDiffusion
from acetate.models.feature_cache import FeatureCache
from acetate.models.finite import finite_or_wider
from acetate.models.latent_preview import LatentPreview, load_preview
from acetate.models.memory_plan import Offload
from acetate.models.registry import ModelSpec
from acetate.models.transparency_loader import load_decoder, load_encoder, load_upsampler_of
from acetate.transparency import (
    LayerUpsampler,
    Passes,
    Transparency,
    TransparentDecoder,
    composite_on_grey,
    decode_tiled,
)


@dataclass(eq=False)
class DiffusionModel:
    """A model in memory, on `device`: its networks, and what gives it transparency.

    The network that predicts computes in `dtype`. `adapters` are the cached control networks, by path. `int8` is True
    when the linear layers of that network are quantized to 8 bits, `fp8` when its layers are stored in float8.
    `partial_loras` tells of LoRAs of which some modules belong to another model: how many of how many, by name.
    `compiled` are the forms of its UNet that OpenVINO computes, None where PyTorch computes everything.
    `placement` is where the networks are since `offload.apply_plan` put them there; `hooks` are what moves them.
    `batch` is how many samples or tiles go through that network at a time where they may, and `exact_batches` tells of
    shapes whether samples come out of it together as each alone. `features` are those of earlier jobs' prompts and
    control images.
    """

    spec: ModelSpec
    backbone: StableDiffusion | NativeBackbone
    vocabulary: Vocabulary | None
    device: torch.device
    dtype: torch.dtype
    adapters: dict[Path, Any] = field(default_factory=dict)
    partial_loras: dict[str, tuple[int, int]] = field(default_factory=dict)
    int8: bool = False
    fp8: bool = False
    nf4: bool = False
    placement: Offload | None = None
    hooks: list[Any] = field(default_factory=list)
    batch: int = 1
    exact_batches: dict[tuple[Any, ...], bool] = field(default_factory=dict)
    compiled: CompiledUNets | None = None
    features: FeatureCache = field(default_factory=FeatureCache)

    @property
    def format(self) -> tuple[torch.dtype, bool, bool, bool]:
        """The number format of the network that predicts, and whether it is in 8 bits, or stored in float8 or NF4."""
        return self.dtype, self.int8, self.fp8, self.nf4

    @property
    def latent_channels(self) -> int:
        """How many channels a latent has."""
        return self.backbone.channels

    @property
    def library(self) -> str:
        """What computes the UNet with the adapters that were attached last: `torch`, or OpenVINO with its version."""
        return "torch" if self.compiled is None else self.compiled.library

    @property
    def sd(self) -> StableDiffusion:
        """The networks of a Stable Diffusion model, which layer files and controls change.

        Raises AcetateError `mode_unsupported` for a model of another architecture.
        """
        if isinstance(self.backbone, StableDiffusion):
            return self.backbone
        raise AcetateError(
            "mode_unsupported",
            f"{self.spec.name} is no Stable Diffusion model, which layer files and controls are made for",
            field="model",
            hint="leave them out, or choose a model of Stable Diffusion",
        )

    @property
    def native(self) -> NativeBackbone:
        """The networks of a model that draws transparent layers by itself. Raises AcetateError `mode_unsupported`."""
        if not isinstance(self.backbone, StableDiffusion):
            return self.backbone
        raise AcetateError("mode_unsupported", f"{self.spec.name} draws no layers by itself", field="model")

    @cached_property
    def decoder(self) -> TransparentDecoder:
        """The transparent decoder, loaded when it is first needed. Raises AcetateError `model_missing`."""
        return load_decoder(self.spec, self.device)

    @cached_property
    def transparency(self) -> Transparency:
        """Offset encoder and transparent decoder, loaded when first needed. Raises AcetateError `model_missing`."""
        encoder, multiplier = load_encoder(self.spec, self.device)
        return Transparency(encoder, self.decoder, multiplier)

    @cached_property
    def upsampler(self) -> LayerUpsampler | None:
        """Enlarges decoded layers; None where the model has none. Raises AcetateError `model_missing` when damaged."""
        return load_upsampler_of(self.spec, self.device)

    @cached_property
    def preview(self) -> LatentPreview | None:
        """Makes small pictures of latents; None where nothing is known of them. Raises AcetateError `model_missing`."""
        return load_preview(self.spec, self.latent_channels, self.device)

    @torch.inference_mode()
    def encode(self, layer: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n c h/8 w/8"]:
        """The latent of a transparent layer with its alpha hidden in it, as the backbone sees it.

        `layer` is straight alpha, in [0, 1], its sides multiples of 8. Raises AcetateError `model_missing` when the
        offset encoder is not there, and `internal` when what comes out is not a number.
        """
        transparency, networks = self.transparency, self.sd
        rgba = layer.to(self.device, torch.float32)
        return networks.normalised(transparency.hide(networks.posterior(composite_on_grey(rgba)), rgba))

    @torch.inference_mode()
    def decode_transparent(
        self, latent: Float[Tensor, "n c h w"], passes: Passes, *, scaled: bool = False
    ) -> Float[Tensor, "n 4 8*h 8*w"]:
        """Decode a latent to a transparent layer, straight alpha, in [0, 1], float32.

        `passes` is the number of test-time augmentations for the median. The transparent decoder gets the VAE's latent,
        or with `scaled` the normalised one, which is for comparison. Raises AcetateError `internal` when the latent or
        the picture is not a number.
        """
        plain = self.sd.plain(latent)

        # Checked here: the median and clamping to [0, 1] would hide a NaN.
        def decoder(picture: Tensor, part: Tensor) -> Tensor:
            return finite_or_wider(self.decoder, lambda: self.decoder(picture, part), "transparent decoder")

        colour = self.sd.decode_plain(plain)
        return decode_tiled(decoder, colour, latent.float() if scaled else plain, passes)

    @torch.inference_mode()
    def upscale(self, layer: Float[Tensor, "4 h w"]) -> Float[Tensor, "4 kh kw"]:
        """Enlarge a decoded layer by the upsampler's factor; unchanged where the model has none.

        Straight alpha, in [0, 1], float32; opaque layers stay so to the last bit.
        """
        upsampler = self.upsampler
        if upsampler is None:
            return layer
        small = layer[None].to(self.device)
        large = finite_or_wider(upsampler, lambda: upsampler(small).float(), "upsampler").clamp(0, 1)[0]
        if bool((layer[3] == 1).all()):
            large[3] = 1
        return large
