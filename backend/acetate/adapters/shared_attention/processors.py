"""Attaches attention sharing to a diffusers UNet and detaches it again, bit-identically."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from jaxtyping import Float
from torch import Tensor, nn

from acetate.adapters.shared_attention.condition_encoder import ConditionEncoder
from acetate.adapters.shared_attention.layer import (
    FramePrompts,
    ImagePrompt,
    SharedAttentionConfig,
    SharedAttentionLayer,
    SharedContext,
)

FIRST = "hookers.layers.0"


def attention_layers(unet: UNet2DConditionModel) -> tuple[tuple[str, Any], ...]:
    """Every self- and cross-attention of the UNet with its module name, in the order of the published units.

    Down blocks come first, then up blocks, then the middle block.
    """
    return tuple(_named_attentions(unet))


def _named_attentions(unet: UNet2DConditionModel) -> Iterator[tuple[str, Any]]:
    for part in ("down_blocks", "up_blocks", "mid_block"):
        for name, module in getattr(unet, part).named_modules():
            if isinstance(module, Attention) and name.endswith((".attn1", ".attn2")):
                yield f"{part}.{name}", module


class SharedAttentionLayers(nn.Module):
    """All units of one UNet, and the condition encoder where there is control, under the published names.

    Fresh layers leave the UNet as it is. Without control, `control_channels` is None; 256 is the
    published width.
    """

    def __init__(
        self, unet: UNet2DConditionModel, frames: int, rank: int = 256, control_channels: int | None = None
    ) -> None:
        """Make fresh layers for every attention of `unet`; `rank` is that of each LoRA."""
        super().__init__()
        self.frames = frames
        self.hookers = nn.Module()
        self.hookers.layers = nn.ModuleList(
            SharedAttentionLayer(
                SharedAttentionConfig(layer.to_q.in_features, layer.to_k.in_features, frames, rank, control_channels)
            )
            for _, layer in attention_layers(unet)
        )
        self.kwargs_encoder = None if control_channels is None else ConditionEncoder(control_channels)

    @classmethod
    def from_weights(cls, unet: UNet2DConditionModel, weights: Mapping[str, Tensor]) -> SharedAttentionLayers:
        """Layers of the sizes that `weights` have, holding them, in the UNet's dtype and on its device.

        Raises ValueError when they are no attention-sharing weights or belong to another UNet.
        """
        if f"{FIRST}.to_q_lora.0.down.weight" not in weights:
            raise ValueError("these are no attention-sharing weights: there is no `hookers.layers`")
        frames = sum(key.startswith(f"{FIRST}.to_q_lora.") and key.endswith(".down.weight") for key in weights)
        signal = weights.get(f"{FIRST}.control_convs.0.0.weight")
        with torch.device("meta"):
            layers = cls(
                unet,
                frames=frames,
                rank=weights[f"{FIRST}.to_q_lora.0.down.weight"].shape[0],
                control_channels=None if signal is None else signal.shape[0],
            )
        try:
            # The tensors become the layers' own, so that a memory-mapped file is not copied.
            layers.load_state_dict(weights, assign=True)
        except RuntimeError as error:
            reason = " ".join(line.strip() for line in str(error).splitlines()[1:3])
            raise ValueError(f"these attention-sharing weights belong to another model: {reason}") from error
        return layers.to(device=unet.device, dtype=unet.dtype).eval()

    @property
    def units(self) -> nn.ModuleList:
        """The units, one for each of `attention_layers`."""
        units = self.hookers.layers
        assert isinstance(units, nn.ModuleList)
        return units


class SharedAttention:
    """Attention sharing on a UNet, attached for a `with` block or between `attach` and `detach`.

    `weights` are those of a file, or layers to train; None makes fresh layers with `rank` and
    `control_channels`. `weight` scales all that they change: at 0 the UNet draws as it does alone.
    Detached, the UNet has the same processors and the same state as before. Raises ValueError when
    `weights` are made for another number of frames or another UNet.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        frames: int,
        weights: Mapping[str, Tensor] | SharedAttentionLayers | None = None,
        rank: int = 256,
        control_channels: int | None = None,
        weight: float = 1.0,
    ) -> None:
        """Prepare the layers; nothing is attached yet. `frames` is the number of layers generated together."""
        if weights is None:
            layers = SharedAttentionLayers(unet, frames, rank, control_channels).to(
                device=unet.device, dtype=unet.dtype
            )
        elif isinstance(weights, SharedAttentionLayers):
            layers = weights
        else:
            layers = SharedAttentionLayers.from_weights(unet, weights)
        if layers.frames != frames:
            raise ValueError(f"these attention-sharing weights are made for {layers.frames} frames, not {frames}")
        self.unet = unet
        self.layers = layers
        self.shared_context = SharedContext(weight=weight)
        # Looked up now: what is attached later changes what is inside of these, not the layers themselves.
        self._attentions = [layer for _, layer in attention_layers(unet)]
        self._before: list[tuple[Any, Any]] = []

    def attach(self) -> SharedAttention:
        """Replace the UNet's attention processors. Raises RuntimeError when attached already."""
        if self._before:
            raise RuntimeError("attention sharing is attached already")
        for layer, unit in zip(self._attentions, self.layers.units, strict=True):
            assert isinstance(unit, SharedAttentionLayer)
            self._before.append((layer, layer.processor))
            layer.set_processor(_SharedAttnProcessor(unit, self, layer.processor))
        return self

    def detach(self) -> None:
        """Restore the UNet's own attention processors; does nothing when detached."""
        for layer, processor in self._before:
            layer.set_processor(processor)
        self._before.clear()

    def __enter__(self) -> SharedAttention:
        """Attach, as `attach` does."""
        return self.attach()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Detach, as `detach` does."""
        self.detach()

    def set_control_image(self, picture: Float[Tensor, "n 3 h w"] | None) -> None:
        """Set the control image, composited over grey, in [-1, 1], of the size to generate; None removes it.

        One image for all samples, or one per sample. Raises ValueError when the weights have no control.
        """
        if picture is None:
            self.shared_context = self.shared_context.with_control(None)
            return
        encoder = self.layers.kwargs_encoder
        if encoder is None:
            raise ValueError("these attention-sharing weights take no given layer: they have no control")
        weight = next(encoder.parameters())
        self.shared_context = self.shared_context.with_control(encoder(picture.to(weight)))

    def set_prompts(
        self,
        contexts: Sequence[Float[Tensor, "n tokens width"] | None] | None,
        conditional: Sequence[bool] = (),
    ) -> None:
        """Set a prompt per frame; None removes them.

        `contexts` has one entry per frame: prompt embeds, or None for the sample's own prompt. `conditional` has one
        entry per sample of the batch: False for the unconditional half of guidance, which keeps its own prompt.
        """
        prompts = None if contexts is None else FramePrompts(tuple(contexts), tuple(conditional))
        self.shared_context = self.shared_context.with_prompts(prompts)


class _SharedAttnProcessor(nn.Module):
    """Diffusers' hook into an attention layer.

    A module, so that an offloaded UNet takes the weights of the processor before this one along to the device.
    """

    def __init__(self, unit: SharedAttentionLayer, owner: SharedAttention, before: Any) -> None:
        super().__init__()
        # Not as a submodule: the UNet's state does not hold the unit.
        self._unit = (unit,)
        self._owner = owner
        self._before = before

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | tuple[Tensor, list[Tensor]] | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        if attention_mask is not None:
            raise ValueError("attention sharing takes no attention mask: pad prompts instead")
        images: list[ImagePrompt] = []
        if isinstance(encoder_hidden_states, tuple):
            encoder_hidden_states, pictures = encoder_hidden_states
            images = self._images(pictures)
        (unit,) = self._unit
        added: Tensor = unit(attn, hidden_states, encoder_hidden_states, self._owner.shared_context, images)
        return added

    def _images(self, pictures: list[Tensor]) -> list[ImagePrompt]:
        """The style pictures that the processor before this one has keys and values for."""
        own = self._before
        return [
            ImagePrompt(embeds.flatten(1, 2), to_k, to_v, weight)
            for embeds, to_k, to_v, weight in zip(pictures, own.to_k_ip, own.to_v_ip, own.scale, strict=True)
            if weight
        ]
