"""For `acetate doctor --weights`: whether a model's files fit, and which form of the latent its decoder takes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from acetate_wire.errors import AcetateError
from jaxtyping import Float
from torch import Tensor

from acetate.adapters.attach import adapted_model
from acetate.adapters.file_check import misfits
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.inventory import FileCheck, check_files
from acetate.models.model_cache import ModelCache
from acetate.pipelines.sampling import default_latents
from acetate.transparency import Passes

PROMPT, SEED = "a red apple", 1
PASSES: Passes = 2
CORNER = 8
"""A corner is a square of this part of the layer's side."""
CLEAR, SOLID = 0.05, 0.5
"""The most alpha of clear corners on average, and the least of a subject in the middle."""


@dataclass(frozen=True, eq=False)
class GoldenLayer:
    """The layer of one prompt and seed, decoded from the VAE's own latent or from the normalised one (`scaled`).

    `corners` is the mean alpha of its four corners and `middle` that of its middle, in [0, 1].
    """

    scaled: bool
    corners: float
    middle: float
    layer: Float[Tensor, "4 h w"]

    @property
    def is_cut_out(self) -> bool:
        """Whether its corners are clear and there is something in its middle."""
        return self.corners <= CLEAR and self.middle >= SOLID


@dataclass(frozen=True)
class WeightsReport:
    """What was found: each file with its hash, what does not fit, and the golden layer from both forms of its latent,
    nothing where the files do not fit.
    """

    files: tuple[FileCheck, ...]
    faults: tuple[str, ...]
    golden: tuple[GoldenLayer, ...]

    @property
    def passed(self) -> bool:
        """Whether all files fit and the layer is cut out as it is decoded by every job."""
        whole = all(file.verdict != "damaged" for file in self.files)
        return whole and not self.faults and any(each.is_cut_out and not each.scaled for each in self.golden)


def check_weights(store: ModelCache, name: str) -> WeightsReport:
    """Read all files of a model, attach each of its layer files, and generate one layer.

    Raises AcetateError `unknown_model`, `model_missing` when files are not there, or `mode_unsupported` for a model
    that needs no layer files.
    """
    entry = store.registry.entry(name)
    if entry.family.is_native:
        raise AcetateError(
            "mode_unsupported",
            f"{name} draws no layer from words alone, by which its weights could be judged",
            field="model",
            hint=f"check its files with: acetate models verify {name}",
        )
    files = tuple(check_files(entry, lambda count: None, misfits(entry)))
    side = (entry.native_size, entry.native_size)
    try:
        recipe = entry.recipe("text")
        model = store.get(name, store.plan(name, "text", recipe.inputs, side).plan)
        model.decoder  # noqa: B018  # its keys and shapes are checked when it is loaded
    except AcetateError as error:
        return WeightsReport(files, (str(error),), ())
    faults = tuple(filter(None, (_fault(model, part) for part in _parts(model))))
    return WeightsReport(files, faults, () if faults else golden_layers(model))


def _parts(model: DiffusionModel) -> list[str]:
    return list(dict.fromkeys(part.name for recipe in model.spec.recipes for part in recipe.adapters))


def _fault(model: DiffusionModel, name: str) -> str:
    """Why a layer file cannot be attached; empty when it can."""
    part = next(part for recipe in model.spec.recipes for part in recipe.adapters if part.name == name)
    side = model.spec.native_size
    inputs = {role: torch.zeros(4, side, side) for role in part.inputs}
    try:
        with adapted_model(model, part, inputs):
            return ""
    except AcetateError as error:
        return str(error)


@torch.inference_mode()
def golden_layers(model: DiffusionModel) -> tuple[GoldenLayer, GoldenLayer]:
    """The same layer decoded from the VAE's latent and from the normalised one: published programs differ in which the
    transparent decoder gets.
    """
    latent = default_latents(model, model.spec.recipe("text").adapters[0], [PROMPT], SEED)
    return _golden(model, latent, scaled=False), _golden(model, latent, scaled=True)


def _golden(model: DiffusionModel, latent: Tensor, *, scaled: bool) -> GoldenLayer:
    layer = model.decode_transparent(latent, PASSES, scaled=scaled)[0].cpu()
    size = layer.shape[1] // CORNER
    alpha = layer[3]
    corners = torch.stack([alpha[rows, columns] for rows in _ends(size) for columns in _ends(size)])
    quarter = layer.shape[1] // 4
    middle = alpha[quarter:-quarter, quarter:-quarter]
    return GoldenLayer(scaled, float(corners.mean()), float(middle.mean()), layer)


def _ends(size: int) -> tuple[slice, slice]:
    return slice(None, size), slice(-size, None)
