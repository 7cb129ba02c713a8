"""Recipes: the adapters that each layer mode attaches, by model family."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Conditioning = Literal["control", "concat", "frame"]
AdapterKind = Literal["plain", "sharing", "delta", "native"]


@dataclass(frozen=True)
class AdapterSpec:
    """An adapter of the model that generates certain layers (LayerDiffuse, sections 3.2 and 3.3).

    `roles` are generated together, in the order of the frames in the batch; `transparent` is the one that is decoded
    by the transparent decoder, None when all are opaque.

    `inputs` are the roles of its input images, in order, and `conditioning` how they enter: as the image of the
    condition encoder (`control`), as latents concatenated to the noisy one (`concat`), or as clean frames at timestep
    0 (`frame`; any of them may be left out).

    `kind` is what is attached: nothing (`plain`: the base model generates transparent layers; `native`: so does it, and
    its VAE has alpha), attention sharing over the frames, or weight deltas. `files` are its published file names; one
    of them is enough. `joins_prompts` tells that a frame's own prompt is followed by the common one, else it stands
    alone, `is_trained` that nobody has published the file: `acetate train` writes it.
    """

    name: str
    kind: AdapterKind
    roles: tuple[str, ...] = ("foreground",)
    transparent: str | None = "foreground"
    inputs: tuple[str, ...] = ()
    conditioning: Conditioning | None = None
    files: tuple[str, ...] = ()
    joins_prompts: bool = False
    is_trained: bool = False

    @property
    def is_published(self) -> bool:
        """Whether its file can be fetched."""
        return bool(self.files) and not self.is_trained


@dataclass(frozen=True)
class ModeRecipe:
    """How to generate a mode: its input images, and the adapters that run one after the other.

    The layers of an earlier adapter are inputs of the later ones. `needs_encoder` is True when transparent input layers
    are encoded by the offset encoder.
    """

    mode: str
    adapters: tuple[AdapterSpec, ...]
    inputs: tuple[str, ...] = ()
    needs_encoder: bool = False

    @property
    def needs_decoder(self) -> bool:
        """Whether any generated layer needs the transparent decoder."""
        return any(part.transparent is not None and part.kind != "native" for part in self.adapters)


PLAIN = AdapterSpec("plain", "plain")
SCENE = ("foreground", "background", "blend")


def _text_recipes(*parts: AdapterSpec) -> Iterable[ModeRecipe]:
    """The modes of a single transparent layer: text, refine, inpaint and remove."""
    for part in parts:
        yield ModeRecipe("text", (part,))
        yield ModeRecipe("refine", (part,), inputs=("layer",), needs_encoder=True)
        yield ModeRecipe("inpaint", (part,), inputs=("layer", "mask"), needs_encoder=True)
        yield ModeRecipe("remove", (part,), inputs=("layer", "mask"), needs_encoder=True)


def _starter() -> tuple[ModeRecipe, ...]:
    joint = AdapterSpec("joint", "sharing", SCENE, inputs=SCENE, conditioning="frame", files=("joint",))
    return (
        *_text_recipes(PLAIN),
        ModeRecipe("scene", (joint,)),
        ModeRecipe("background", (joint,), inputs=("foreground",), needs_encoder=True),
        ModeRecipe("foreground", (joint,), inputs=("background",), needs_encoder=True),
        ModeRecipe("extract", (joint,), inputs=("blend", "background"), needs_encoder=True),
        ModeRecipe("extract", (joint,), inputs=("blend", "foreground"), needs_encoder=True),
        ModeRecipe("split", (joint,), inputs=("blend",), needs_encoder=True),
    )


def _sd15() -> tuple[ModeRecipe, ...]:
    alone = AdapterSpec("transparent_attn", "sharing", files=("layer_sd15_transparent_attn",))
    joint = AdapterSpec("joint", "sharing", SCENE, files=("layer_sd15_joint",), joins_prompts=True)
    fg2bg = AdapterSpec(
        "fg2bg",
        "sharing",
        ("background", "blend"),
        None,
        ("foreground",),
        "control",
        files=("layer_sd15_fg2bg",),
        joins_prompts=True,
    )
    bg2fg = AdapterSpec(
        "bg2fg",
        "sharing",
        ("foreground", "blend"),
        "foreground",
        ("background",),
        "control",
        files=("layer_sd15_bg2fg",),
        joins_prompts=True,
    )
    return (
        *_text_recipes(alone),
        ModeRecipe("scene", (joint,)),
        ModeRecipe("background", (fg2bg,), inputs=("foreground",)),
        ModeRecipe("foreground", (bg2fg,), inputs=("background",)),
    )


def _sdxl() -> tuple[ModeRecipe, ...]:
    def concat(name: str, frame: str, given: tuple[str, ...], transparent: str | None = None) -> AdapterSpec:
        return AdapterSpec(name, "delta", (frame,), transparent, given, "concat", (f"layer_xl_{name}",))

    attn = AdapterSpec("attn", "delta", files=("layer_xl_transparent_attn", "ld_diffusers_sdxl_attn"))
    conv = AdapterSpec("conv", "delta", files=("layer_xl_transparent_conv",))
    bg2ble = concat("bg2ble", "blend", ("background",))
    fg2ble = concat("fg2ble", "blend", ("foreground",))
    bgble2fg = concat("bgble2fg", "foreground", ("background", "blend"), "foreground")
    fgble2bg = concat("fgble2bg", "background", ("foreground", "blend"))
    return (
        *_text_recipes(attn, conv),
        ModeRecipe("scene", (attn, fg2ble, fgble2bg)),
        ModeRecipe("scene", (conv, fg2ble, fgble2bg)),
        ModeRecipe("background", (fg2ble, fgble2bg), inputs=("foreground",)),
        ModeRecipe("foreground", (bg2ble, bgble2fg), inputs=("background",)),
        ModeRecipe("extract", (bgble2fg,), inputs=("blend", "background")),
        ModeRecipe("extract", (fgble2bg,), inputs=("blend", "foreground")),
    )


def stack_recipes(recipes: Sequence[ModeRecipe]) -> tuple[ModeRecipe, ...]:
    """The ways to a stack that a model's recipes allow: over a given background, and with one of its own.

    Its layers are drawn in the modes `text`, `background` and `foreground`, one after the other.
    """
    best = {recipe.mode: recipe for recipe in reversed(recipes)}
    ways = []
    for inputs, modes in ((("background",), ("foreground",)), ((), ("text", "background", "foreground"))):
        if all(mode in best for mode in modes):
            parts = dict.fromkeys(part for mode in modes for part in best[mode].adapters)
            needs_encoder = any(best[mode].needs_encoder for mode in modes)
            ways.append(ModeRecipe("stack", tuple(parts), inputs, needs_encoder))
    return tuple(ways)


QWEN_LAYERED_RECIPES = (ModeRecipe("split", (AdapterSpec("layers", "native"),), inputs=("blend",)),)
QWEN_IMAGE21_RECIPES = (ModeRecipe("text", (AdapterSpec("rgba", "native"),)),)
KLEIN_RECIPES = (
    ModeRecipe(
        "text", (AdapterSpec("transparent_lora", "native", files=("klein_transparent_lora",), is_trained=True),)
    ),
    ModeRecipe(
        "extract",
        (
            AdapterSpec(
                "extract_4b", "native", inputs=("blend", "background"), files=("extract_4b", "loras/extract_4b")
            ),
        ),
        inputs=("blend", "background"),
    ),
)
STARTER_RECIPES = _starter()
SD15_RECIPES = _sd15()
SDXL_RECIPES = _sdxl()
