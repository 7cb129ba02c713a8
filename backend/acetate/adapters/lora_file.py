"""Reading LoRA files of kohya, diffusers (old and new) and PEFT, with DoRA and LoCon, matched module by module."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from acetate.models.backbones.file_kind import ATTENDS, lora_kind
from acetate.models.backbones.stable_diffusion.key_mapping import diffusers_keys
from acetate.models.backbones.stable_diffusion.original_unet import DEEPEST, input_skips, unet_names
from acetate.models.safetensors_header import HeaderError, read_header
from acetate.models.weights import read_weights

PARTS = (
    ("down", r"\.(lora_down|lora_A(\.default)?|lora\.down|lora_linear_layer\.down)\.weight|_lora\.down\.weight"),
    ("up", r"\.(lora_up|lora_B(\.default)?|lora\.up|lora_linear_layer\.up)\.weight|_lora\.up\.weight"),
    ("mid", r"\.lora_mid\.weight"),
    ("alpha", r"\.alpha"),
    ("magnitude", r"\.dora_scale|\.lora_magnitude_vector(\.default)?(\.weight)?"),
)
"""What the ends of keys name."""
OLD_TEXT = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}
"""Old names of diffusers for a text encoder's attention."""
LARGEST = 65504.0
"""The largest number of float16. No delta of a trained LoRA is near."""
SUPPORTED = "take a LoRA, LoCon or DoRA"
MODULES = (nn.Linear, nn.Conv2d)
SETTINGS = "lora_adapter_metadata"
"""Where diffusers writes PEFT's settings into a file."""


class LoraFileError(ValueError):
    """A LoRA file that cannot be used."""

    def __init__(self, message: str, hint: str = "choose one that was made for this family of models") -> None:
        """`message` says why, `hint` what to do."""
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, eq=False)
class LoraDelta:
    """A delta for one weight: the product of `up` and `down`, scaled by the file's alpha already, in float32.

    `down` is "rank in" or, for a convolution, "rank in kh kw"; `up` is "out rank". `magnitude`, "out", is DoRA's norm
    of each output (Liu et al. 2024), None for a plain LoRA.
    """

    down: Tensor
    up: Tensor
    magnitude: Tensor | None = None


@dataclass(frozen=True, eq=False)
class LoraFile:
    """A LoRA for one model: deltas by network (`unet`, `text_encoder`, `text_encoder_2`) and module.

    `foreign` are its modules that belong to another model, as the file calls them.
    """

    deltas: Mapping[str, Mapping[str, LoraDelta]]
    foreign: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many modules of this model it changes."""
        return sum(map(len, self.deltas.values()))


def read_lora(path: Path, networks: Mapping[str, nn.Module]) -> LoraFile:
    """Read a file's deltas for these networks, by the names of diffusers' folders.

    Raises LoraFileError for a file of another kind, one that is truncated, one without a module of this model, and one
    with numbers that are not finite or overflow.
    """
    modules, metadata = modules_of(path)
    places = _places(networks)
    scale = _scales(path, metadata)
    deltas: dict[str, dict[str, LoraDelta]] = {network: {} for network in networks}
    foreign = []
    for name, parts in modules.items():
        network, module = places.get(_plain(name), ("", ""))
        target = networks[network].get_submodule(module) if module else None
        delta = None if target is None else _low_rank(name, parts, target, scale(network, module, parts))
        if delta is None:
            foreign.append(name)
        else:
            deltas[network][module] = delta
    found = LoraFile({network: each for network, each in deltas.items() if each}, tuple(foreign))
    if len(foreign) > found.count:
        count = f"{len(foreign)} of {len(modules)}" if found.count else f"all {len(modules)}"
        raise LoraFileError(f"{count} modules belong to another model, such as {foreign[0]}")
    return found


def modules_of(path: Path) -> tuple[dict[str, dict[str, Tensor]], Mapping[str, str]]:
    """The tensors of each module of a LoRA file by part, memory-mapped, and the texts that its maker added.

    Raises LoraFileError for a file of another kind, a truncated one, and one with a key that is no part of a LoRA.
    """
    try:
        header = read_header(path)
    except (OSError, HeaderError) as error:
        raise LoraFileError(f"it is {error}", getattr(error, "hint", "see that you may read it")) from error
    kind = lora_kind(header.shapes)
    if kind is not None:
        raise LoraFileError(f"it is {kind}, which cannot be used as a LoRA", SUPPORTED)
    modules, strange = _grouped(read_weights(path))
    if strange:
        raise LoraFileError(f"it has {strange[0]}, which is no part of a LoRA", SUPPORTED)
    return modules, header.metadata


def _grouped(weights: Mapping[str, Tensor]) -> tuple[dict[str, dict[str, Tensor]], list[str]]:
    """The tensors of each module by part, and the keys that are no part of a LoRA."""
    modules: dict[str, dict[str, Tensor]] = defaultdict(dict)
    strange = []
    for key, value in weights.items():
        for part, pattern in PARTS:
            found = re.search(f"({pattern})$", key)
            if found is not None:
                modules[key[: found.start()]][part] = value
                break
        else:
            strange.append(key)
    # An alpha alone changes nothing; some trainers write it for modules that they leave out.
    return {name: parts for name, parts in modules.items() if parts.keys() != {"alpha"}}, strange


def _plain(name: str) -> str:
    """A module's name in a file without what old versions of diffusers and PEFT put into it."""
    name = name.removeprefix("base_model.model.").replace(".processor.", ".")
    if re.match(r"text_encoder(_2)?\.", name) or ".self_attn." in name:
        head, _, last = name.rpartition(".")
        return f"{head}.{OLD_TEXT.get(last, last)}"
    return f"{name}.0" if name.endswith(".to_out") else name


def _places(networks: Mapping[str, nn.Module]) -> dict[str, tuple[str, str]]:
    """The network and module that each name in a file stands for, in every way of writing it."""
    found: dict[str, tuple[str, str]] = {}
    for network, root in networks.items():
        names = [name for name, module in root.named_modules() if isinstance(module, MODULES)]
        pairs = dict(_unet_names(root, names) if network == "unet" else _text_names(network, names))
        found |= {written: (network, name) for written, name in pairs.items() if written not in found}
    return found


def _unet_names(unet: Any, names: list[str]) -> Iterator[tuple[str, str]]:
    attends = ATTENDS["sdxl" if len(unet.config.block_out_channels) == 3 else "sd15"]
    keys = [*unet_names(attends, added=True, depth=lambda place: DEEPEST), *input_skips(len(attends))]
    theirs = diffusers_keys([key for key in keys if key.endswith(".weight")], unet.config)
    original = {name.removesuffix(".weight"): key.removesuffix(".weight") for key, name in theirs.items()}
    for name in names:
        yield from ((f"{start}{name}", name) for start in ("unet.", ""))
        spellings = [name, *([original[name]] if name in original else [])]
        for each in spellings:
            yield from ((f"{start}{each.replace('.', '_')}", name) for start in ("lora_unet_", "lycoris_"))
        if name in original:
            yield f"diffusion_model.{original[name]}", name


def _text_names(network: str, names: list[str]) -> Iterator[tuple[str, str]]:
    number = "2" if network.endswith("2") else "1"
    kohya = [f"lora_te{number}_", *(["lora_te_"] if number == "1" else [])]
    for name in names:
        bare = name.removeprefix("text_model.")
        for each in (bare, f"text_model.{bare}"):
            yield f"{network}.{each}", name
            yield from ((f"{start}{each.replace('.', '_')}", name) for start in kohya)
            if number == "1":
                yield each, name


def _scales(path: Path, metadata: Mapping[str, str]) -> Any:
    """A function from a network, a module and its parts to the factor alpha / rank on its delta."""
    settings: dict[str, Any] = {}
    beside = path.with_name("adapter_config.json")
    try:
        if path.stem == "adapter_model" and beside.is_file():
            settings = {"": json.loads(beside.read_text(encoding="utf-8"))}
        elif SETTINGS in metadata:
            for key, value in json.loads(metadata[SETTINGS]).items():
                network, _, option = key.partition(".")
                settings.setdefault(network, {})[option] = value
    except (ValueError, RecursionError, AttributeError, OSError) as error:
        raise LoraFileError(f"its settings cannot be read ({error})", "fetch it again") from error

    def scale(network: str, module: str, parts: Mapping[str, Tensor]) -> float:
        rank = parts["down"].shape[0] if "down" in parts else 1
        if "alpha" in parts:
            return float(parts["alpha"].float().flatten()[0]) / rank
        own = settings.get(network) or settings.get("") or {}
        patterns = own.get("alpha_pattern") or {}
        alpha = next(
            (value for key, value in patterns.items() if re.search(rf"(^|\.){key}$", module)), own.get("lora_alpha")
        )
        if alpha is None:
            return 1.0
        return float(alpha) / (math.sqrt(rank) if own.get("use_rslora") else rank)

    return scale


def _low_rank(name: str, parts: Mapping[str, Tensor], target: nn.Module, scale: float) -> LoraDelta | None:
    """A module's delta, None where it does not fit the module of that name."""
    if not {"down", "up"} <= parts.keys():
        raise LoraFileError(f"it is incomplete: {name} lacks its {'down' if 'up' in parts else 'up'}", "fetch it again")
    down, up = parts["down"].float(), parts["up"].float().flatten(1)
    if "mid" in parts:  # Tucker's form of LoCon: a convolution between two of 1 x 1
        down = torch.einsum("mnhw,ni->mihw", parts["mid"].float(), down.flatten(1))
    shape = target.weight.shape
    assert isinstance(shape, torch.Size)
    if len(up) != shape[0] or up.shape[1] != len(down) or down[0].numel() != math.prod(shape[1:]):
        return None
    delta = LoraDelta(down.reshape(len(down), *shape[1:]), up * scale, _magnitude(name, parts, shape))
    _check_numbers(name, delta)
    return delta


def _magnitude(name: str, parts: Mapping[str, Tensor], shape: torch.Size) -> Tensor | None:
    if "magnitude" not in parts:
        return None
    value = parts["magnitude"].float()
    if value.numel() != shape[0] or (value.ndim > 1 and len(value) == 1 and value.shape[-1] == shape[0]):
        raise LoraFileError(
            f"it is a DoRA with scales by input ({name}), which cannot be used", "train it with wd_on_output"
        )
    return value.flatten()


def _check_numbers(name: str, delta: LoraDelta) -> None:
    """Raise LoraFileError when a delta is not finite, or larger than any number of float16."""
    norms = [delta.down.norm(), delta.up.norm(), *([] if delta.magnitude is None else [delta.magnitude.norm()])]
    if not all(map(math.isfinite, map(float, norms))):
        raise LoraFileError(f"it is damaged: {name} is not a number, or infinite", "fetch it again")
    if float(delta.down.abs().max() * delta.up.abs().max()) > LARGEST or float(max(norms)) > LARGEST:
        raise LoraFileError(f"the numbers of {name} overflow half precision", "fetch it again, or choose another")
