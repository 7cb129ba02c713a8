"""What a weight file or a model folder is, told from its keys, shapes and configuration; nothing is loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acetate.models.backbones.diffusers_layout import TEXT_PREFIXES, UNET_PREFIX, VAE_PREFIX
from acetate.models.backbones.stable_diffusion.original_unet import DEEPEST, input_skips, unet_names
from acetate.models.families import KLEIN, QWEN_IMAGE21, QWEN_LAYERED, SD15, SDXL, STARTER, ModelFamily, families
from acetate.models.gguf_header import is_gguf, read_gguf
from acetate.models.hub_cache import is_weight_file
from acetate.models.safetensors_header import Header, HeaderError, read_header

Shapes = Mapping[str, tuple[int, ...]]
FIRST_INPUT = f"{UNET_PREFIX}input_blocks.0.0.weight"
ADDED_EMBEDDING = f"{UNET_PREFIX}label_emb.0.0.weight"
FOURTH_LEVEL = f"{UNET_PREFIX}input_blocks.9.0.op.weight"
INTO_ATTENTION = f"{UNET_PREFIX}input_blocks.1.1.proj_in.weight"
LAYERED_EMBEDDING = "time_text_embed.addition_t_embedding.weight"
"""What only Qwen-Image-Layered among the models with Qwen's transformer has."""
TEXT_NORM = "txt_in.text_norm.weight"
"""What only Qwen-Image-2.1 among them has."""
SINGLE_MODULATION = ("single_stream_modulation.lin.weight", "single_stream_modulation.linear.weight")
"""What all FLUX.2 models have, by their original and by diffusers' names."""
GUIDANCE_EMBEDDING = ("guidance_in.in_layer.weight", "time_guidance_embed.guidance_embedder.linear_1.weight")
"""What FLUX.2 [dev] has and klein lacks."""
TRANSFORMERS: Mapping[str, ModelFamily] = {
    LAYERED_EMBEDDING: QWEN_LAYERED,
    TEXT_NORM: QWEN_IMAGE21,
    **dict.fromkeys(SINGLE_MODULATION, KLEIN),
}
"""A key of a transformer in a file of its own, and the family."""
SCALES = (".absmax", ".scale_weight", ".weight_scale", "scaled_fp8")
"""Parts of the keys of quantized weights."""
LATENT_CHANNELS = 4
ATTENDS: Mapping[str, tuple[bool, ...]] = {SD15.name: (True, True, True, False), SDXL.name: (False, True, True)}
"""Which levels of a family's UNet have attention, the largest first."""
BY_INPUTS = {
    8: "an edit checkpoint (InstructPix2Pix), whose UNet takes a picture beside the noise",
    9: "an inpainting checkpoint, whose UNet takes a mask and a picture beside the noise",
}
PLAIN = "take the plain version of this model: Acetate inpaints with that"
OTHER = "take a checkpoint of Stable Diffusion 1.5 or SDXL"
V_PREDICTION: Mapping[str, Any] = {"prediction_type": "v_prediction"}
ZERO_SNR: Mapping[str, Any] = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
"""The scheduler settings of checkpoints trained to zero terminal SNR (Lin et al. 2024): they start at the last step."""
LORA_MARKS = (
    ".lora_up.",
    ".lora_down.",
    ".lora_A.",
    ".lora_B.",
    "_lora.up.",
    "_lora.down.",
    ".lora.up.",
    ".lora.down.",
)
LORA_KINDS: Mapping[str, str] = {
    "a LoHa": r"\.hada_w[12]",
    "a LoKr": r"\.lokr_w[12]",
    "an OFT or BOFT file": r"\.b?oft_",
    "an IA3 file": r"\.on_input$|\.ia3_l$",
    "a GLoRA": r"\.[ab][12]\.weight$",
    "a file of full differences": r"\.(diff|diff_b|w_norm|b_norm)$",
}
"""What is trained and shared like a LoRA and computes otherwise, by patterns in its keys."""
FOLDERS: Mapping[str, str] = {"a LoRA": "lora", "a textual inversion": "embedding"}
"""Where in the models folder a file goes that is offered as a model."""
INVERSION_KEYS = frozenset({"emb_params", "clip_l", "clip_g", "string_to_param", "<concept>"})
MARKS: tuple[tuple[str, str, str], ...] = (
    ("double_blocks.", "a FLUX model", OTHER),
    ("joint_blocks.", "a Stable Diffusion 3 model", OTHER),
    ("noise_refiner.", "a Lumina or Z-Image model", OTHER),
    ("time_stack.", "a video model", OTHER),
    ("motion_modules.", "a motion module (AnimateDiff)", OTHER),
    ("clip_txt_mapper.", "a Stable Cascade model", OTHER),
    ("input_hint_block.", "a ControlNet", "put it into control/sd15 or control/sdxl of the models folder"),
    ("controlnet_cond_embedding.", "a ControlNet", "put it into control/sd15 or control/sdxl of the models folder"),
    ("ip_adapter.", "an IP-Adapter", "put it into style/sd15 or style/sdxl of the models folder"),
    ("::", "a layer file", "put it into layers of the models folder, or give it with --file PART=PATH"),
    ("hookers.", "a layer file", "put it into layers of the models folder, or give it with --file PART=PATH"),
    (".absmax", "quantized by bitsandbytes (NF4 or INT8)", "take its version in float16"),
    (".scale_weight", "in scaled float8", "take its version in float16"),
    (".weight_scale", "in scaled float8", "take its version in float16"),
    ("scaled_fp8", "in scaled float8", "take its version in float16"),
    ("input_blocks.0.", "a UNet alone, without the beginning of its keys", "take the whole checkpoint that it is from"),
    ("down_blocks.0.", "a UNet alone, in diffusers' layout", "add its whole folder, which has a model_index.json"),
    ("vision_model.", "an image encoder", "put its folder into style/sd15 or style/sdxl of the models folder"),
    ("text_model.", "a text encoder alone", "take a checkpoint that has a UNet, too"),
    ("decoder.up", "a VAE alone", "take a checkpoint that has a UNet, too"),
    ("transformer_blocks.", "a diffusion transformer, not a UNet", OTHER),
)
"""Parts of keys, what a file with one is, and the way out; the first that occurs counts."""


@dataclass(frozen=True)
class FileKind:
    """What a file or folder is: the words for it, and its family, None with a `hint` for what is no usable model.

    `schedule` are the scheduler settings in which it differs from its family. `foreign` are keys of no model.
    """

    what: str
    family: ModelFamily | None = None
    hint: str = ""
    schedule: Mapping[str, Any] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()


def identify(path: Path) -> FileKind:
    """What a file or folder is; a damaged or unreadable one is told so."""
    try:
        if path.is_dir():
            return _folder(path)
        if is_gguf(path):
            return _gguf(path)
        if not is_weight_file(path):
            read_header(path)
            return FileKind(f"a file whose name ends with {path.suffix or 'nothing'}", None, "name it .safetensors")
        return _checkpoint(read_header(path))
    except HeaderError as error:
        return FileKind(error.what, None, error.hint)
    except OSError as error:
        return FileKind(f"unreadable ({error.strerror})", None, "see that it exists and that you may read it")


def _gguf(path: Path) -> FileKind:
    """What a GGUF file is: transformers are read, everything else is not."""
    whose = _transformer_of(read_gguf(path))
    if whose is not None:
        return FileKind(f"a transformer of {whose.name}, quantized (GGUF)", whose)
    return FileKind("a GGUF file, whose weights are quantized", None, "fetch its .safetensors version")


def _transformer_of(names: Iterable[str]) -> ModelFamily | None:
    """The family that has a transformer in a file of its own with these keys."""
    bare = {name.removeprefix(UNET_PREFIX) for name in names}
    return next((family for mark, family in TRANSFORMERS.items() if mark in bare), None)


def family_of(path: Path) -> ModelFamily | None:
    """The family of a diffusers folder or a checkpoint file, None for what is no usable model."""
    return identify(path).family


def lora_kind(keys: Iterable[str]) -> str | None:
    """What the keys of a file that is offered as a LoRA are instead, None for a LoRA."""
    names = tuple(keys)
    for what, pattern in LORA_KINDS.items():
        if any(re.search(pattern, name) for name in names):
            return what
    if INVERSION_KEYS & set(names):
        return "a textual inversion"
    if _occurs(LORA_MARKS, names):
        return None
    if any(name.startswith(UNET_PREFIX) for name in names):
        return "a checkpoint"
    return next((what for mark, what, _ in MARKS if _occurs((mark,), names)), "no LoRA")


def _occurs(marks: Iterable[str], keys: Iterable[str]) -> bool:
    return any(mark in key for key in keys for mark in marks)


def _checkpoint(header: Header) -> FileKind:
    shapes = header.shapes
    if any(name.removeprefix(UNET_PREFIX) in GUIDANCE_EMBEDDING for name in shapes):
        return FileKind("FLUX.2 [dev] or FLUX.1 [dev]", None, "take FLUX.2 klein base")
    whose = _transformer_of(shapes)
    if whose is not None and not _occurs(SCALES, shapes):
        return FileKind(f"a transformer of {whose.name}", whose)
    unet = {name.removeprefix(UNET_PREFIX) for name in shapes if name.startswith(UNET_PREFIX)}
    if any("double_blocks." in name or "joint_blocks." in name for name in unet) or not _has_blocks(unet):
        return _no_model(shapes)
    if _occurs((".absmax", ".scale_weight", "time_stack."), shapes):
        return _no_model(shapes)
    channels = shapes.get(FIRST_INPUT, (0, LATENT_CHANNELS))[1:2]
    if ADDED_EMBEDDING in shapes and FOURTH_LEVEL in shapes:
        return FileKind("SDXL's refiner", None, "take SDXL's base model")
    entrance = shapes.get(INTO_ATTENTION, ())
    family = SDXL if ADDED_EMBEDDING in shapes or (not entrance and not _has_fourth_level(unet)) else SD15
    if channels != (LATENT_CHANNELS,):
        count = channels[0] if channels else 0
        return FileKind(BY_INPUTS.get(count, f"a checkpoint whose UNet takes {count} channels, not 4"), None, PLAIN)
    if family is SD15 and len(entrance) == 2:
        return FileKind("a checkpoint of Stable Diffusion 2", None, OTHER)
    other = _other_schedule(shapes)
    if other:
        return FileKind(other, None, "take a checkpoint that predicts noise or v")
    gap = _missing(unet, family)
    if gap:
        hint = "fetch it again; distilled models with fewer layers (SSD-1B, Vega) cannot be used"
        return FileKind(f"truncated: {gap}", None, hint)
    return FileKind(f"a checkpoint of {family.name}", family, "", _schedule(header), _foreign(shapes, unet, family))


def _has_blocks(unet: Iterable[str]) -> bool:
    return any(name.startswith(("input_blocks.", "middle_block.", "output_blocks.")) for name in unet)


def _has_fourth_level(unet: Iterable[str]) -> bool:
    return any(name.startswith(("input_blocks.9.", "output_blocks.9.")) for name in unet)


def _no_model(shapes: Shapes) -> FileKind:
    kind = None if INVERSION_KEYS.isdisjoint(shapes) else "a textual inversion"
    lora = lora_kind(shapes)
    if lora is None or lora in LORA_KINDS:
        kind = "a LoRA" if lora is None else lora
    if kind is not None:
        folder = FOLDERS.get(kind)
        return FileKind(f"{kind}, not a model", None, f"put it into {folder} of the models folder" if folder else OTHER)
    for mark, what, hint in MARKS:
        if _occurs((mark,), shapes):
            return FileKind(what, None, hint)
    return FileKind("no checkpoint of Stable Diffusion 1.5 or SDXL", None, OTHER)


def _other_schedule(shapes: Shapes) -> str:
    """The name of a model whose UNet predicts neither noise nor v in discrete steps, empty for others."""
    if "edm_mean" in shapes:
        return "Playground 2.5, which has a noise schedule of its own (EDM)"
    return "a CosXL checkpoint, which has a noise schedule of its own (EDM)" if "edm_vpred.sigma_max" in shapes else ""


def _schedule(header: Header) -> Mapping[str, Any]:
    """What the keys `v_pred` and `ztsnr`, or the maker's texts (ModelSpec 1.0), say about the noise schedule."""
    named = header.metadata.get("modelspec.prediction_type", "").lower()
    v_prediction = "v_pred" in header.shapes or named in ("v", "v_prediction")
    return {**(V_PREDICTION if v_prediction else {}), **(ZERO_SNR if "ztsnr" in header.shapes else {})}


def _missing(unet: set[str], family: ModelFamily) -> str:
    """What a UNet lacks, in words; empty for a whole one."""
    wanted = list(unet_names(ATTENDS[family.name], added=family is SDXL, depth=_depth_in(unet)))
    missing = [name for name in wanted if name not in unet]
    if not missing:
        return ""
    verb = "is" if len(missing) == 1 else "are"
    return f"{len(missing)} of {len(wanted)} weights of its UNet {verb} missing, such as {missing[0]}"


def _depth_in(unet: set[str]) -> Callable[[str], int]:
    def depth(place: str) -> int:
        layers = range(1, DEEPEST)
        beginnings = (f"{place}.transformer_blocks.{layer}.norm1.weight" in unet for layer in layers)
        return 1 + sum(beginnings)

    return depth


def _foreign(shapes: Shapes, unet: set[str], family: ModelFamily) -> tuple[str, ...]:
    """The keys inside a checkpoint's networks that no UNet of the family has, and those of networks it does not have.

    Single numbers beside them, such as noise schedules, say nothing about the model.
    """
    known = set(unet_names(ATTENDS[family.name], added=family is SDXL, depth=_depth_in(unet)))
    known |= set(input_skips(len(ATTENDS[family.name])))
    ours = (VAE_PREFIX, *TEXT_PREFIXES[family.name], "model_ema.")
    found = [UNET_PREFIX + name for name in sorted(unet - known)]
    for name, shape in shapes.items():
        if not name.startswith((UNET_PREFIX, *ours)) and len(shape) > 1:
            found.append(name)
    return tuple(found)


def _folder(path: Path) -> FileKind:
    index = path / "model_index.json"
    if not index.is_file():
        return FileKind(
            "a folder without a model_index.json", None, "add a folder in diffusers' layout, or a checkpoint"
        )
    try:
        kind = _json(index).get("_class_name")
        unet = _json(path / "unet/config.json") if (path / "unet/config.json").is_file() else {}
    except (ValueError, RecursionError, AttributeError):
        return FileKind("a folder whose configuration is damaged", None, "fetch it again")
    family = next((each for each in families().values() if kind and kind == each.pipeline_class), None)
    # The starter has the class of SD 1.5, whose transparency is not in its models' own folders.
    if (path / "transparency").is_dir() and (family is None or family.decoders):
        return FileKind("a model of the starter's family", STARTER)
    if family is None:
        return FileKind(f"a model for diffusers' {kind}", None, OTHER)
    channels = unet.get("in_channels", LATENT_CHANNELS)
    if channels != LATENT_CHANNELS:
        what = BY_INPUTS.get(channels, f"a model whose UNet takes {channels} channels, not 4")
        return FileKind(what, None, PLAIN)
    if family is SD15 and unet.get("use_linear_projection") is True:
        return FileKind("a model of Stable Diffusion 2", None, OTHER)
    return FileKind(f"a model of {family.name}", family)


def _json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds no map")
    return content
