"""A UNet with the adapters of one job: attached for a `with` block, detached bit-identically."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import torch
from acetate_wire.request import Lora
from jaxtyping import Float
from torch import Tensor

from acetate.adapters.compiled_unet import CompiledUNet
from acetate.adapters.controls import ControlImage, Controls, apply_controls
from acetate.adapters.deltas import WeightDeltas, read_deltas
from acetate.adapters.lora import apply_loras
from acetate.adapters.shared_attention import SharedAttention, SharedAttentionLayers
from acetate.adapters.spatial import UNetInput
from acetate.models.backbones.stable_diffusion.network import size_conditions
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.models.recipes import AdapterSpec
from acetate.models.registry import model_missing_error
from acetate.models.weights import read_weights
from acetate.transparency import composite_on_grey
from acetate.transparency.tiling import Span, crop_latents

__all__ = ["ControlImage", "Denoiser", "Tile", "adapted_model"]

if TYPE_CHECKING:
    from acetate.models.diffusion_model import DiffusionModel


Tile: TypeAlias = tuple[Span, Span]
"""Rows and columns of one tile, in pixels."""


class UNetAdapter(Protocol):
    """An adapter that can be attached to a UNet and detached again."""

    def attach(self) -> Any:
        """Change the UNet. Raises RuntimeError when attached already."""
        ...

    def detach(self) -> None:
        """Restore the UNet bit-identically; does nothing when detached."""
        ...


class ControlInput:
    """The control image of attention sharing with a condition encoder: whole, or cropped to tiles."""

    def __init__(self, sharing: SharedAttention, picture: Float[Tensor, "4 h w"]) -> None:
        self._sharing = sharing
        self._image = composite_on_grey(picture[None])
        self._shown: tuple[Tile, ...] | None = None

    def show(self, tiles: tuple[Tile, ...]) -> None:
        """Use the rows and columns of each row of a batch, all of them where there are none."""
        if self._shown == tiles:
            return
        image = self._image
        if tiles:
            crops = [
                image[:, :, rows.start : rows.stop, columns.start : columns.stop]
                for rows, columns in tiles[:: self._sharing.layers.frames]
            ]
            image = torch.cat(crops)
        self._sharing.set_control_image(image)
        self._shown = tiles


class Denoiser:
    """Calls the adapted UNet. Rows of a batch are (sample, frame), frame fastest, with the adapter's frame count."""

    def __init__(
        self,
        model: DiffusionModel,
        adapter: UNetAdapter | None,
        concat_latents: Float[Tensor, "1 c h w"] | None,
        controls: Controls,
        control_input: ControlInput | None = None,
    ) -> None:
        """`adapter` is on the UNet while enabled; `concat_latents` are appended to its input channels."""
        self._model = model
        self._adapter = adapter
        self._concat_latents = concat_latents
        self._controls = controls
        self._control_input = control_input
        self._enabled = False

    @torch.inference_mode()
    def __call__(
        self,
        sample: Float[Tensor, "b c h w"],
        timestep: Float[Tensor, "..."],
        embeds: PromptEmbeds,
        share: float = 0.0,
        tiles: Sequence[Tile] = (),
        conditional: Sequence[bool] | None = None,
    ) -> Float[Tensor, "b c h w"]:
        """The UNet's prediction, float32.

        `timestep` is a scalar or one value per row. `embeds` has one row per row of the batch, so every frame may have
        its own prompt. `share` in [0, 1] is the fraction of the schedule done; each control is active in its own range
        of it. `tiles` are the rows and columns in pixels that each row of `sample` covers, empty for the whole image;
        with controls they are all the same. `conditional` marks the rows with a prompt, None for all; the others get no
        IP-Adapter images either.
        """
        model = self._model
        networks = model.sd
        rows = embeds.to(model.device, model.dtype)
        timestep, model_input = timestep.to(model.device), sample.to(model.device, model.dtype)
        unet_input = UNetInput(model_input, timestep, rows, size_conditions(sample, rows))
        inputs = self._controls.inputs(
            unet_input, share, tiles[0] if tiles else None, conditional or [True] * len(sample)
        )
        concat_latents = []
        if self._concat_latents is not None and self._enabled:
            concat_latents = [self._concat_latents]
            if tiles:
                concat_latents = [torch.cat([crop_latents(self._concat_latents, *tile) for tile in tiles])]
        if self._control_input is not None and self._enabled:
            self._control_input.show(tuple(tiles))
        return networks.predict(model_input, timestep, rows, concat_latents, **inputs)

    @property
    def transparent(self) -> bool:
        """Whether the adapter is attached; the plain UNet predicts otherwise."""
        return self._enabled

    def set_enabled(self, on: bool) -> None:
        """Attach or detach the transparency adapter between two steps; LoRAs and controls stay attached."""
        if on == self._enabled:
            return
        if self._adapter is not None:
            if on:
                self._adapter.attach()
            else:
                self._adapter.detach()
        self._enabled = on


@contextmanager
def adapted_model(
    model: DiffusionModel,
    spec: AdapterSpec,
    inputs: Mapping[str, Float[Tensor, "4 h w"]] = {},
    *,
    transparency_weight: float = 1.0,
    loras: Sequence[Lora] = (),
    controls: Sequence[ControlImage] = (),
) -> Iterator[Denoiser]:
    """Attach the adapters of a job to the model's UNet; afterwards its state is bit-identical to before.

    `inputs` has straight-alpha images in [0, 1], in the working size, for each role that the adapter takes as
    `control` or `concat`; those that enter as a `frame` are the caller's to put into the batch, at timestep 0.
    `transparency_weight` (0 to 2) scales the adapter. Encode prompts inside the block, since LoRAs may change the text
    encoder too. Raises AcetateError when a file is missing or does not fit.
    """
    with ExitStack() as after:
        # Before LoRAs, which wrap modules and so change the names of the parameters that an adapter changes.
        adapter = _load_adapter(model, spec, transparency_weight)
        after.enter_context(apply_loras(model, loras))
        active_controls = after.enter_context(apply_controls(model, controls))
        concat_latents = None
        if spec.conditioning == "concat":
            concat_latents = torch.cat([model.backbone.encode(inputs[role][None]) for role in spec.inputs], dim=1)
        control_input = None
        if spec.conditioning == "control" and isinstance(adapter, SharedAttention):
            (role,) = spec.inputs
            control_input = ControlInput(adapter, inputs[role].to(model.device))
        if model.compiled is not None:
            model.compiled.library = "torch"
            alone = not (loras or controls or spec.conditioning in ("concat", "control"))
            if alone and spec.kind in ("plain", "sharing") and transparency_weight == 1:
                adapter = CompiledUNet(model.compiled, adapter if isinstance(adapter, SharedAttention) else None)
        denoiser = Denoiser(model, adapter, concat_latents, active_controls, control_input)
        after.callback(denoiser.set_enabled, False)
        denoiser.set_enabled(True)
        yield denoiser


def _load_adapter(model: DiffusionModel, spec: AdapterSpec, weight: float) -> UNetAdapter | None:
    if spec.kind == "plain":
        return None
    path = model.spec.files[spec.name]
    try:
        if spec.kind == "delta":
            latents = len(spec.inputs) if spec.conditioning == "concat" else 0
            return WeightDeltas(model.sd.unet, read_deltas(path, model.sd.unet, latents), weight)
        units = SharedAttentionLayers.from_weights(model.sd.unet, read_weights(path)).to(model.device, model.dtype)
        return SharedAttention(model.sd.unet, len(spec.roles), units, weight=weight)
    except ValueError as error:
        raise model_missing_error(f"the part {spec.name} cannot be used ({error})") from error
