"""For `acetate models verify`: whether layer files and adapter files hold what they should, key by key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from acetate.adapters.deltas import read_deltas
from acetate.adapters.lora_file import LoraFileError, modules_of
from acetate.adapters.shared_attention import SharedAttentionLayers
from acetate.models.adapter_files import LORA_FOLDER, STYLE_KIND
from acetate.models.hub_cache import is_weight_file, models_dir
from acetate.models.recipes import AdapterSpec
from acetate.models.registry import DECODER, ENCODER, ModelSpec
from acetate.models.safetensors_header import HeaderError, read_header
from acetate.models.transparency_loader import load_transparency
from acetate.models.weights import check_keys, read_weights

CONTROL_KEYS = (
    *(
        "control_model.",
        "input_hint_block.",
        "input_blocks.",
        "middle_block",
        "zero_convs.",
        "time_embed",
        "label_emb.",
    ),
    *("controlnet_", "conv_in.", "down_blocks.", "mid_block.", "time_embedding.", "add_embedding."),
    *("adapter.", "body.", "class_embedding."),
)
"""How the keys of ControlNets and T2I-Adapters begin, in their original and in diffusers' form."""
STYLE_KEYS = ("image_proj.", "ip_adapter.", "vision_model.", "visual_projection.")


def misfits(entry: ModelSpec) -> dict[Path, str]:
    """The layer files of a model that do not fit it, each with the reason; a key at fault is named."""
    from diffusers import UNet2DConditionModel

    if entry.family.is_native:
        return {}
    with torch.device("meta"):
        unet: Any = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(entry.folder / "unet"))
    parts = {part.name: part for recipe in entry.family.recipes for part in recipe.adapters if part.files}
    found = {}
    for name, path in entry.files.items():
        if not entry.family.decoders and name in (ENCODER, DECODER):
            continue
        try:
            if name in (ENCODER, DECODER):
                load_transparency(path, name)
            else:
                _read_part(parts[name], path, unet)
        except ValueError as error:
            found[path] = str(error)
    return found


def _read_part(part: AdapterSpec, path: Path, unet: Any) -> None:
    if part.kind == "delta":
        read_deltas(path, unet, len(part.inputs) if part.conditioning == "concat" else 0)
    else:
        SharedAttentionLayers.from_weights(unet, read_weights(path))


def adapter_files() -> Iterator[Path]:
    """The files of LoRAs, controls and styles in the models folder."""
    for kind in (LORA_FOLDER, "control", STYLE_KIND):
        yield from sorted(path for path in (models_dir() / kind).rglob("*") if is_weight_file(path) and path.is_file())


def adapter_fault(path: Path) -> str:
    """What is wrong with the keys of a LoRA, control or style file in the models folder; empty for a good one."""
    kind = path.relative_to(models_dir()).parts[0]
    try:
        if kind == LORA_FOLDER:
            modules_of(path)
        else:
            expected = STYLE_KEYS if kind == STYLE_KIND else CONTROL_KEYS
            check_keys(path, surplus=[name for name in read_header(path).shapes if not name.startswith(expected)])
    except LoraFileError as error:
        return f"{error}: {error.hint}"
    except HeaderError as error:
        return f"{error.what}: {error.hint}"
    except ValueError as error:
        return str(error)
    return ""
