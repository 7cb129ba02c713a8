"""Holding this implementation against reference vectors, case by case."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from acetate.adapters.shared_attention import (
    ConditionEncoder,
    ControlMaps,
    FramePrompts,
    SharedAttentionConfig,
    SharedAttentionLayer,
    SharedAttentionLayers,
    SharedContext,
    attention_layers,
)
from acetate.reference_vectors.folder import Shapes, Vectors, read_vectors
from acetate.transparency import (
    OffsetEncoder,
    TransparentDecoder,
    adjusted_latent,
    composite_on_grey,
    decode_augmented,
    pad_rgb,
)

TOLERANCE = 1e-4
DECODER_TOLERANCE = 5e-4
PADDING_TOLERANCE = 2 / 255
ROUNDING = 1e-6
"""What counts as the same number in float32: padding keeps opaque pixels as they are."""

HEADS = 8
"""Attention heads of the layers under the sharing units."""
WORDS = 7
"""Tokens of their cross-attention context."""


@dataclass(frozen=True)
class VectorCase:
    """One comparison. `error` is the largest absolute difference, None where none could be computed."""

    name: str
    error: float | None
    tolerance: float
    passed: bool
    note: str = ""


def check_vectors(folder: Path) -> Iterator[VectorCase]:
    """Compute every case of the folder, one after another.

    A case that this implementation does not know or cannot compute is a miss with a note, never left out;
    so is a module or an input that no case needs. Raises UnreadableVectorsError before the first case.
    """
    vectors = read_vectors(folder)
    return _cases(vectors)


@torch.inference_mode()
def _cases(vectors: Vectors) -> Iterator[VectorCase]:
    computer = _Computer(vectors)
    for name in vectors.expected:
        if not name.startswith("pad_rgb_in_"):
            yield _compare(computer, name)
    for name in sorted(set(vectors.shapes) - computer.filled):
        yield VectorCase(name, None, 0.0, False, "expected.npz has no case for this module")
    for name in vectors.expected:
        if name.startswith("pad_rgb_in_") and name.replace("_in", "", 1) not in vectors.expected:
            yield VectorCase(name, None, 0.0, False, "expected.npz has no result for this picture")
    yield from _published(vectors)


def _compare(computer: _Computer, name: str) -> VectorCase:
    tolerance = _tolerance(name)
    try:
        expected = computer.vectors.array(name)
        actual = computer.compute(name)
    except Exception as reason:
        # Whatever cannot be computed is a miss of that case alone.
        return VectorCase(name, None, tolerance, False, f"cannot be computed: {_one_line(reason)}")
    if actual.shape != expected.shape:
        sizes = f"{tuple(actual.shape)} instead of {tuple(expected.shape)}"
        return VectorCase(name, None, tolerance, False, f"the result has shape {sizes}")
    error = float((actual - expected).abs().max()) if expected.numel() else 0.0
    if not math.isfinite(error):
        return VectorCase(name, None, tolerance, False, "not all numbers are finite")
    if name.startswith("pad_rgb_"):
        opaque = computer.opaque(name)
        if not torch.allclose(actual[opaque], expected[opaque], rtol=0, atol=ROUNDING):
            return VectorCase(name, error, tolerance, False, "differs where alpha is 255")
    return VectorCase(name, error, tolerance, error <= tolerance)


def _tolerance(name: str) -> float:
    if name.startswith("decoder_"):
        return DECODER_TOLERANCE
    return PADDING_TOLERANCE if name.startswith("pad_rgb_") else TOLERANCE


class _Computer:
    """Computes cases by their name; modules are made once, from the shapes in the manifest."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self.filled: set[str] = set()
        self._modules: dict[str, nn.Module] = {}
        self._kinds: tuple[tuple[str, Callable[..., Tensor]], ...] = (
            (r"offset_encoder", self._offset_encoder),
            (r"decoder_(single|augmented)", self._decoder),
            (r"pad_rgb_(\d+)", self._padded),
            (r"vae_feed_(\d+)", self._composite_on_grey),
            (r"adjusted_latent_multiplier_(\d+(?:\.\d+)?)", self._adjusted_latent),
            (r"condition_encoder_(\d+)", self._condition_map),
            (r"(sharing_f(\d+)_(plain|control)_(self|cross))(_overwrite)?", self._sharing),
        )

    def compute(self, name: str) -> Tensor:
        """The array that belongs to `name`. Raises ValueError when there is no such kind of case."""
        for pattern, kind in self._kinds:
            match = re.fullmatch(pattern, name)
            if match:
                return kind(name, *match.groups())
        raise ValueError("this kind of case is not known")

    def opaque(self, name: str) -> Tensor:
        """Where the picture of the case `pad_rgb_<index>` is opaque: h w."""
        return self._picture(name.removeprefix("pad_rgb_"))[0, 3] == 1

    def _module(self, name: str, make: Callable[[Shapes], nn.Module]) -> nn.Module:
        if name not in self._modules:
            self.filled.add(name)
            module = make(self.vectors.shapes_of(name)).eval()
            self.vectors.fill(module, name)
            self._modules[name] = module
        return self._modules[name]

    def _picture(self, index: str) -> Tensor:
        """The RGBA picture `pad_rgb_in_<index>`, 1 4 h w in [0, 1]."""
        return self.vectors.array(f"pad_rgb_in_{index}").permute(2, 0, 1)[None] / 255

    def _offset_encoder(self, name: str) -> Tensor:
        samples, _, height, width = self.vectors.array(name).shape
        encoder = self._module("offset_encoder", _make_offset_encoder)
        return cast(Tensor, encoder(self.vectors.unit("input.offset_encoder", samples, 4, height * 8, width * 8)))

    def _decoder(self, name: str, variant: str) -> Tensor:
        samples, _, height, width = self.vectors.array(name).shape
        decoder = cast(TransparentDecoder, self._module("transparent_decoder", _make_decoder))
        channels = decoder.config["latent_channels"]
        picture = self.vectors.unit("input.decoder.pixel", samples, 3, height, width)
        latent = self.vectors.draw("input.decoder.latent", samples, channels, height // 8, width // 8)
        if variant == "single":
            return cast(Tensor, decoder(picture, latent))
        rgba = decode_augmented(decoder, picture, latent)
        return torch.cat([rgba[:, 3:], rgba[:, :3]], dim=1)

    def _padded(self, _: str, index: str) -> Tensor:
        return pad_rgb(self._picture(index))[0].permute(1, 2, 0)

    def _composite_on_grey(self, _: str, index: str) -> Tensor:
        return composite_on_grey(self._picture(index))

    def _adjusted_latent(self, name: str, multiplier: str) -> Tensor:
        shape = self.vectors.array(name).shape
        padded = self.vectors.array("pad_rgb_0").permute(2, 0, 1)[None]
        encoder = self._module("offset_encoder", _make_offset_encoder)
        offset = encoder(torch.cat([self._picture("0")[:, 3:], padded], dim=1))
        mean = self.vectors.draw("input.posterior.mean", *shape)
        std = 0.1 * self.vectors.draw("input.posterior.std", *shape).abs()
        return adjusted_latent(mean, std, offset, float(multiplier))

    def _condition_map(self, _: str, positions: str) -> Tensor:
        return self._control_maps()[int(positions)]

    def _control_maps(self) -> ControlMaps:
        maps = {
            int(name.rpartition("_")[2]): self.vectors.array(name).shape
            for name in self.vectors.expected
            if re.fullmatch(r"condition_encoder_\d+", name)
        }
        if not maps:
            raise ValueError("expected.npz has no condition_encoder_* to tell the size of the condition picture")
        samples, _, height, width = maps[max(maps)]
        encoder = self._module("condition_encoder", _make_condition_encoder)
        picture = self.vectors.unit("input.condition_encoder", samples, 3, height * 8, width * 8)
        return cast(ControlMaps, encoder(2 * picture - 1))

    def _sharing(
        self, name: str, module: str, frame_count: str, control: str, kind: str, overwrite: str | None
    ) -> Tensor:
        frames = int(frame_count)
        rows, tokens, channels = self.vectors.array(name).shape
        layer = self._module(f"{module}.attention", _make_attention)
        unit = cast(SharedAttentionLayer, self._module(f"{module}.unit", lambda shapes: _make_unit(shapes, frames)))
        if (unit.shape.control_channels is not None) != (control == "control"):
            raise ValueError(f"the manifest's keys and the name disagree about control in {module}")
        hidden = self.vectors.draw(f"input.{module}.hidden", rows, tokens, channels)
        context: Tensor | None = None
        prompts: FramePrompts | None = None
        if kind == "cross":
            width = unit.shape.context
            context = self.vectors.draw(f"input.{module}.context", rows, WORDS, width)
            if overwrite:
                frame_prompts = [
                    None if frame == 1 else self.vectors.draw(f"input.{module}.overwrite.{frame}", 1, WORDS, width)
                    for frame in range(frames)
                ]
                conditional = tuple(sample < rows // frames / 2 for sample in range(rows // frames))
                prompts = FramePrompts(tuple(frame_prompts), conditional)
        maps = self._control_maps() if control == "control" else None
        return cast(Tensor, unit(layer, hidden, context, SharedContext(prompts=prompts, control=maps)))


def _make_offset_encoder(shapes: Shapes) -> nn.Module:
    widths = [shape[0] for key, shape in shapes.items() if key.endswith(".weight")]
    return OffsetEncoder(latent_channels=widths[-1], channels=widths[:-1])


def _make_decoder(shapes: Shapes) -> nn.Module:
    levels = 1 + max(int(key.split(".")[1]) for key in shapes if key.startswith("down_blocks."))
    return TransparentDecoder(
        latent_channels=shapes["latent_conv_in.weight"][1],
        block_out_channels=[shapes[f"down_blocks.{level}.resnets.0.conv1.weight"][0] for level in range(levels)],
        layers_per_block=sum(
            re.fullmatch(r"down_blocks\.0\.resnets\.\d+\.conv1\.weight", key) is not None for key in shapes
        ),
        attention_levels=sum(f"down_blocks.{level}.attentions.0.to_q.weight" in shapes for level in range(levels)),
    )


def _make_condition_encoder(shapes: Shapes) -> nn.Module:
    return ConditionEncoder(shapes["blocks_3.0.weight"][0])


def _make_attention(shapes: Shapes) -> nn.Module:
    channels, context = shapes["to_k.weight"]
    return cast(
        nn.Module,
        Attention(
            query_dim=channels,
            cross_attention_dim=context,
            heads=HEADS,
            dim_head=channels // HEADS,
        ),
    )


def _make_unit(shapes: Shapes, frames: int) -> SharedAttentionLayer:
    rank, context = shapes["to_k_lora.0.down.weight"]
    control = shapes.get("control_convs.0.0.weight")
    return SharedAttentionLayer(
        SharedAttentionConfig(
            shapes["temporal_i.weight"][0], context, frames, rank, None if control is None else control[0]
        )
    )


def _published(vectors: Vectors) -> Iterator[VectorCase]:
    """Whether the published attention-sharing files would load on Stable Diffusion 1.5's UNet."""
    with torch.device("meta"):
        network = UNet2DConditionModel(cross_attention_dim=768)
    names = tuple(name for name, _ in attention_layers(network))
    differing = sum(ours != theirs for ours, theirs in zip(names, vectors.unit_order, strict=False))
    differing += abs(len(names) - len(vectors.unit_order))
    note = "units that replace another layer" if differing else ""
    yield VectorCase("published_unit_order", float(differing), 0.0, not differing, note)
    for name, shapes in vectors.published.items():
        weights = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
        try:
            with torch.device("meta"):
                SharedAttentionLayers.from_weights(network, weights)
        except Exception as reason:
            yield VectorCase(f"published_{name}", None, 0.0, False, _one_line(reason))
        else:
            yield VectorCase(f"published_{name}", 0.0, 0.0, True, f"{len(shapes)} keys and shapes")


def _one_line(reason: Exception) -> str:
    return (" ".join(str(reason).split()) or type(reason).__name__)[:200]
