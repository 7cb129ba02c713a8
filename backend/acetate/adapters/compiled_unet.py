"""A UNet that OpenVINO computes while this is attached, alone or together with attention sharing."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from acetate.adapters.shared_attention import SharedAttention
from acetate.models.backbones.stable_diffusion.compiled.unets import CompiledUNets


class CompiledUNet:
    """Puts a compiled form in place of the UNet's own `forward`, and takes it away again; no weight is touched.

    `sharing` is attached and detached with it. What a compiled form does not do goes to the UNet as it is. The UNet
    must have no LoRA, and get neither controls nor a control image.
    """

    def __init__(self, compiled: CompiledUNets, sharing: SharedAttention | None) -> None:
        """Nothing is attached or converted yet."""
        self._compiled = compiled
        self._sharing = sharing
        self._attached = False

    def attach(self) -> CompiledUNet:
        """Compile the UNet or read it from the cache; it stays as it is where PyTorch is as fast. Raises RuntimeError
        when attached already.
        """
        unet, sharing = self._compiled.unet, self._sharing
        if sharing is not None:
            sharing.attach()
        frames, layers = (1, None) if sharing is None else (sharing.layers.frames, sharing.layers)
        network, plain = self._compiled.open(frames, layers), unet.forward
        if network is None:
            return self

        def forward(
            sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor, return_dict: bool = True, **others: Any
        ) -> Any:
            if return_dict or not self._compiled.accepts(sample, others):
                return plain(sample, timestep, encoder_hidden_states, return_dict=return_dict, **others)
            rows = timestep.expand(len(sample)) if timestep.dim() == 0 else timestep
            return (network(sample, rows, encoder_hidden_states).to(sample.dtype),)

        unet.forward, self._attached = forward, True
        return self

    def detach(self) -> None:
        """Give the UNet its own `forward` back; does nothing when detached."""
        if self._attached:
            del self._compiled.unet.forward
            self._attached = False
        if self._sharing is not None:
            self._sharing.detach()
