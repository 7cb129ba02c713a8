"""Paths of adapter files: in the models folder by kind, else in the hub cache."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from acetate_wire.errors import AcetateError

from acetate.models.hub_cache import ENDINGS, cached_file, is_weight_file, models_dir, weight_files

LORA_FOLDER = "lora"
PEFT_FILE = "adapter_model.safetensors"
"""The file that PEFT writes, beside its configuration."""
STYLE_KIND = "style"
"""The control kind of IP-Adapter: style, not composition."""
KINDS = ("scribble", "line", "edge", "depth", "pose", "segmentation", "tile")
"""The kinds of ControlNets and T2I-Adapters; a file or folder in the models folder may have any other name."""
MADE_FROM_LAYER = ("edges", "lines", "alpha", "picture")
"""Preprocessors for a layer; `edge:edges` is the kind `edge` with the layer's edges as the control image."""
KNOWN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "sd15": {
        "scribble": ("lllyasviel/control_v11p_sd15_scribble", "TencentARC/t2iadapter_sketch_sd15v2"),
        "line": ("lllyasviel/control_v11p_sd15_lineart",),
        "edge": ("lllyasviel/control_v11p_sd15_canny", "TencentARC/t2iadapter_canny_sd15v2"),
        "depth": ("lllyasviel/control_v11f1p_sd15_depth", "TencentARC/t2iadapter_depth_sd15v2"),
        "pose": ("lllyasviel/control_v11p_sd15_openpose", "TencentARC/t2iadapter_openpose_sd14v1"),
        "segmentation": ("lllyasviel/control_v11p_sd15_seg", "TencentARC/t2iadapter_seg_sd14v1"),
        "tile": ("lllyasviel/control_v11f1e_sd15_tile",),
    },
    "sdxl": {
        "scribble": ("xinsir/controlnet-scribble-sdxl-1.0", "TencentARC/t2i-adapter-sketch-sdxl-1.0"),
        "line": ("TencentARC/t2i-adapter-lineart-sdxl-1.0",),
        "edge": ("diffusers/controlnet-canny-sdxl-1.0", "TencentARC/t2i-adapter-canny-sdxl-1.0"),
        "depth": ("diffusers/controlnet-depth-sdxl-1.0", "TencentARC/t2i-adapter-depth-midas-sdxl-1.0"),
        "pose": ("xinsir/controlnet-openpose-sdxl-1.0", "TencentARC/t2i-adapter-openpose-sdxl-1.0"),
        "tile": ("xinsir/controlnet-tile-sdxl-1.0",),
    },
}
"""Hub repositories of structure adapters, best first."""
STYLE_REPOSITORY = "h94/IP-Adapter"
STYLE_FILES = {
    "sd15": "models/ip-adapter_sd15.safetensors",
    "sdxl": "sdxl_models/ip-adapter_sdxl_vit-h.safetensors",
}
STYLE_ENCODER = "models/image_encoder"
"""The picture encoder of both files, in the same repository."""


def adapter_kinds(family: str) -> tuple[str, ...]:
    """The kinds of adapters that can be fetched for a family: structure, then style."""
    return (*KNOWN.get(family, {}), *((STYLE_KIND,) if family in STYLE_FILES else ()))


def split_kind(kind: str) -> tuple[str, str | None]:
    """The adapter's kind, and the preprocessor or None. Raises AcetateError `bad_request` for an unknown one."""
    name, colon, source = kind.partition(":")
    if colon and source not in MADE_FROM_LAYER:
        raise AcetateError(
            "bad_request",
            f"a control picture cannot be made from {source!r}",
            field="controls",
            hint=f"write {name}, or {name}: and one of {', '.join(MADE_FROM_LAYER)}",
        )
    return name, source if colon else None


def control_adapter_path(family: str, kind: str) -> Path:
    """The folder or file of a ControlNet or T2I-Adapter.

    Raises AcetateError `bad_request` for an invalid kind, `model_missing` with the command that fetches its files.
    """
    user_folder = models_dir() / "control" / family
    if Path(kind).name != kind:
        raise AcetateError(
            "bad_request",
            f"there is no kind of control named {kind!r}",
            field="controls",
            hint=f"choose from {', '.join((*KINDS, STYLE_KIND))}, or name a folder in {user_folder}",
        )
    if (user_folder / kind).exists():
        return user_folder / kind
    for path in weight_files(user_folder):
        if path.stem == kind:
            return path
    for repository in KNOWN.get(family, {}).get(kind, ()):
        config = cached_file(repository, "config.json")
        if config is not None:
            return config.parent
    known = KNOWN.get(family, {}).get(kind)
    hint = f"fetch it with: acetate models pull {family}/{kind}" if known else f"put it into {user_folder / kind}"
    raise AcetateError(
        "model_missing", f"there is no {kind} control for {family} on this computer", field="controls", hint=hint
    )


def installed_control_kinds(family: str) -> tuple[str, ...]:
    """The kinds of ControlNets and T2I-Adapters on this computer, in the hub cache or the models folder."""
    user_folder = models_dir() / "control" / family
    found = {path.stem for path in weight_files(user_folder)}
    found |= {path.name for path in user_folder.glob("*") if path.is_dir()}
    for kind, repositories in KNOWN.get(family, {}).items():
        if any(cached_file(repository, "config.json") is not None for repository in repositories):
            found.add(kind)
    return tuple(sorted(found))


def ip_adapter_paths(family: str) -> tuple[Path, Path]:
    """The IP-Adapter file of a family, and the folder of its picture encoder. Raises AcetateError `model_missing`."""
    user_folder = models_dir() / STYLE_KIND / family
    files = weight_files(user_folder)
    if files and (user_folder / "image_encoder").is_dir():
        return files[0], user_folder / "image_encoder"
    file = cached_file(STYLE_REPOSITORY, STYLE_FILES[family]) if family in STYLE_FILES else None
    encoder = cached_file(STYLE_REPOSITORY, f"{STYLE_ENCODER}/config.json")
    if file is not None and encoder is not None:
        return file, encoder.parent
    hint = (
        f"fetch it with: acetate models pull {family}/{STYLE_KIND}"
        if family in STYLE_FILES
        else f"put one into {user_folder}"
    )
    raise AcetateError(
        "model_missing", f"there is no style adapter for {family} on this computer", field="controls", hint=hint
    )


def lora_folder() -> Path:
    """Where this user's LoRA files lie; it may not exist yet."""
    return models_dir() / LORA_FOLDER


def installed_loras() -> tuple[str, ...]:
    """The names of the LoRA files in the models folder; only loading shows which of them fit a model."""
    folder = lora_folder()
    return tuple(path.relative_to(folder).with_suffix("").as_posix() for path in lora_files())


def lora_files() -> tuple[Path, ...]:
    """The LoRA files in the models folder and the folders in it."""
    found = (lora_folder()).rglob("*")
    return tuple(sorted(path for path in found if is_weight_file(path) and path.is_file()))


def lora_path(name: str) -> Path:
    """The LoRA file of that name in the models folder, or at that path; a folder of PEFT's stands for its file.

    Raises AcetateError `bad_request`.
    """
    folder = lora_folder()
    # A bare name is never looked for in whatever folder this process happens to run in.
    places = [folder, Path()] if Path(name).name != name else [folder]
    for place in places:
        path = place / Path(name).expanduser()
        if is_weight_file(path) and path.is_file():
            return path
        if path.is_dir() and (path / PEFT_FILE).is_file():
            return path / PEFT_FILE
        # Any ending in small or capital letters; a dot in the name itself is none.
        for each in weight_files(path.parent):
            if each.stem == path.name:
                return each
    raise AcetateError(
        "bad_request",
        f"there is no LoRA {name!r}",
        field="loras",
        hint=f"put its {' or '.join(ENDINGS)} file into {folder}, or give its whole path",
    )
