"""LoRAs on the UNet and the text encoders, several at a time, as modules around those that they change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from acetate_wire.errors import AcetateError
from acetate_wire.request import Lora
from torch import Tensor, nn
from torch.nn import functional

from acetate.adapters.lora_file import LoraDelta, LoraFile, LoraFileError, read_lora
from acetate.models.adapter_files import lora_path
from acetate.models.weights import WeightFileError

if TYPE_CHECKING:
    from acetate.models.diffusion_model import DiffusionModel


class LoraModule(nn.Module):
    """A linear layer or convolution with the deltas of LoRAs; the layer itself stays as it is."""

    def __init__(self, base: nn.Module, deltas: Sequence[tuple[LoraDelta, float]], dtype: torch.dtype) -> None:
        """`deltas` come with their weights."""
        super().__init__()
        self.base_layer = base
        self._plain, self._normed = [], []
        for number, (delta, weight) in enumerate(deltas):
            self.register_buffer(f"down{number}", delta.down.to(dtype))
            self.register_buffer(f"up{number}", (delta.up * weight).to(dtype))
            if delta.magnitude is None:
                self._plain.append(number)
            else:
                self._normed.append(number)
                self.register_buffer(f"gain{number}", (_gain(base, delta, weight) - 1).to(dtype))

    @property
    def weight(self) -> Tensor:
        """The layer's own weight."""
        return _weight(self.base_layer)

    @property
    def bias(self) -> Tensor | None:
        """The layer's own bias."""
        bias = self.base_layer.bias
        assert bias is None or isinstance(bias, Tensor)
        return bias

    def forward(self, sample: Tensor) -> Tensor:
        """The layer's output with the deltas."""
        output: Tensor = self.base_layer(sample)
        changed = output
        for number in self._plain:
            changed = changed + self._delta(number, sample)
        for number in self._normed:
            # DoRA scales the outputs of weight and delta together, without the bias.
            delta = self._delta(number, sample)
            without = output if self.bias is None else output - _over_channels(self.bias.to(output), output)
            gain = _over_channels(getattr(self, f"gain{number}").to(output), output)
            changed = changed + delta + gain * (without + delta)
        return changed

    def _delta(self, number: int, sample: Tensor) -> Tensor:
        down, up = (getattr(self, f"{which}{number}").to(sample) for which in ("down", "up"))
        if down.ndim == 2:
            return functional.linear(functional.linear(sample, down), up)
        base = self.base_layer
        assert isinstance(base, nn.Conv2d)
        narrow: Tensor = base._conv_forward(sample, down, None)  # the layer's own stride and padding
        wide: Tensor = functional.conv2d(narrow, up[:, :, None, None])
        return wide


def _over_channels(values: Tensor, output: Tensor) -> Tensor:
    """One value per output channel, in the shape of a linear layer's or a convolution's output."""
    return values[:, None, None] if output.ndim == 4 else values


def _gain(base: nn.Module, delta: LoraDelta, weight: float) -> Tensor:
    """DoRA's magnitude over the norm of each output's weights (Liu et al. 2024, equation 5)."""
    own = _weight(base).detach().flatten(1).float()
    changed = own + weight * (delta.up @ delta.down.flatten(1)).to(own)
    assert delta.magnitude is not None
    norm: Tensor = torch.linalg.vector_norm(changed, dim=1)
    return delta.magnitude.to(own) / norm.clamp(min=torch.finfo(torch.float32).tiny)


def _weight(layer: nn.Module) -> Tensor:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return weight


@contextmanager
def apply_loras(model: DiffusionModel, loras: Sequence[Lora]) -> Iterator[None]:
    """Apply LoRAs with their weights for a `with` block; afterwards the networks have their own modules back.

    Those that fit in part are noted in `model.partial_loras`.
    Raises AcetateError `bad_request` naming a file that is missing or does not fit.
    """
    networks = _networks(model)
    files = [(lora, _read(lora, networks)) for lora in loras]
    partial = {lora.name: (len(file.foreign), file.count + len(file.foreign)) for lora, file in files if file.foreign}
    model.partial_loras.update(partial)
    replaced: list[tuple[nn.Module, str, nn.Module]] = []
    try:
        for network, root in networks.items():
            dtype = model.dtype if network == "unet" else next(root.parameters()).dtype
            for name, deltas in _by_module(files, network).items():
                parent_name, _, child = name.rpartition(".")
                parent = root.get_submodule(parent_name)
                base = parent.get_submodule(child)
                wrapper = LoraModule(base, deltas, dtype).eval().requires_grad_(False)
                wrapper.to(_device(model, base))
                replaced.append((parent, child, base))
                setattr(parent, child, wrapper)
        yield
    finally:
        for parent, child, base in replaced:
            setattr(parent, child, base)


def _networks(model: DiffusionModel) -> dict[str, nn.Module]:
    names = ("text_encoder", "text_encoder_2")
    return {"unet": model.sd.unet, **dict(zip(names, model.sd.text.encoders, strict=False))}


def _read(lora: Lora, networks: Mapping[str, nn.Module]) -> LoraFile:
    path = lora_path(lora.name)
    try:
        file = read_lora(path, networks)
    except (LoraFileError, WeightFileError) as error:
        hint = getattr(error, "hint", "fetch it again")
        message = f"the LoRA {lora.name} cannot be used with this model ({error})"
        raise AcetateError("bad_request", message, field="loras", hint=hint) from error
    return file


def _by_module(files: Sequence[tuple[Lora, LoraFile]], network: str) -> dict[str, list[tuple[LoraDelta, float]]]:
    """The deltas of every module that any of the files changes."""
    found: dict[str, list[tuple[LoraDelta, float]]] = {}
    for lora, file in files:
        for name, delta in file.deltas.get(network, {}).items():
            found.setdefault(name, []).append((delta, lora.weight))
    return found


def _device(model: DiffusionModel, base: nn.Module) -> torch.device:
    """Where a module's deltas are: with its weights, or on the device where only single layers are moved there."""
    return model.device if model.placement == "sequential" else _weight(base).device
