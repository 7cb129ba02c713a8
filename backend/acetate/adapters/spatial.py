"""ControlNet and T2I-Adapter: control images for the composition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.models.backbones.diffusers_layout import read_json, weight_variant
from acetate.models.backbones.stable_diffusion.key_mapping import CONTROLNET
from acetate.models.feature_cache import content_hash
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.models.registry import model_missing_error
from acetate.models.weights import WeightFileError, load_state_dict_strict, read_weights

if TYPE_CHECKING:
    from acetate.models.diffusion_model import DiffusionModel

BETWEEN, INSIDE = "down_block_additional_residuals", "down_intrablock_additional_residuals"
MIDDLE = "mid_block_additional_residual"


@dataclass(frozen=True, eq=False)
class UNetInput:
    """Inputs of one UNet call; batch = samples x frames, without concatenated latents.

    `added` is SDXL's `added_cond_kwargs`, None for other models.
    """

    sample: Float[Tensor, "b c h w"]
    timestep: Tensor
    prompt_embeds: PromptEmbeds
    added: Mapping[str, Any] | None


class SpatialAdapter(Protocol):
    """A loaded ControlNet or T2I-Adapter with its control image."""

    def residuals(self, unet_input: UNetInput, weight: float) -> dict[str, Any]:
        """Keyword arguments for this UNet call, a row for each of the batch; `weight` is the conditioning scale."""
        ...


@dataclass(frozen=True, eq=False)
class ControlNet:
    """A ControlNet (Zhang et al. 2023) with its control image in [0, 1].

    It runs on every row of the batch, so that each frame has residuals for its own noise and prompt.
    """

    network: Any
    picture: Float[Tensor, "3 h w"]

    def residuals(self, unet_input: UNetInput, weight: float) -> dict[str, Any]:
        """Residuals between the UNet's blocks."""
        rows = len(unet_input.sample)
        down, middle = self.network(
            unet_input.sample,
            unet_input.timestep,
            encoder_hidden_states=unet_input.prompt_embeds.prompt_embeds,
            controlnet_cond=self.picture.to(unet_input.sample).expand(rows, -1, -1, -1),
            conditioning_scale=weight,
            added_cond_kwargs=unet_input.added,
            return_dict=False,
        )
        return {BETWEEN: list(down), MIDDLE: middle}


@dataclass(frozen=True, eq=False)
class T2IAdapter:
    """A T2I-Adapter (Mou et al. 2023) with the features of its control image, computed once for all steps."""

    maps: Sequence[Float[Tensor, "1 c h w"]]

    def residuals(self, unet_input: UNetInput, weight: float) -> dict[str, Any]:
        """Residuals inside the UNet's down blocks, the same for every row."""
        rows = len(unet_input.sample)
        return {INSIDE: [(each * weight).to(unet_input.sample).expand(rows, -1, -1, -1) for each in self.maps]}


def load_spatial_adapter(path: Path, model: DiffusionModel, picture: Float[Tensor, "3 h w"]) -> SpatialAdapter:
    """Load the adapter in a folder or file for this control image; its network stays cached in `model.adapters`.

    Raises AcetateError `model_missing` naming the file when it does not fit the model.
    """
    cache = model.adapters
    try:
        if path not in cache:
            network = _network(path, model.sd.unet).to(model.device, model.dtype)
            cache[path] = network.eval().requires_grad_(False)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise model_missing_error(f"the control {path} cannot be used ({reason:.300})") from error
    network = cache[path]
    if type(network).__name__ == "ControlNetModel":
        return ControlNet(network, picture)
    hint = picture if network.config.in_channels == 3 else picture.mean(dim=0, keepdim=True)

    def features() -> tuple[Tensor | None, ...]:
        with torch.inference_mode():
            return tuple(network(hint[None].to(model.device, model.dtype)))

    maps = model.features.get((path, content_hash([picture])), model.device, features)
    return T2IAdapter([each for each in maps if each is not None])


def _network(path: Path, unet: Any) -> Any:
    import diffusers

    if path.is_dir():
        kinds = {"ControlNetModel": diffusers.ControlNetModel, "T2IAdapter": diffusers.T2IAdapter}
        kind = str(read_json(path / "config.json").get("_class_name"))
        if kind not in kinds:
            raise ValueError(f"{path} holds a {kind}, neither a ControlNet nor a T2I-Adapter")
        options = {"use_safetensors": True, "local_files_only": True, "variant": weight_variant(path)}
        return kinds[kind].from_pretrained(path, torch_dtype=unet.dtype, **options)
    return _from_file(path, unet)


def _from_file(path: Path, unet: Any) -> Any:
    """A ControlNet in one file, with diffusers' or the original keys; its architecture is derived from the UNet's."""
    from diffusers import ControlNetModel
    from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint

    weights = read_weights(path)
    if not any("input_hint_block" in name or "controlnet_cond_embedding" in name for name in weights):
        raise WeightFileError(f"{path} is no ControlNet")
    with torch.device("meta"):
        network = ControlNetModel.from_unet(unet, load_weights_from_unet=False)
    if any(name.removeprefix(CONTROLNET).startswith("input_hint_block") for name in weights):
        weights = convert_controlnet_checkpoint(weights, network.config)
    load_state_dict_strict(network, weights, path)
    return network


def sum_residuals(residual_maps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum the residuals of several adapters by argument name."""
    total: dict[str, Any] = {}
    for residuals in residual_maps:
        for name, value in residuals.items():
            if name not in total:
                total[name] = value
            elif isinstance(value, list):
                total[name] = [old + new for old, new in zip(total[name], value, strict=True)]
            else:
                total[name] = total[name] + value
    return total
