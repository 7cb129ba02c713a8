"""Procedural pictures of subjects with soft alpha, which emoji sets lack: fire, smoke, hair, glows.

Version 1 of these recipes, on which the starter was trained: they stay as they are, so that its data can be made again.
The product's own elements (`acetate.elements`) share nothing with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from acetate_lab.synthetic.soft import (
    fire,
    glass,
    hearth,
    household,
    light,
    liquid,
    people,
    sheer,
    smoke,
    strands,
    threads,
)
from acetate_lab.synthetic.soft.paint import HUES, Rendered

__all__ = ["SOFT_SUBJECTS", "Rendered", "SoftSubject"]


@dataclass(frozen=True)
class SoftSubject:
    """A soft subject: its name, other names for captions, and the function that paints it.

    `render(rng, size)` gives one random picture, (size, size, 4) RGBA with straight alpha, clear at the
    border; the same state of `rng` gives the same picture. `colours` are all words that
    `Rendered.caption_words` may hold; a picture without one of them has its subject's usual colour. `renders` is how
    many pictures of it are learned from.
    """

    name: str
    synonyms: tuple[str, ...]
    render: Callable[[np.random.Generator, int], Rendered]
    colours: tuple[str, ...] = ()
    renders: int = 40


_HUE_WORDS = tuple(HUES)

_ALL = (
    SoftSubject("burning match", ("lit match", "match"), fire.burning_match),
    SoftSubject("flame", ("fire", "burning flame", "lick of fire"), fire.flame),
    SoftSubject("candle flame", ("flame of a candle", "small flame"), fire.candle_flame),
    SoftSubject("torch fire", ("burning torch",), fire.torch_fire),
    SoftSubject("smoke plume", ("smoke", "rising smoke", "column of smoke"), smoke.smoke_plume, tuple(smoke.SMOKES)),
    SoftSubject("steam", ("wisp of steam", "rising steam"), smoke.steam, ("white",)),
    SoftSubject("fog bank", ("fog", "mist", "low mist"), smoke.fog_bank),
    SoftSubject("fluffy cloud", ("soft cloud", "cloud"), smoke.fluffy_cloud, ("white",)),
    SoftSubject("dust cloud", ("puff of dust", "dust"), smoke.dust_cloud),
    SoftSubject("ink in water", ("ink cloud", "ink drop in water"), smoke.ink_in_water, ("black", *_HUE_WORDS)),
    SoftSubject("soap bubble", ("bubble", "soap bubbles", "floating bubbles"), liquid.soap_bubble),
    SoftSubject("water drop", ("dew drop", "droplet"), liquid.water_drop),
    SoftSubject("water splash", ("splash", "splash of water"), liquid.water_splash),
    SoftSubject("hair tuft", ("lock of hair", "tuft of hair", "hair strands"), strands.hair_tuft, tuple(strands.HAIR)),
    SoftSubject("fur ball", ("fluffy pompom", "fur tuft"), strands.fur_ball, tuple(strands.FUR)),
    SoftSubject("feather", ("soft feather", "quill feather"), strands.feather, tuple(strands.FEATHERS)),
    SoftSubject("glow", ("glow of light", "soft glowing orb", "light orb"), light.glow, ("white", *_HUE_WORDS)),
    SoftSubject("light beam", ("spotlight beam", "ray of light"), light.light_beam, ("white", *_HUE_WORDS)),
    SoftSubject("lens flare sparkle", ("star sparkle", "twinkle"), light.lens_flare_sparkle, ("white", *_HUE_WORDS)),
    SoftSubject(
        "lightning",
        ("lightning strike", "electric arc"),
        light.lightning,
        ("blue", "purple", "yellow", "pink"),
    ),
    SoftSubject("magic sparkles", ("fairy dust", "glitter trail"), light.magic_sparkles, _HUE_WORDS),
    SoftSubject("spider web", ("cobweb", "web"), threads.spider_web),
    SoftSubject("dandelion clock", ("dandelion", "dandelion seed head", "blowball"), threads.dandelion_clock),
    SoftSubject("dandelion seed", ("flying seed", "dandelion fluff"), threads.dandelion_seed),
    SoftSubject(
        "jellyfish",
        ("translucent jellyfish", "medusa"),
        sheer.jellyfish,
        ("blue", "pink", "purple", "orange"),
    ),
    SoftSubject(
        "ghost spirit",
        ("transparent ghost", "wispy ghost"),
        sheer.ghost_spirit,
        ("white", "blue", "green", "purple"),
    ),
    SoftSubject(
        "ghostly veil",
        ("translucent veil", "sheer fabric", "see-through cloth"),
        sheer.ghostly_veil,
        ("white", *_HUE_WORDS),
    ),
    SoftSubject(
        "stained lace cloth",
        ("lace", "lace doily"),
        sheer.stained_lace_cloth,
        ("white", "black", "blue", "pink", "red"),
    ),
    SoftSubject("drinking glass", ("empty glass",), glass.drinking_glass),
    SoftSubject("glass bottle", ("empty bottle",), glass.glass_bottle, ("green", "brown", "blue")),
    SoftSubject("ice cube", ("block of ice",), glass.ice_cube),
    SoftSubject(
        "crystal",
        ("gem crystal", "transparent quartz"),
        glass.crystal,
        ("purple", "pink", "blue", "green", "red", "yellow"),
    ),
    SoftSubject("woman", ("lady",), people.woman, renders=200),
    SoftSubject("man", ("guy",), people.man, renders=100),
    SoftSubject("girl", ("young girl",), people.girl, renders=100),
    SoftSubject("campfire", ("camp fire", "bonfire"), hearth.campfire, renders=60),
    SoftSubject(
        "burning firewood", ("burning logs", "logs with fire", "burning wood"), hearth.burning_firewood, renders=80
    ),
    SoftSubject("burning match with smoke", ("match with smoke",), hearth.smoking_match, renders=60),
    SoftSubject("table lamp", ("lamp", "glowing lamp"), household.table_lamp, _HUE_WORDS),
    SoftSubject("lantern", ("glowing lantern",), household.lantern),
    SoftSubject("potion flask", ("potion", "magic potion", "potion bottle"), household.potion_flask, _HUE_WORDS),
    SoftSubject("leafy plant", ("plant", "green plant", "house plant"), household.leafy_plant),
    SoftSubject("rock", ("boulder", "stone", "rocks"), household.rock, ("mossy",)),
)

SOFT_SUBJECTS: Mapping[str, SoftSubject] = MappingProxyType({subject.name: subject for subject in _ALL})
"""Every soft subject by its name."""
