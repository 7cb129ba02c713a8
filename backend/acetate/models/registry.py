"""The known models and their modes, read from their folders without loading them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from acetate_wire.errors import AcetateError

from acetate.image.sizes import Learned
from acetate.models.backbones.diffusers_layout import (
    CALLED,
    OWN_TRANSPARENCY,
    UPSAMPLER,
    absent,
    first_missing_file,
    native_size,
    read_json,
)
from acetate.models.backbones.file_kind import FileKind, identify
from acetate.models.families import PUBLISHED, SDXL, STARTER, ModelFamily, ModelSource, families
from acetate.models.gguf_header import is_gguf
from acetate.models.hub_cache import SUFFIX, cached_snapshot, is_weight_file, layer_file, weight_files
from acetate.models.recipes import ModeRecipe, stack_recipes
from acetate.models.user_models import unusable_files, user_sources

__all__ = ["STARTER", "STARTER_FOLDER", "ModelRegistry", "ModelSource", "ModelSpec", "model_missing_error"]

STARTER_FOLDER = Path(__file__).parents[1] / "starter"
"""The folder of the starter model, which ships with the package."""

ENCODER, DECODER, ALPHA_VAE = "encoder", "decoder", "alpha_vae"
"""The keys of the transparency files in `ModelSpec.files`; the others are keyed by adapter name."""

RGBA = 4
"""The channels of a VAE with alpha."""


@dataclass(frozen=True)
class ModelSpec:
    """One model: its folder, licence, training resolution in pixels, and the recipes that its installed files allow,
    best first.

    `files` are the installed layer files, by adapter name, `ENCODER` or `DECODER`. `file` is the checkpoint of a model
    in one file; its `folder` is then that of the base model, for the configuration, and `schedule` the scheduler
    settings in which it differs from that. `upscale_factor` is that of its upsampler, 1 where it has none.
    """

    name: str
    family: ModelFamily
    folder: Path
    licence: str
    native_size: int
    recipes: tuple[ModeRecipe, ...]
    files: Mapping[str, Path] = field(default_factory=dict)
    file: Path | None = None
    upscale_factor: int = 1
    schedule: Mapping[str, Any] = field(default_factory=dict)

    @property
    def full_size(self) -> int:
        """The side of its output in pixels, after the upsampler where it has one."""
        return self.native_size * self.upscale_factor

    @cached_property
    def scheduler_config(self) -> Mapping[str, Any]:
        """Its scheduler configuration in diffusers' form. Raises AcetateError `model_missing` when unreadable."""
        try:
            return {**read_json(self.folder / "scheduler/scheduler_config.json"), **self.schedule}
        except (OSError, ValueError) as error:
            raise model_missing_error(f"the model {self.name} cannot be read ({error})") from error

    @property
    def zeros_for_empty_negative(self) -> bool:
        """Whether an empty negative prompt is all zeros to the model (`force_zeros_for_empty_prompt` in diffusers)."""
        return bool(read_json(self.folder / "model_index.json").get("force_zeros_for_empty_prompt"))

    @property
    def learned(self) -> Learned:
        """The sizes that it was trained at: the family's where it has the family's resolution."""
        family = self.family
        sizes = family.sizes if self.native_size == family.native_size else ()
        return Learned(self.native_size, family.max_aspect, sizes)

    @property
    def modes(self) -> tuple[str, ...]:
        """The layer modes that it supports, in their usual order."""
        return tuple(dict.fromkeys(recipe.mode for recipe in self.recipes))

    def recipe(self, mode: str, inputs: Collection[str] = ()) -> ModeRecipe:
        """The best recipe for a mode with these input roles. Raises AcetateError `mode_unsupported` without one."""
        recipes = [recipe for recipe in self.recipes if recipe.mode == mode]
        for recipe in recipes:
            if set(recipe.inputs) <= set(inputs):
                return recipe
        if recipes:
            wanted = " or ".join(" and ".join(recipe.inputs) for recipe in recipes)
            raise AcetateError(
                "mode_unsupported",
                f"the model {self.name} does the mode {mode} with other pictures",
                field="inputs",
                hint=f"give {wanted}",
            )
        raise AcetateError(
            "mode_unsupported",
            f"the model {self.name} cannot do the mode {mode}",
            field="mode",
            hint=f"it can do {', '.join(self.modes)}" if self.modes else "its layer files are missing",
        )


def known_sources() -> dict[str, ModelSource]:
    """The built-in models: the starter, and the first one of every family that has one.

    SDXL has two adapters for transparent layers: deltas on its attention, with better quality, or on its convolutions
    (`sdxl-conv`), which follow the prompt more closely.
    """
    starter = {STARTER.name: ModelSource(STARTER_FOLDER, STARTER, STARTER.licence)}
    published = {
        name: ModelSource(None, family, family.licence, family.repository)
        for name, family in families().items()
        if family.repository
    }
    return {**starter, **published, "sdxl-conv": ModelSource(None, SDXL, SDXL.licence, SDXL.repository, prefer="conv")}


def all_sources() -> dict[str, ModelSource]:
    """The built-in models and those that this user added."""
    return known_sources() | user_sources()


@dataclass(frozen=True)
class ModelRegistry:
    """All models by name."""

    sources: Mapping[str, ModelSource] = field(default_factory=all_sources)

    def entry(self, name: str) -> ModelSpec:
        """The model of that name with its files. Raises AcetateError `unknown_model` or `model_missing`."""
        source = self.sources.get(name)
        if source is None:
            _refuse_unusable(name)
            near = get_close_matches(name, self.sources, n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(self.sources)}"
            raise AcetateError("unknown_model", f"there is no model {name!r}", field="model", hint=hint)
        kind = _kind(name, source)
        folder = _folder(name, source)
        _check_complete(name, source, folder)
        try:
            side, factor = native_size(folder, source.family), _upscale_factor(folder)
            files = _layer_files(folder, source.family) | {k: v for k, v in source.files.items() if v.is_file()}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise model_missing_error(f"the model {name} in {folder} is damaged ({error!r})") from error
        recipes = [recipe for recipe in source.family.recipes if _is_complete(recipe, source.family, files)]
        recipes.sort(key=lambda recipe: source.prefer not in {part.name for part in recipe.adapters})
        recipes += stack_recipes(recipes)
        return ModelSpec(
            name,
            source.family,
            folder,
            source.licence,
            side,
            tuple(recipes),
            files,
            source.file,
            factor,
            {} if kind is None else kind.schedule,
        )


def model_missing_error(message: str, hint: str = "install it again") -> AcetateError:
    """The refusal for a model whose files are missing or unreadable."""
    return AcetateError("model_missing", message, field="model", hint=hint)


def _refuse_unusable(name: str) -> None:
    """Raise AcetateError `model_missing` when a file or folder of that name was put in the place of models in vain."""
    for path, kind in unusable_files().items():
        if name in (path.name, path.stem):
            raise model_missing_error(f"{path} is no model that can be used ({kind.what})", kind.hint)


def _kind(name: str, source: ModelSource) -> FileKind | None:
    """What the one file of a model is, None for a folder. Raises AcetateError `model_missing` for an unusable one."""
    if source.file is None:
        return None
    if not source.file.is_file():
        raise model_missing_error(f"the file of the model {name} is gone: {source.file}")
    kind = identify(source.file)
    if is_gguf(source.file) and find_spec("gguf") is None:
        hint = f"{sys.executable} -m pip install 'acetate[gguf]'"
        raise model_missing_error(f"the model {name} is a GGUF file, which needs the package gguf", hint)
    if kind.family is None or kind.family.name != source.family.name:
        raise model_missing_error(
            f"the file of the model {name} is no model of {source.family.name} ({kind.what}): {source.file}",
            kind.hint or "add it again",
        )
    return kind


def _folder(name: str, source: ModelSource) -> Path:
    """The folder that holds or, for a single file, describes a model. Raises AcetateError `model_missing`."""
    family = source.family
    if source.folder is not None:
        return source.folder
    folder = cached_snapshot(source.repository or family.repository)
    if folder is not None:
        return folder
    if source.file is None:
        message, hint = f"the model {name} is not on this computer", _pull(family, source.repository)
    else:
        message = f"what describes the model {name} ({family.name} configuration and tokenizer) is not on this computer"
        hint = f"acetate models pull {family.name} --configuration"
    raise AcetateError("model_missing", message, field="model", hint=f"fetch it with: {hint}")


def _check_complete(name: str, source: ModelSource, folder: Path) -> None:
    """Raise AcetateError `model_missing`, naming the file, for a model that cannot be loaded without it."""
    family = source.family
    borrowed = None if source.file is None else absent(source.file, family)
    missing = first_missing_file(folder, family, borrowed)
    if missing is None:
        return
    network = Path(missing).parts[0]
    if borrowed and network in borrowed and is_weight_file(Path(missing)):
        raise model_missing_error(
            f"the file of the model {name} has no {CALLED[network]} inside, and that of {family.name} itself "
            f"is not on this computer ({folder / missing})",
            f"fetch it with: {_pull(family, family.repository)}",
        )
    pickles = sorted((folder / network).glob("*.bin")) if is_weight_file(Path(missing)) else ()
    if pickles:
        what = CALLED.get(network, network)
        raise model_missing_error(
            f"the model {name} has its {what} as a pickle, which can contain code: {pickles[0]}",
            "fetch its .safetensors version",
        )
    hint = f"fetch the rest with: {_pull(family, source.repository)}" if source.repository else "install it again"
    raise model_missing_error(f"the model {name} lacks {missing} in {folder}", hint)


def _pull(family: ModelFamily, repository: str) -> str:
    """The command that fetches a model of the hub."""
    known = family.name if repository == family.repository else f"{repository} --family {family.name}"
    return f"acetate models pull {known}"


def _layer_files(folder: Path, family: ModelFamily) -> dict[str, Path]:
    """The layer files of a family that are on this computer: the model's own, else the published ones."""
    found: dict[str, Path | None] = {}
    for part in {part.name: part for recipe in family.recipes for part in recipe.adapters if part.files}.values():
        bundled = {path.stem: path for path in weight_files(folder / "layers")}
        found[part.name] = bundled.get(part.name) or layer_file(part.files, family.layer_repositories)
    if family.architecture == "klein":
        found[ALPHA_VAE] = _alpha_vae(folder, family)
    elif family.decoders:
        found[ENCODER] = layer_file(family.encoders, PUBLISHED)
        found[DECODER] = layer_file(family.decoders, PUBLISHED)
    elif family.has_own_transparency:
        found[ENCODER] = folder / "transparency/encoder.safetensors"
        found[DECODER] = folder / "transparency/decoder.safetensors"
    return {name: path for name, path in found.items() if path is not None}


def _alpha_vae(folder: Path, family: ModelFamily) -> Path | None:
    """The VAE that gives alpha: a model's own where it has four channels or networks for latent transparency beside it,
    else the published one.
    """
    file = "diffusion_pytorch_model"
    own = folder / "vae" / f"{file}{SUFFIX}"
    hides = all((folder / part).is_file() for part in OWN_TRANSPARENCY)
    if own.is_file() and (hides or read_json(folder / "vae/config.json").get("in_channels") == RGBA):
        return own
    return layer_file((f"vae/{file}",), family.layer_repositories)


def _is_complete(recipe: ModeRecipe, family: ModelFamily, files: Collection[str]) -> bool:
    wanted = {part.name for part in recipe.adapters if part.files}
    wanted |= {ALPHA_VAE} if family.architecture == "klein" else set()
    wanted |= {ENCODER} if recipe.needs_encoder else set()
    wanted |= {DECODER} if recipe.needs_decoder else set()
    return wanted <= set(files)


def _upscale_factor(folder: Path) -> int:
    """The factor of a model's upsampler, 1 without one."""
    config = folder / UPSAMPLER
    return int(read_json(config)["factor"]) if config.is_file() else 1
