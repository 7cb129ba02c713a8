"""Pictures of layers with the wording of their captions, endless from the stored pictures: a function of a seed.

A stored picture as it is or varied, and two or three of them put together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from acetate_lab.synthetic.backgrounds import BACKDROPS
from acetate_lab.synthetic.soft.paint import Picture
from acetate_lab.training.starter import groups, recolour
from acetate_lab.training.starter.caption_text import wording
from acetate_lab.training.starter.concepts import CORE
from acetate_lab.training.starter.dataset import BACKDROP_SET, SOFT_SET, STORED_SIZE, PictureRecord, PictureSet
from acetate_lab.training.starter.plurals import plural
from acetate_lab.training.starter.wording import Wording

COLOURED, CHANGED = 0.34, 0.24
"""How often a varied picture has another colour, and another size or condition."""
CHANGES = ("big", "small", "old", "shiny", "spotted", "striped")
KEEPS_ITS_COLOUR = frozenset({"character", "light", "soft", "body", "people"})
"""Categories whose things are not painted in another colour."""
LIKE_ITS_MIRROR = 0.07
"""The most that a picture may differ from its mirror, of what is visible, to count as symmetric."""
OWN_COLOURS = frozenset({"rainbow", "peacock", "autumn leaves", "earth globe", "zebra"})
"""Things that are known by their colours."""
CORE_PART = 0.35
"""How often a thing of a group is one of those that artists try first."""
COLOURED_PART = 0.3
"""How often one thing of a group has another colour: so that a colour belongs to the thing that it is said of."""
SUPPORTS = frozenset(
    [
        "bed",
        "bathtub",
        "suitcase",
        "cardboard box",
        "gift box",
        "treasure chest",
        "birthday cake",
        "slice of cake",
        "stack of books",
        "book",
        "drum",
        "television",
        "log",
        "rock",
        "sled",
        "skateboard",
        "truck",
        "turtle",
        "elephant",
        "radio",
        "basket",
        "mushroom",
        "laptop",
        "cake",
        "trash bin",
        "coffin",
        "pancakes",
        "hamburger",
        "cheese",
        "nest with eggs",
        "sofa and lamp",
        "loaf of bread",
    ]
)
HATS = {
    "top hat": ("hat", "top hat"),
    "crown": ("crown",),
    "graduation cap": ("graduation cap", "hat"),
    "baseball cap": ("cap", "baseball cap"),
    "hard hat": ("hard hat", "helmet"),
}
WEARS = frozenset({"animal", "people"})
GROUPS = (("pair", 0.30), ("beside", 0.14), ("two", 0.18), ("three", 0.10), ("on", 0.10), ("hat", 0.08), ("with", 0.10))
"""The kinds of groups and how often each is made."""


@dataclass(frozen=True)
class Sample:
    """A picture, uint8 straight RGBA (256, 256, 4), and its caption texts."""

    picture: Picture
    wording: Wording


@dataclass(frozen=True)
class SampleRequest:
    """The picture of a row, or with `group` several that the seed chooses."""

    row: int
    group: bool
    seed: int


def make_samples(pictures: PictureSet, requests: Sequence[SampleRequest]) -> list[Sample]:
    """A sample for each request."""
    return [
        group_sample(pictures, each.seed) if each.group else thing_sample(pictures, each.row, each.seed)
        for each in requests
    ]


@dataclass(frozen=True)
class BackdropRequest:
    """So many backgrounds of a seed, of `size` pixels."""

    seed: int
    count: int
    size: int


def paint_backdrops(pictures: PictureSet, request: BackdropRequest) -> tuple[list[Picture], list[str]]:
    """Opaque backgrounds of any kinds, and what each is called; `pictures` are not needed."""
    rng, kinds = np.random.default_rng(request.seed), list(BACKDROPS.values())
    painted: list[Picture] = []
    names: list[str] = []
    for _ in range(request.count):
        kind = kinds[rng.integers(len(kinds))]
        picture, words = kind.render(rng, request.size)
        painted.append(picture)
        names.append(" ".join((*words, str(rng.choice([kind.name, kind.name, *kind.synonyms])))))
    return painted, names


def thing_sample(pictures: PictureSet, row: int, seed: int) -> Sample:
    """A stored picture, as it is (always at seed 0) or varied as its wording says; the same seed, the same sample."""
    record, picture = pictures.records[row], np.asarray(pictures.pictures[row])
    rng = np.random.default_rng((int(row), seed, 7))
    if seed == 0 or record.set == BACKDROP_SET:
        return Sample(picture, wording(record, record.colour, False))
    if rng.random() < 0.5 and is_symmetric(picture):
        picture = np.ascontiguousarray(picture[:, ::-1])
    chance = rng.random()
    if chance < COLOURED and _recolours(record):
        word = _colour_word(rng)
        painted = recolour.recoloured(picture, word)
        if painted is not None:
            return Sample(painted, wording(record, word, True))
    elif chance < COLOURED + CHANGED:
        word = str(rng.choice(CHANGES[:2] if record.set == SOFT_SET else CHANGES))
        changed = _changed(picture, word, rng)
        if changed is not None:
            return Sample(changed, wording(record, word, True))
    return Sample(picture, wording(record, record.colour, False))


def group_sample(pictures: PictureSet, seed: int) -> Sample:
    """Two or three things of the vocabulary with the words that join them; the same seed gives the same sample."""
    rng = np.random.default_rng((seed, 11))
    kinds, shares = zip(*GROUPS, strict=True)
    kind = str(rng.choice(kinds, p=shares / np.sum(shares)))
    return _MAKERS[kind](pictures, rng)


def is_symmetric(picture: Picture) -> bool:
    """Whether a picture hardly differs from its mirror, so that mirroring it teaches no second way to look."""
    small = picture.reshape(STORED_SIZE // 4, 4, STORED_SIZE // 4, 4, 4)[:, 1, :, 1:3].mean(axis=2)
    seen = small[..., :3] * (small[..., 3:] / 255)
    off = np.abs(seen - seen[:, ::-1]).mean(axis=-1) + np.abs(small[..., 3] - small[:, ::-1, 3])
    visible = max(int((small[..., 3] > 127).sum()), 1)
    return float(off.sum()) / 255 / visible < LIKE_ITS_MIRROR


def _recolours(record: PictureRecord) -> bool:
    return record.category not in KEEPS_ITS_COLOUR and record.name not in OWN_COLOURS


def _colour_word(rng: np.random.Generator) -> str:
    if rng.random() < 0.2:
        return f"{rng.choice(('pale', 'dark'))} {rng.choice(recolour.TINTABLE)}"
    return str(rng.choice(list(recolour.TARGETS)))


def _changed(picture: Picture, word: str, rng: np.random.Generator) -> Picture | None:
    if word in ("big", "small"):
        return _resized(picture, 0.98 if word == "big" else rng.uniform(0.34, 0.5), rng)
    if word == "old":
        return recolour.aged(picture, rng)
    if word == "shiny":
        return recolour.polished(picture, rng)
    return recolour.patterned(picture, word, rng)


def _resized(picture: Picture, scale: float, rng: np.random.Generator) -> Picture:
    """What is visible, its longer side `scale` of the frame; a small one lies anywhere."""
    thing = groups.cut_out(picture, STORED_SIZE * scale, STORED_SIZE * scale)
    frame = groups.clear(STORED_SIZE)
    free = np.array([STORED_SIZE - thing.shape[0], STORED_SIZE - thing.shape[1]])
    top, left = free * rng.uniform(0.1, 0.9, 2)
    groups.over(frame, thing, left, top)
    return groups.straight(frame)


@dataclass(frozen=True)
class _Subject:
    """One thing of a group, its names and its new colour."""

    picture: Picture
    record: PictureRecord
    adjective: str = ""
    names: tuple[str, ...] = ()


def _part(pictures: PictureSet, rng: np.random.Generator, names: frozenset[str] | None = None) -> _Subject:
    """A random thing, any or one of `names`; those of the core come more often."""
    by_name = pictures.by_name
    able = [name for name in by_name if names is None or name in names] or list(by_name)
    if names is None and rng.random() < CORE_PART:
        able = [name for name in able if name in CORE] or able
    row = int(rng.choice(by_name[able[int(rng.integers(len(able)))]]))
    record, picture = pictures.records[row], np.asarray(pictures.pictures[row])
    if _recolours(record) and rng.random() < COLOURED_PART:
        word = str(rng.choice(list(recolour.TARGETS)))
        painted = recolour.recoloured(picture, word)
        if painted is not None:
            return _Subject(painted, record, word, record.words)
    return _Subject(picture, record, "", record.words)


def _another(pictures: PictureSet, rng: np.random.Generator, first: _Subject) -> _Subject:
    """A thing of another name than the first."""
    for _ in range(20):
        other = _part(pictures, rng)
        if other.record.name != first.record.name:
            break
    return other


def _sample(picture: Picture, parts: list[_Subject], patterns: tuple[str, ...]) -> Sample:
    styles = {part.record.style for part in parts}
    return Sample(
        picture,
        Wording(
            names=tuple(part.names for part in parts),
            adjectives=tuple(part.adjective or part.record.colour for part in parts),
            said=tuple(bool(part.adjective) for part in parts),
            style=styles.pop() if len(styles) == 1 else "",
            patterns=patterns,
        ),
    )


def _pair(pictures: PictureSet, rng: np.random.Generator) -> Sample:
    parts = [_part(pictures, rng)]
    parts.append(_another(pictures, rng, parts[0]))
    picture = groups.in_a_row([part.picture for part in parts], STORED_SIZE, rng, float(rng.choice((0.0, 0.0, 0.12))))
    return _sample(picture, parts, ("{0} and {1}", "{0} and {1}", "{0}, {1}", "{1} and {0}"))


def _beside(pictures: PictureSet, rng: np.random.Generator) -> Sample:
    parts = [_part(pictures, rng)]
    parts.append(_another(pictures, rng, parts[0]))
    picture = groups.in_a_row([part.picture for part in parts], STORED_SIZE, rng)
    return _sample(picture, parts, ("{0} next to {1}", "{0} next to {1}", "{0} beside {1}"))


def _several(pictures: PictureSet, rng: np.random.Generator, count: int) -> Sample:
    part = _part(pictures, rng)
    for _ in range(20):
        if plural(part.record.name):
            break
        part = _part(pictures, rng)
    names = tuple(several for name in part.names if (several := plural(name))) or part.names
    picture = groups.copies(part.picture, count, STORED_SIZE, rng)
    counted = _Subject(part.picture, part.record, part.adjective, names)
    number = "two" if count == 2 else "three"
    return _sample(picture, [counted], (f"{number} {{0}}",))


def _three(pictures: PictureSet, rng: np.random.Generator) -> Sample:
    if rng.random() < 0.5:
        return _several(pictures, rng, 3)
    parts = [_part(pictures, rng)]
    parts += [_another(pictures, rng, parts[0]) for _ in range(2)]
    picture = groups.in_a_row([part.picture for part in parts], STORED_SIZE, rng, 0.08)
    return _sample(picture, parts, ("{0}, {1} and {2}", "{0} and {1} and {2}"))


def _on(pictures: PictureSet, rng: np.random.Generator) -> Sample:
    lower = _part(pictures, rng, SUPPORTS)
    upper = _another(pictures, rng, lower)
    return _sample(groups.stacked(upper.picture, lower.picture, STORED_SIZE, rng), [upper, lower], ("{0} on {1}",))


def _hat(pictures: PictureSet, rng: np.random.Generator) -> Sample:
    animals = frozenset(pictures.records[rows[0]].name for rows in pictures.by_name.values() if _wears(pictures, rows))
    wearer, hat = _part(pictures, rng, animals), _part(pictures, rng, frozenset(HATS))
    hat = _Subject(hat.picture, hat.record, hat.adjective, HATS.get(hat.record.name, hat.names))
    picture = groups.wearing(hat.picture, wearer.picture, STORED_SIZE, rng)
    return _sample(picture, [wearer, hat], ("{0} with {1}", "{0} with {1}", "{0} in {1}"))


def _wears(pictures: PictureSet, rows: tuple[int, ...]) -> bool:
    return pictures.records[rows[0]].category in WEARS


def _with(pictures: PictureSet, rng: np.random.Generator) -> Sample:
    holder = _part(pictures, rng)
    thing = _another(pictures, rng, holder)
    return _sample(groups.held(holder.picture, thing.picture, STORED_SIZE, rng), [holder, thing], ("{0} with {1}",))


_MAKERS: dict[str, Callable[[PictureSet, np.random.Generator], Sample]] = {
    "pair": _pair,
    "beside": _beside,
    "two": lambda pictures, rng: _several(pictures, rng, 2),
    "three": _three,
    "on": _on,
    "hat": _hat,
    "with": _with,
}
