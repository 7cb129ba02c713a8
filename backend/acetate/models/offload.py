"""Placement of a loaded model by a plan: resident on the device, or offloaded to main memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from acetate.models.memory_plan import NOT_SHORTENED, MemoryPlan

if TYPE_CHECKING:
    from acetate.models.diffusion_model import DiffusionModel

FORMATS = {"layerwise_casting", "peft_autocast_disable"}
"""diffusers' hooks of `store_in_fp8`, which stay wherever the network is."""


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


def store_in_fp8(network: Any, dtype: torch.dtype) -> None:
    """Store a transformer's layers in float8, in place; each is computed in `dtype` when it is called."""
    from diffusers.hooks import apply_layerwise_casting

    apply_layerwise_casting(network, torch.float8_e4m3fn, dtype, skip_modules_pattern=NOT_SHORTENED)


def store_in_nf4(network: Any, dtype: torch.dtype, device: torch.device) -> None:
    """Store a transformer's linear layers in four bits (NF4, Dettmers et al. 2023), in place; each is quantized on
    `device`, lies in main memory then, and is computed in `dtype`.
    """
    from bitsandbytes.nn import Linear4bit, Params4bit

    options = {"compress_statistics": False, "quant_type": "nf4"}
    for name, layer in list(network.named_modules()):
        if type(layer) is not torch.nn.Linear or re.search("|".join(NOT_SHORTENED), name):
            continue
        short = Linear4bit(
            layer.in_features, layer.out_features, layer.bias is not None, dtype, device=torch.device("meta"), **options
        )
        short.weight = Params4bit(layer.weight.data, requires_grad=False, module=short, **options)
        short.bias = layer.bias
        parent, _, child = name.rpartition(".")
        setattr(network.get_submodule(parent), child, short.to(device).to("cpu").eval())


def is_quantized(network: Any) -> bool:
    """Whether a network's weights were quantized when it was loaded (GGUF)."""
    return getattr(network, "hf_quantizer", None) is not None


def _offload(model: DiffusionModel, *, layers: bool) -> None:
    """Keep weights in main memory and have hooks move them when their network, or layer, is called.

    Before a network is brought to the device, all others leave it: in whatever order they are called, one is there.
    """
    from accelerate.hooks import CpuOffload, UserCpuOffloadHook, add_hook_to_module
    from diffusers.hooks import apply_group_offloading

    class Alone(CpuOffload):  # type: ignore[misc]
        """Brings a network to the device when it is called, after the others have left it."""

        def pre_forward(self, module: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
            """Move them."""
            for hook in model.hooks:
                if hook.model is not module:
                    hook.offload()
            return super().pre_forward(module, *args, **kwargs)

    for network in model.backbone.networks:
        network.to("cpu")
    by_layer = model.backbone.by_layer if layers else ()
    for network in model.backbone.networks:
        if any(network is each for each in by_layer):
            apply_group_offloading(network, model.device, torch.device("cpu"), offload_type="leaf_level")
            continue
        hook = Alone(model.device)
        add_hook_to_module(network, hook, append=True)
        model.hooks.append(UserCpuOffloadHook(network, hook))


def _remove_hooks(model: DiffusionModel) -> None:
    for hook in model.hooks:
        hook.remove()
    model.hooks.clear()
    for module in (module for network in model.backbone.by_layer for module in network.modules()):
        registry = getattr(module, "_diffusers_hook", None)
        if registry is not None:
            for name in set(registry.hooks) - FORMATS:
                registry.remove_hook(name, recurse=False)
