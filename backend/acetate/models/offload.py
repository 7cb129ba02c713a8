"""Placement of a loaded model by a plan: resident on the device, or offloaded to main memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from acetate.models.memory_plan import MemoryPlan

if TYPE_CHECKING:
    from acetate.models.diffusion_model import DiffusionModel


def apply_plan(model: DiffusionModel, plan: MemoryPlan) -> None:
    """Set VAE tiling and batch, and place a model's networks, as a plan says; they stay where they are placed so."""
    model.backbone.tile(plan.tiled)
    model.batch = plan.batch
    if model.placement == plan.placement:
        return
    _remove_hooks(model)
    if plan.placement == "resident":
        for network in model.backbone.networks:
            network.to(model.device)
    else:
        _offload(model, layers=plan.placement == "sequential")
    model.placement = plan.placement


@contextmanager
def without_offloading(model: DiffusionModel) -> Iterator[None]:
    """Have an offloaded model lie in main memory without hooks for a `with` block, so that modules may be put in and
    taken out; afterwards the hooks are on what is in it then. Does nothing to a resident model.

    diffusers' loaders refuse a model with hooks, or take them away for good.
    """
    if model.placement in (None, "resident"):
        yield
        return
    _remove_hooks(model)
    for network in model.backbone.networks:
        network.to("cpu")
    try:
        yield
    finally:
        _offload(model, layers=model.placement == "sequential")


def quantize_int8(network: Any) -> None:
    """Quantize the linear layers of a network to int8 weights, in place, through torchao."""
    from torchao.quantization import Int8WeightOnlyConfig, quantize_

    quantize_(network, Int8WeightOnlyConfig())


def _offload(model: DiffusionModel, *, layers: bool) -> None:
    """Keep weights in main memory and have hooks move them when their network, or layer, is called."""
    from accelerate import cpu_offload_with_hook
    from diffusers.hooks import apply_group_offloading

    for network in model.backbone.networks:
        network.to("cpu")
    previous: Any = None
    for network in model.backbone.networks:
        if layers and network is model.backbone.denoiser:
            apply_group_offloading(network, model.device, torch.device("cpu"), offload_type="leaf_level")
            continue
        _, previous = cpu_offload_with_hook(network, model.device, previous)
        model.hooks.append(previous)


def _remove_hooks(model: DiffusionModel) -> None:
    for hook in model.hooks:
        hook.remove()
    model.hooks.clear()
    for module in model.backbone.denoiser.modules():
        registry = getattr(module, "_diffusers_hook", None)
        if registry is not None:
            for name in list(registry.hooks):
                registry.remove_hook(name, recurse=False)
