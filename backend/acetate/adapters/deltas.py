"""Weight deltas: layer files that change weights of the UNet itself (LayerDiffuse for SDXL)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from acetate.models.backbones.stable_diffusion.key_mapping import diffusers_keys
from acetate.models.weights import WeightFileError, check_keys, check_shapes, read_weights

PREFIX = "diffusion_model."
CONV_IN = "conv_in.weight"


@dataclass(frozen=True, eq=False)
class Delta:
    """A delta for one parameter of this `shape`: the product of two matrices (LoRA), or one tensor, times `scale`."""

    shape: torch.Size
    factors: tuple[Tensor, ...]
    scale: float = 1.0

    def unscaled(self, device: torch.device) -> Tensor:
        """The delta before it is scaled, float32."""
        # Multiplied where the UNet is: a processor would take minutes for a large one.
        parts = [factor.to(device, torch.float32) for factor in self.factors]
        return parts[0] if len(parts) == 1 else (parts[0].flatten(1) @ parts[1].flatten(1)).view(self.shape)


def read_deltas(path: Path, unet: Any, latents: int = 0) -> dict[str, Delta]:
    """The deltas of a layer file by the UNet's own parameter names, memory-mapped.

    Reads the published forms: `diffusion_model.<key>::<kind>::<index>` with kind `diff` or `lora`, and full deltas
    under diffusers' names. `latents` is the number of conditioning latents concatenated to the noisy one: `conv_in`
    has that many times the latent's channels more. Raises WeightFileError naming the file and a key that is missing,
    surplus or misshapen.
    """
    weights = read_weights(path)
    shapes = {name: value.shape for name, value in unet.named_parameters()}
    shapes[CONV_IN] = _widened(shapes[CONV_IN], 1 + latents)
    if any("::" in key for key in weights):
        deltas = _published(path, weights, unet)
    else:
        deltas = {name: Delta(value.shape, (value,)) for name, value in weights.items()}
    check_keys(path, surplus=deltas.keys() - shapes.keys())
    if not deltas:
        raise WeightFileError(f"{path} does not fit: it holds no deltas")
    if latents and CONV_IN not in deltas:
        check_keys(path, missing=[f"the delta of {CONV_IN} for {shapes[CONV_IN][1]} channels"])
    check_shapes(path, {name: (delta.shape, shapes[name]) for name, delta in deltas.items()})
    return deltas


def _widened(shape: torch.Size, times: int) -> torch.Size:
    return torch.Size((shape[0], shape[1] * times, *shape[2:]))


def _published(path: Path, weights: Mapping[str, Tensor], unet: Any) -> dict[str, Delta]:
    """Deltas under the names of the original SDXL code, several tensors each."""
    groups: dict[str, dict[str, dict[int, Tensor]]] = defaultdict(lambda: defaultdict(dict))
    for key, value in weights.items():
        parts = key.split("::")
        if len(parts) != 3 or not parts[0].startswith(PREFIX) or not parts[2].isdigit():
            check_keys(path, surplus=[key])
        groups[parts[0].removeprefix(PREFIX)][parts[1]][int(parts[2])] = value
    names = diffusers_keys(groups, unet.config)
    check_keys(path, surplus=[PREFIX + key for key in groups.keys() - names.keys()])
    parameters = dict(unet.named_parameters())
    found = {}
    for key, kinds in groups.items():
        if len(kinds) > 1:
            raise WeightFileError(f"{path} does not fit: {PREFIX}{key} has deltas of the kinds {', '.join(kinds)}")
        [(kind, tensors)] = kinds.items()
        found[names[key]] = _delta(path, f"{PREFIX}{key}::{kind}", kind, tensors, parameters[names[key]].shape)
    return found


def _delta(path: Path, key: str, kind: str, tensors: Mapping[int, Tensor], base: torch.Size) -> Delta:
    required, allowed = {"diff": ({0}, {0}), "lora": ({0, 1}, {0, 1, 2})}.get(kind, (set(), set()))
    check_keys(
        path,
        missing=[f"{key}::{index}" for index in required - tensors.keys()],
        surplus=[f"{key}::{index}" for index in tensors.keys() - allowed],
    )
    if kind == "diff":
        return Delta(tensors[0].shape, (tensors[0],))
    up, down, alpha = tensors[0], tensors[1], tensors.get(2)
    rank = down.shape[0]
    if up.flatten(1).shape[1] != rank:
        raise WeightFileError(f"{path} does not fit: {key}::0 has {up.flatten(1).shape[1]} columns and {key}::1 {rank}")
    rows, columns = len(up), down.flatten(1).shape[1]
    if rows * columns != base.numel() or rows != base[0]:
        raise WeightFileError(
            f"{path} does not fit: {key} makes a {rows} x {columns} delta for a weight of {' x '.join(map(str, base))}"
        )

    return Delta(base, (up, down), 1.0 if alpha is None else float(alpha) / rank)


class WeightDeltas:
    """Deltas on a UNet, attached and detached; `weight` scales them.

    Only the parameters that a delta touches are kept as they were, those of a graphics card in the computer's own
    memory; detached, every parameter is bit for bit what it was. Where a delta is wider than its weight, the weight
    is taken as zero there.
    """

    def __init__(self, unet: Any, deltas: Mapping[str, Delta], weight: float = 1.0) -> None:
        """`deltas` are keyed by the UNet's parameter names; `weight` multiplies each of them."""
        # Looked up now: adapters that wrap modules later change their names, not these objects.
        parameters = dict(unet.named_parameters())
        self._touched = [(parameters[name], delta) for name, delta in deltas.items()]
        self._weight = weight
        self._before: list[tuple[torch.nn.Parameter, Tensor]] = []

    @torch.no_grad()
    def attach(self) -> None:
        """Add the deltas. Raises RuntimeError when attached already."""
        if self._before:
            raise RuntimeError("these deltas are attached already")
        try:
            for parameter, delta in self._touched:
                self._add(parameter, delta)
        except BaseException:
            self.detach()
            raise

    def _add(self, parameter: torch.nn.Parameter, delta: Delta) -> None:
        old = parameter.data
        base, added = old.float(), delta.unscaled(old.device)
        if base.shape != added.shape:
            wide = torch.zeros_like(added)
            wide[:, : base.shape[1]] = base
            base = wide
        patched = torch.add(base, added, alpha=self._weight * delta.scale).to(old.dtype)
        if old.ndim == 4 and old.is_contiguous(memory_format=torch.channels_last):
            patched = patched.contiguous(memory_format=torch.channels_last)
        self._before.append((parameter, old.cpu()))
        parameter.data = patched

    def detach(self) -> None:
        """Restore every changed parameter bit for bit; does nothing when detached."""
        while self._before:
            parameter, old = self._before.pop()
            # It may have been moved since it was changed.
            parameter.data = old.to(parameter.device)
