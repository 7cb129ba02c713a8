"""Preparing a UNet for one job: attach what it needs, answer step by step, detach without a trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import torch
from acetate_wire.request import Lora
from jaxtyping import Float
from torch import Tensor

from acetate.adapters.controls import ControlImage, Controls, apply_controls
from acetate.adapters.deltas import WeightDeltas, read_deltas
from acetate.adapters.lora import apply_loras
from acetate.adapters.shared_attention import SharedAttention, SharedAttentionLayers
from acetate.adapters.spatial import UNetInput
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.models.recipes import AdapterSpec
from acetate.models.registry import model_missing_error
from acetate.models.weights import read_weights
from acetate.transparency import composite_on_grey
from acetate.transparency.tiling import Span, crop_latents

__all__ = ["ControlImage", "Denoiser", "Tile", "adapted_unet"]

if TYPE_CHECKING:
    from acetate.models.diffusion_model import DiffusionModel


Tile: TypeAlias = tuple[Span, Span]
"""Rows and columns of a part of a drawing, in pixels."""


class UNetAdapter(Protocol):
    """A part that can be put on a UNet and taken off again."""

    def attach(self) -> Any:
        """Put it on."""
        ...

    def detach(self) -> None:
        """Take it off, without a trace; nothing happens when it is off."""
        ...


class ControlInput:
    """Shows a given layer to attention sharing with a condition encoder: whole, or the part of a tile."""

    def __init__(self, sharing: SharedAttention, picture: Float[Tensor, "4 h w"]) -> None:
        self._sharing = sharing
        self._feed = composite_on_grey(picture[None])
        self._shown: tuple[Tile | None] | None = None

    def show(self, tile: Tile | None) -> None:
        """Show the rows and columns of a tile, all of them with None."""
        if self._shown == (tile,):
            return
        rows, columns = tile or (Span(0, self._feed.shape[2]), Span(0, self._feed.shape[3]))
        self._sharing.set_control_image(self._feed[:, :, rows.start : rows.stop, columns.start : columns.stop])
        self._shown = (tile,)


class Denoiser:
    """Asks a prepared UNet. Rows of a batch are (sample, frame), frame fastest, as many frames as the part has."""

    def __init__(
        self,
        model: DiffusionModel,
        attachment: UNetAdapter | None,
        concat_latents: Float[Tensor, "1 c h w"] | None,
        controls: Controls,
        control_input: ControlInput | None = None,
    ) -> None:
        """`attachment` is on the UNet while enabled; `concat_latents` are appended to its input channels."""
        self._model = model
        self._attachment = attachment
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
        tile: Tile | None = None,
        conditional: Sequence[bool] | None = None,
    ) -> Float[Tensor, "b c h w"]:
        """What the UNet predicts, float32.

        `timestep` is one number, or one a row. `embeds` has a row for each of the batch, so every frame may have its
        own prompt. `share` is how much of the schedule is behind, in [0, 1]: controls are at work in their part of it.
        `tile` are the rows and columns, in pixels, of the part of the drawing that `sample` is, None for all of it.
        `conditional` tells which rows have a prompt, None for all; the others are not shown style pictures either.
        """
        model = self._model
        rows = embeds.to(model.device, model.dtype)
        timestep, model_input = timestep.to(model.device), sample.to(model.device, model.dtype)
        unet_input = UNetInput(model_input, timestep, rows, _sdxl_conditions(sample, rows))
        inputs = self._controls.inputs(unet_input, share, tile, conditional or [True] * len(sample))
        if self._concat_latents is not None and self._enabled:
            concat_latents = self._concat_latents if tile is None else crop_latents(self._concat_latents, *tile)
            model_input = torch.cat(
                [model_input, concat_latents.to(model_input).expand(len(model_input), -1, -1, -1)], dim=1
            )
        if self._control_input is not None and self._enabled:
            self._control_input.show(tile)
        answer: Tensor = model.unet(
            model_input, timestep, encoder_hidden_states=rows.prompt_embeds, return_dict=False, **inputs
        )[0]
        return answer.float()

    @property
    def transparent(self) -> bool:
        """Whether the part is at work; without it the plain UNet answers."""
        return self._enabled

    def set_enabled(self, on: bool) -> None:
        """Put the part to work or back to the plain UNet, between two steps; everything else stays attached."""
        if on == self._enabled:
            return
        if self._attachment is not None:
            if on:
                self._attachment.attach()
            else:
                self._attachment.detach()
        self._enabled = on


@contextmanager
def adapted_unet(
    model: DiffusionModel,
    part: AdapterSpec,
    given: Mapping[str, Float[Tensor, "4 h w"]] = {},
    *,
    transparency_weight: float = 1.0,
    loras: Sequence[Lora] = (),
    controls: Sequence[ControlImage] = (),
) -> Iterator[Denoiser]:
    """Attach to the model's UNet what a job needs; detached, its state is bit-identical to before.

    `inputs` has straight-alpha pictures in [0, 1], as large as the drawing, for each role that the part takes by
    `control` or `concat`; those that enter as a `frame` are the caller's to put into the batch, with time step 0.
    `transparency_weight` (0 to 2) scales what the part changes. Prompts are encoded inside the block, since LoRAs may
    change the text encoder too. LoRAs and controls go with every part. Raises AcetateError when a file is missing or
    does not fit.
    """
    with ExitStack() as after:
        # Before LoRAs, which wrap modules and so change the names of what a part touches.
        attachment = _load_adapter(model, part, transparency_weight)
        after.enter_context(apply_loras(model, loras))
        kit = after.enter_context(apply_controls(model, controls))
        concat_latents = None
        if part.conditioning == "concat":
            concat_latents = torch.cat([model.encode_opaque(given[role][None]) for role in part.inputs], dim=1)
        control_input = None
        if part.conditioning == "control" and isinstance(attachment, SharedAttention):
            (role,) = part.inputs
            control_input = ControlInput(attachment, given[role].to(model.device))
        predictor = Denoiser(model, attachment, concat_latents, kit, control_input)
        after.callback(predictor.set_enabled, False)
        predictor.set_enabled(True)
        yield predictor


def _load_adapter(model: DiffusionModel, part: AdapterSpec, weight: float) -> UNetAdapter | None:
    if part.kind == "plain":
        return None
    path = model.spec.files[part.name]
    try:
        if part.kind == "delta":
            latents = len(part.inputs) if part.conditioning == "concat" else 0
            return WeightDeltas(model.unet, read_deltas(path, model.unet, latents), weight)
        units = SharedAttentionLayers.from_weights(model.unet, read_weights(path)).to(model.device, model.dtype)
        return SharedAttention(model.unet, len(part.roles), units, weight=weight)
    except ValueError as error:
        raise model_missing_error(f"the part {part.name} cannot be used ({error})") from error


def _sdxl_conditions(sample: Float[Tensor, "b c h w"], embeds: PromptEmbeds) -> dict[str, Tensor] | None:
    """What SDXL reads besides the prompt: its summary, and the picture's size, uncropped."""
    if embeds.pooled_prompt_embeds is None:
        return None
    height, width = sample.shape[2] * 8, sample.shape[3] * 8
    sizes = torch.tensor(
        [height, width, 0, 0, height, width],
        dtype=embeds.pooled_prompt_embeds.dtype,
        device=embeds.pooled_prompt_embeds.device,
    )
    return {"text_embeds": embeds.pooled_prompt_embeds, "time_ids": sizes.expand(len(embeds), -1)}
