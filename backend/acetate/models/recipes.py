"""What the layer modes attach to a diffusion model, by name, and which of it each family has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Enters = Literal["control", "concat", "frame"]
Kind = Literal["plain", "sharing", "delta"]


@dataclass(frozen=True)
class Part:
    """One change of a UNet that draws certain layers (LayerDiffuse, sections 3.2 and 3.3).

    `frames` are the roles that are drawn together, in the order of the batch, frame fastest; `transparent` is the
    one whose latent goes through the transparent decoder, None when all are opaque.

    `given` are the roles of pictures that it takes, in order, and `enters` how: as the picture of the condition
    encoder (`control`), as latents behind the noisy one (`concat`), or as frames that stay clean while the others are
    drawn, at time step 0 (`frame`; any of them may be left out).

    `kind` says what is attached: nothing (`plain`: the model draws transparent layers by itself), attention sharing
    over the frames, or weight deltas. `files` are the names under which it was published; one of them is enough.
    """

    name: str
    kind: Kind
    frames: tuple[str, ...] = ("foreground",)
    transparent: str | None = "foreground"
    given: tuple[str, ...] = ()
    enters: Enters | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Way:
    """One way to do a mode: the pictures that it takes, and the parts that draw its layers, one after the other.

    What an earlier part has drawn is given to the later ones. `encoder` tells that given layers enter with their
    alpha hidden in the latent.
    """

    mode: str
    parts: tuple[Part, ...]
    given: tuple[str, ...] = ()
    encoder: bool = False

    @property
    def decoder(self) -> bool:
        """Whether anything that it draws is transparent."""
        return any(part.transparent is not None for part in self.parts)


PLAIN = Part("plain", "plain")
SCENE = ("foreground", "background", "blend")


def _text_ways(*parts: Part) -> Iterable[Way]:
    """What one transparent layer alone can be: drawn from words, drawn anew, drawn or cleared inside a mask."""
    for part in parts:
        yield Way("text", (part,))
        yield Way("refine", (part,), given=("layer",), encoder=True)
        yield Way("inpaint", (part,), given=("layer", "mask"), encoder=True)
        yield Way("remove", (part,), given=("layer", "mask"), encoder=True)


def _starter() -> tuple[Way, ...]:
    joint = Part("joint", "sharing", SCENE, given=SCENE, enters="frame", files=("joint",))
    return (
        *_text_ways(PLAIN),
        Way("scene", (joint,)),
        Way("background", (joint,), given=("foreground",), encoder=True),
        Way("foreground", (joint,), given=("background",), encoder=True),
        Way("extract", (joint,), given=("blend", "background"), encoder=True),
        Way("extract", (joint,), given=("blend", "foreground"), encoder=True),
    )


def _sd15() -> tuple[Way, ...]:
    alone = Part("transparent_attn", "sharing", files=("layer_sd15_transparent_attn",))
    joint = Part("joint", "sharing", SCENE, files=("layer_sd15_joint",))
    fg2bg = Part(
        "fg2bg", "sharing", ("background", "blend"), None, ("foreground",), "control", files=("layer_sd15_fg2bg",)
    )
    bg2fg = Part(
        "bg2fg",
        "sharing",
        ("foreground", "blend"),
        "foreground",
        ("background",),
        "control",
        files=("layer_sd15_bg2fg",),
    )
    return (
        *_text_ways(alone),
        Way("scene", (joint,)),
        Way("background", (fg2bg,), given=("foreground",)),
        Way("foreground", (bg2fg,), given=("background",)),
    )


def _sdxl() -> tuple[Way, ...]:
    def concat(name: str, frame: str, given: tuple[str, ...], transparent: str | None = None) -> Part:
        return Part(name, "delta", (frame,), transparent, given, "concat", (f"layer_xl_{name}",))

    attn = Part("attn", "delta", files=("layer_xl_transparent_attn", "ld_diffusers_sdxl_attn"))
    conv = Part("conv", "delta", files=("layer_xl_transparent_conv",))
    bg2ble = concat("bg2ble", "blend", ("background",))
    fg2ble = concat("fg2ble", "blend", ("foreground",))
    bgble2fg = concat("bgble2fg", "foreground", ("background", "blend"), "foreground")
    fgble2bg = concat("fgble2bg", "background", ("foreground", "blend"))
    return (
        *_text_ways(attn, conv),
        Way("scene", (attn, fg2ble, fgble2bg)),
        Way("scene", (conv, fg2ble, fgble2bg)),
        Way("background", (fg2ble, fgble2bg), given=("foreground",)),
        Way("foreground", (bg2ble, bgble2fg), given=("background",)),
        Way("extract", (bgble2fg,), given=("blend", "background")),
        Way("extract", (fgble2bg,), given=("blend", "foreground")),
    )


STARTER_WAYS = _starter()
SD15_WAYS = _sd15()
SDXL_WAYS = _sdxl()
