"""One attention-sharing unit: what replaces an attention layer of the UNet (LayerDiffuse, section 3.3).

The pictures of one sample (foreground, background, blend) are its frames. They go through the UNet side
by side, batched as (sample, frame) with the frame fastest; every frame has its own LoRA on the layer's
weights, and afterwards the frames attend to one another at each position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from acetate.adapters.shared_attention.condition_encoder import ControlMaps


class AttentionLayer(Protocol):
    """What a unit uses of diffusers' Attention."""

    heads: int
    to_q: nn.Module
    to_k: nn.Module
    to_v: nn.Module
    to_out: nn.ModuleList


@dataclass(frozen=True)
class SharedAttentionConfig:
    """The sizes of one unit; everything but `channels` and `context` is the same for all units of a model.

    `context` is the width that keys and values are made from: `channels` for self-attention, the text
    encoder's width for cross-attention. `control_channels` is the width of the condition maps, None
    without control.
    """

    channels: int
    context: int
    frames: int
    rank: int = 256
    control_channels: int | None = None


@dataclass(frozen=True)
class FramePrompts:
    """Prompts of single frames, in place of the sample's prompt.

    `contexts` has one entry per frame: prompt embeds (1 or samples, tokens, width), or None for the sample's prompt.
    `conditional` marks the samples of the batch that they apply to; the others are the unconditional half of guidance.
    """

    contexts: tuple[Float[Tensor, "n tokens width"] | None, ...]
    conditional: tuple[bool, ...]

    def context(self, frame: int, default: Float[Tensor, "samples tokens width"]) -> Tensor:
        """The prompt embeds of `frame`, one row per sample. Raises ValueError when lengths differ."""
        override = self.contexts[frame]
        if override is None:
            return default
        if override.shape[1:] != default.shape[1:]:
            raise ValueError(
                f"the prompt of frame {frame} has {override.shape[1]} tokens of width {override.shape[2]}, the "
                f"sample's has {default.shape[1]} of width {default.shape[2]}: encode both to the same length"
            )
        chosen: Bool[Tensor, "samples 1 1"] = torch.tensor(self.conditional, device=default.device).view(-1, 1, 1)
        return torch.where(chosen, override.to(default), default)


@dataclass(frozen=True, eq=False)
class ImagePrompt:
    """An image prompt of one cross-attention (IP-Adapter): additional keys and values, scaled by `weight`.

    `states` are the image's tokens, one row per row of the batch.
    """

    states: Float[Tensor, "samples*frames tokens width"]
    to_k: nn.Module
    to_v: nn.Module
    weight: float


@dataclass(frozen=True)
class SharedContext:
    """Inputs of shared attention besides the UNet's: prompts per frame and control maps.

    `weight` scales everything that shared attention changes.
    """

    prompts: FramePrompts | None = None
    control: ControlMaps | None = None
    weight: float = 1.0

    def with_prompts(self, prompts: FramePrompts | None) -> SharedContext:
        """A copy with these prompts per frame; None removes them."""
        return replace(self, prompts=prompts)

    def with_control(self, control: ControlMaps | None) -> SharedContext:
        """A copy with these control maps; None removes them."""
        return replace(self, control=control)


class LoRALinear(nn.Module):
    """A LoRA for a linear layer; a fresh one adds 0."""

    def __init__(self, inputs: int, outputs: int, rank: int) -> None:
        """A LoRA of `rank` for a linear layer from `inputs` to `outputs` features."""
        super().__init__()
        self.down = nn.Linear(inputs, rank, bias=False)
        self.up = nn.Linear(rank, outputs, bias=False)
        nn.init.normal_(self.down.weight, std=1 / rank)
        nn.init.zeros_(self.up.weight)

    def forward(self, embeds: Tensor) -> Tensor:
        """What is added to the linear layer's output for the same input."""
        added: Tensor = self.up(self.down(embeds))
        return added


class SharedAttentionLayer(nn.Module):
    """The weights of one unit, under the published names. A fresh one leaves its layer as it was."""

    def __init__(self, shape: SharedAttentionConfig) -> None:
        """Make a fresh layer of this `shape`."""
        super().__init__()
        self.shape = shape
        width, rank, frames = shape.channels, shape.rank, range(shape.frames)
        self.to_q_lora = nn.ModuleList(LoRALinear(width, width, rank) for _ in frames)
        self.to_k_lora = nn.ModuleList(LoRALinear(shape.context, width, rank) for _ in frames)
        self.to_v_lora = nn.ModuleList(LoRALinear(shape.context, width, rank) for _ in frames)
        self.to_out_lora = nn.ModuleList(LoRALinear(width, width, rank) for _ in frames)
        self.temporal_i = nn.Linear(width, width)
        self.temporal_n = nn.LayerNorm(width, eps=1e-6)
        self.temporal_q = nn.Linear(width, width)
        self.temporal_k = nn.Linear(width, width)
        self.temporal_v = nn.Linear(width, width)
        self.temporal_o = _zeroed(nn.Linear(width, width))
        self.control_convs: nn.ModuleList | None = None
        if shape.control_channels is not None:
            signal = shape.control_channels
            self.control_convs = nn.ModuleList(
                nn.Sequential(nn.Conv2d(signal, signal, 3, padding=1), nn.SiLU(), _zeroed(nn.Conv2d(signal, width, 1)))
                for _ in frames
            )

    def forward(
        self,
        layer: AttentionLayer,
        hidden: Float[Tensor, "samples*frames tokens channels"],
        context: Float[Tensor, "samples*frames words width"] | None = None,
        shared_context: SharedContext = SharedContext(),
        images: Sequence[ImagePrompt] = (),
    ) -> Float[Tensor, "samples*frames tokens channels"]:
        """The attention output, which the transformer block adds to its hidden states.

        `hidden` are the normed hidden states, `context` the prompt embeds, `images` the image prompts. Without
        `context` this is self-attention. Raises ValueError when the batch is no multiple of the
        frames, or `shared_context` lacks the maps that this unit was trained with or does not fit the batch.
        """
        frames = self.shape.frames
        if hidden.shape[0] % frames:
            raise ValueError(f"a batch of {hidden.shape[0]} does not divide into samples of {frames} frames")
        embeds = hidden.reshape(-1, frames, *hidden.shape[1:])
        added = self._control(embeds, shared_context.control)
        if added is not None:
            added = added * shared_context.weight
            embeds = embeds + added
        states = self._context(embeds, context, shared_context.prompts)
        attended = self._attend(layer, embeds, states, shared_context.weight, images)
        shared = self._share(layer.heads, embeds + attended) * shared_context.weight
        added = attended + shared if added is None else added + attended + shared
        return added.flatten(0, 1)

    def _control(self, embeds: Tensor, maps: ControlMaps | None) -> Tensor | None:
        """What the control maps add to each frame's hidden states: (samples or 1, frames, tokens, channels)."""
        if self.control_convs is None:
            return None
        if maps is None:
            raise ValueError("this model was trained with a given layer: give it the picture of that layer")
        tokens = embeds.shape[2]
        if tokens not in maps:
            raise ValueError(
                f"the given layer has no map of {tokens} positions: make it as large as the picture to generate"
            )
        return torch.stack([conv(maps[tokens]).flatten(2).mT for conv in self.control_convs], dim=1)

    def _context(
        self, embeds: Tensor, context: Tensor | None, prompts: FramePrompts | None
    ) -> Float[Tensor, "samples frames words width"]:
        """What the keys and values of each frame are made from."""
        if context is None:
            return embeds
        default = context.reshape(-1, self.shape.frames, *context.shape[1:])
        if prompts is None:
            return default
        if (len(prompts.contexts), len(prompts.conditional)) != (self.shape.frames, embeds.shape[0]):
            raise ValueError(
                f"{len(prompts.contexts)} frame prompts for {len(prompts.conditional)} samples do not fit "
                f"a batch of {embeds.shape[0]} samples with {self.shape.frames} frames"
            )
        return torch.stack([prompts.context(frame, default[:, frame]) for frame in range(self.shape.frames)], dim=1)

    def _attend(
        self,
        layer: AttentionLayer,
        embeds: Float[Tensor, "s f t c"],
        context: Float[Tensor, "s f words width"],
        weight: float,
        images: Sequence[ImagePrompt],
    ) -> Float[Tensor, "s f t c"]:
        """The layer's own attention, with each frame's LoRA on it."""
        query = _with_loras(layer.to_q(embeds), self.to_q_lora, embeds, weight)
        key = _with_loras(layer.to_k(context), self.to_k_lora, context, weight)
        value = _with_loras(layer.to_v(context), self.to_v_lora, context, weight)
        rows = query.flatten(0, 1)
        attention = _attention(rows, key.flatten(0, 1), value.flatten(0, 1), layer.heads)
        for image in images:
            attention = attention + image.weight * _attention(
                rows, image.to_k(image.states), image.to_v(image.states), layer.heads
            )
        attention = attention.view_as(embeds)
        output: Tensor = layer.to_out[1](_with_loras(layer.to_out[0](attention), self.to_out_lora, attention, weight))
        return output

    def _share(self, heads: int, embeds: Float[Tensor, "s f t c"]) -> Float[Tensor, "s f t c"]:
        """Attention over the frames of each position."""
        across = self.temporal_i(self.temporal_n(embeds))
        query, key, value = self.temporal_q(across), self.temporal_k(across), self.temporal_v(across)
        output: Tensor = self.temporal_o(_attention_across(query, key, value, heads))
        return output


def _attention(
    query: Float[Tensor, "n q c"], key: Float[Tensor, "n k c"], value: Float[Tensor, "n k c"], heads: int
) -> Float[Tensor, "n q c"]:
    q, k, v = (part.view(*part.shape[:2], heads, -1).transpose(1, 2) for part in (query, key, value))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def _attention_across(
    query: Float[Tensor, "s f t c"], key: Float[Tensor, "s f t c"], value: Float[Tensor, "s f t c"], heads: int
) -> Float[Tensor, "s f t c"]:
    """Attention over the frames, in float32: for so few of them kernels cost several times what the sums do."""
    q, k, v = (part.view(*part.shape[:3], heads, -1).float() for part in (query, key, value))
    attended = []
    # One frame at a time, for memory: all pairs of frames are three times as much.
    for frame in q.unbind(1):
        scores = (frame[:, None] * k).sum(-1, keepdim=True) * q.shape[-1] ** -0.5
        attended.append((scores.softmax(1) * v).sum(1))
    return torch.stack(attended, dim=1).flatten(-2).to(query.dtype)


def _with_loras(
    plain: Float[Tensor, "s f t out"], loras: nn.ModuleList, states: Float[Tensor, "s f t c"], weight: float
) -> Float[Tensor, "s f t out"]:
    """What a layer makes of `states`, with each frame's own LoRA added for its frame.

    Where their ranks are small, all are multiplied at once, and what is another frame's is set to 0.
    """
    each: list[LoRALinear] = [*loras]
    frames, rank = len(each), each[0].down.out_features
    if frames * rank > states.shape[-1]:
        return plain + weight * torch.stack([lora(states[:, frame]) for frame, lora in enumerate(each)], dim=1)
    down = F.linear(states, torch.cat([lora.down.weight for lora in each]))
    own = weight * torch.eye(frames, dtype=states.dtype, device=states.device)[:, None, :, None]
    up = torch.cat([lora.up.weight for lora in each], dim=1)
    low = (down.view(*down.shape[:3], frames, rank) * own).flatten(3)
    return plain + F.linear(low, up)


def _zeroed(layer: nn.Linear | nn.Conv2d) -> nn.Module:
    """The layer with all weights zero, so that what it adds starts at nothing."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
