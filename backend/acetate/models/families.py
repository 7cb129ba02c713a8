"""Model families: models of one architecture that share layer files, latent space and default settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from acetate import extensions
from acetate.image.sizes import Size
from acetate.models.backbones.stable_diffusion.samplers import SAMPLERS
from acetate.models.recipes import (
    KLEIN_RECIPES,
    QWEN_IMAGE21_RECIPES,
    QWEN_LAYERED_RECIPES,
    SD15_RECIPES,
    SDXL_RECIPES,
    STARTER_RECIPES,
    ModeRecipe,
)

log = logging.getLogger("acetate.models")

Architecture = Literal["stable_diffusion", "qwen_layered", "qwen_image21", "klein"]

PUBLISHED = ("LayerDiffusion/layerdiffusion-v1", "lllyasviel/LayerDiffuse_Diffusers")
"""The hub repositories of the published layer files."""


def _either_way(*sizes: tuple[int, int]) -> tuple[Size, ...]:
    return tuple(dict.fromkeys(Size(*sides) for size in sizes for sides in (size, size[::-1])))


def _unchanged_sizes(side: int, grid: int = 32, max_aspect: float = 4.0) -> tuple[Size, ...]:
    """The sizes of about `side` x `side` pixels that the published pipeline of Qwen-Image-Layered does not resize.

    It rounds the sides of a picture's proportions with that area to the grid.
    """
    sides = range(grid, round(side * max_aspect**0.5) + grid, grid)
    sizes = (Size(width, height) for width in sides for height in sides)

    def rounded(size: Size) -> tuple[int, int]:
        ratio = size.width / size.height
        width = (side**2 * ratio) ** 0.5
        return round(width / grid) * grid, round(width / ratio / grid) * grid

    return tuple(each for each in sizes if each.aspect <= max_aspect and rounded(each) == (each.width, each.height))


@dataclass(frozen=True)
class ModelFamily:
    """Models of one architecture: recipes and default settings.

    `native_size` is the training resolution in pixels, `max_aspect` the largest trained ratio of the longer side to the
    shorter: beyond it a single subject is duplicated. `sizes` are the trained sizes, empty where there is one. `passes`
    is the number of test-time augmentations of the transparent decoder: 1, 2, 4 or 8.

    `encoders` are the published files of the offset encoder with the factor on its output, `decoders` those of the
    transparent decoder; one of each is enough. A family without them has both in every model's own folder.
    `repository` is the hub repository of its first model, whose configuration fits the others too, and `licence` that
    model's. `pipeline_class` is what the `model_index.json` of its models names as `_class_name`. `latent_rgb` are
    factors from latents to colour in [-1, 1] for previews, a row for each channel and one to add; a family without them
    has a preview network in every model's own folder. `architecture` names its backbone (`acetate.models.backbones`).
    `layer_repositories` are the hub repositories of its layer files, `tokenizer` the folder of its first tokenizer.
    """

    name: str
    recipes: tuple[ModeRecipe, ...]
    steps: int
    guidance: float
    sampler: str
    native_size: int
    max_aspect: float
    sizes: tuple[Size, ...] = ()
    passes: int = 8
    encoders: Mapping[str, float] = field(default_factory=dict)
    decoders: tuple[str, ...] = ()
    text_encoders: int = 1
    tokenizer: str = "tokenizer"
    repository: str = ""
    licence: str = "unknown"
    pipeline_class: str = ""
    latent_rgb: tuple[tuple[float, float, float], ...] = ()
    architecture: Architecture = "stable_diffusion"
    layer_repositories: tuple[str, ...] = PUBLISHED

    @property
    def samplers(self) -> tuple[str, ...]:
        """The samplers that its models draw with."""
        return (self.sampler,) if self.is_native else tuple(sampler.name for sampler in SAMPLERS)

    @property
    def is_native(self) -> bool:
        """Whether its VAE has alpha, so that nothing else is needed for transparency."""
        return self.architecture != "stable_diffusion"

    @property
    def has_own_transparency(self) -> bool:
        """Whether every model has its offset encoder and transparent decoder in its own folder."""
        return not self.is_native and not self.decoders


STARTER = ModelFamily(
    "starter",
    STARTER_RECIPES,
    steps=8,
    guidance=3.5,
    sampler="DPM++ 2M",
    native_size=128,
    max_aspect=1.0,
    passes=2,
    licence="Apache-2.0",
)
SD15 = ModelFamily(
    "sd15",
    SD15_RECIPES,
    steps=25,
    guidance=7.0,
    sampler="DPM++ 2M Karras",
    native_size=512,
    max_aspect=1.5,
    encoders={"layer_sd15_vae_transparent_encoder": 1.0},
    decoders=("layer_sd15_vae_transparent_decoder",),
    repository="stable-diffusion-v1-5/stable-diffusion-v1-5",
    licence="CreativeML OpenRAIL-M",
    pipeline_class="StableDiffusionPipeline",
    # As published in ComfyUI, comfy/latent_formats.py (SD15).
    latent_rgb=(
        (0.3512, 0.2297, 0.3227),
        (0.3250, 0.4974, 0.2350),
        (-0.2829, 0.1762, 0.2721),
        (-0.2120, -0.2616, -0.7177),
        (0.0, 0.0, 0.0),
    ),
)
SDXL = ModelFamily(
    "sdxl",
    SDXL_RECIPES,
    steps=25,
    guidance=7.0,
    sampler="DPM++ 2M SDE Karras",
    native_size=1024,
    max_aspect=2.4,
    sizes=_either_way((1024, 1024), (1152, 896), (1216, 832), (1344, 768), (1536, 640)),
    encoders={"vae_transparent_encoder": 1.0, "ld_diffusers_sdxl_vae_transparent_encoder": 300.0},
    decoders=("vae_transparent_decoder", "ld_diffusers_sdxl_vae_transparent_decoder"),
    text_encoders=2,
    repository="stabilityai/stable-diffusion-xl-base-1.0",
    licence="CreativeML OpenRAIL++-M",
    pipeline_class="StableDiffusionXLPipeline",
    # As published in ComfyUI, comfy/latent_formats.py (SDXL).
    latent_rgb=(
        (0.3651, 0.4232, 0.4341),
        (-0.2533, -0.0042, 0.1068),
        (0.1076, 0.1111, -0.0362),
        (-0.3165, -0.2492, -0.2188),
        (0.1084, -0.0175, -0.0011),
    ),
)


QWEN_LAYERED = ModelFamily(
    "qwen-layered",
    QWEN_LAYERED_RECIPES,
    steps=50,
    guidance=4.0,
    sampler="Euler",
    native_size=640,
    max_aspect=4.0,
    sizes=_unchanged_sizes(640),
    passes=1,
    repository="Qwen/Qwen-Image-Layered",
    licence="Apache-2.0",
    pipeline_class="QwenImageLayeredPipeline",
    architecture="qwen_layered",
)
QWEN_IMAGE21 = ModelFamily(
    "qwen-image-2.1",
    QWEN_IMAGE21_RECIPES,
    steps=40,
    guidance=1.0,
    sampler="Euler",
    native_size=1024,
    max_aspect=1.8,
    passes=1,
    repository="Qwen/Qwen-Image-2.1",
    licence="Qwen Research License",
    pipeline_class="QwenImage21Pipeline",
    architecture="qwen_image21",
    tokenizer="processor",
)
KLEIN = ModelFamily(
    "klein",
    KLEIN_RECIPES,
    steps=6,
    guidance=4.0,
    sampler="Euler",
    native_size=512,
    max_aspect=2.0,
    passes=1,
    repository="black-forest-labs/FLUX.2-klein-base-4B",
    licence="Apache-2.0",
    pipeline_class="Flux2KleinPipeline",
    architecture="klein",
    layer_repositories=("trmz/flux2-klein-alpha",),
)


@cache
def families() -> Mapping[str, ModelFamily]:
    """Every family by its name: Acetate's own and those of other packages (entry points `acetate.families`).

    Of two with the same name Acetate's own counts. The family with the smallest pictures comes first.
    """
    found: dict[str, ModelFamily] = {}
    for name, family in extensions.load_extensions(extensions.FAMILIES):
        if isinstance(family, ModelFamily):
            found.setdefault(family.name, family)
        else:
            log.warning("%s (%s) is no ModelFamily", name, extensions.FAMILIES)
    return dict(sorted(found.items(), key=lambda item: (item[1].native_size, item[1].is_native)))


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from: a folder, one checkpoint file, or a hub repository whose snapshot is in the cache.

    `files` are layer files that replace the published ones, by adapter name. `prefer` is the adapter whose recipes come
    first. `is_user` is True for a model that this user added.
    """

    folder: Path | None
    family: ModelFamily
    licence: str
    repository: str = ""
    file: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    prefer: str = ""
    is_user: bool = False
