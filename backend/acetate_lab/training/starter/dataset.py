"""The starter's pictures: emoji drawn by others under open licences; soft subjects and backgrounds drawn here."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import resvg_py
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Generator

from acetate_lab.synthetic.backgrounds import BACKDROPS
from acetate_lab.synthetic.soft import SOFT_SUBJECTS, Rendered
from acetate_lab.training import packages
from acetate_lab.training.packages import PicturePackage
from acetate_lab.training.starter.colours import dominant_colour
from acetate_lab.training.starter.concepts import Concept, load_concepts

STORED_SIZE = 256
MARGIN = 0.06
BACKDROP_RENDERS = 40
HELD_OUT_SOFT = frozenset({"dandelion clock", "stained lace cloth", "fog bank", "water splash"})
HELD_OUT_RENDERS = 3
PEOPLE = frozenset({"woman", "man", "girl"})
OWN_LICENCE = "Apache-2.0"
SOFT_SET = "soft"
BACKDROP_SET = "backdrops"


@dataclass(frozen=True)
class PictureRecord:
    """What is known of one stored picture; `colour` is its dominant colour word, empty when it has none.

    `use` is that of its concept; `backdrop` for an opaque background, which only captions teach.
    """

    name: str
    words: tuple[str, ...]
    style: str
    set: str
    licence: str
    category: str
    use: str
    colour: str
    hue_turns: bool

    @property
    def painted(self) -> bool:
        """Whether it was painted here, by formula, and no package has it."""
        return self.set in (SOFT_SET, BACKDROP_SET)


@dataclass(frozen=True)
class PictureSet:
    """`pictures` are uint8 straight RGBA (n, 256, 256, 4), memory-mapped; `records[i]` describes `pictures[i]`."""

    pictures: NDArray[np.uint8]
    records: tuple[PictureRecord, ...]

    def indices(self, *uses: str) -> NDArray[np.int64]:
        """The rows whose record has one of these uses."""
        return np.array([i for i, record in enumerate(self.records) if record.use in uses], dtype=np.int64)

    @cached_property
    def by_name(self) -> dict[str, tuple[int, ...]]:
        """The rows of the vocabulary's pictures, by the name of what they show."""
        rows: dict[str, list[int]] = {}
        for row in self.indices("vocabulary").tolist():
            rows.setdefault(self.records[row].name, []).append(row)
        return {name: tuple(found) for name, found in rows.items()}


def evenly(pictures: PictureSet, *uses: str, soft: float = 1.0) -> Callable[[int, Generator], NDArray[np.int64]]:
    """Draws rows with these uses; every kind of thing is equally likely, however many pictures there are of it.

    Soft subjects come `soft` times as often as others.
    """
    rows = pictures.indices(*uses)
    records = [pictures.records[row] for row in rows]
    counts = Counter(record.name for record in records)
    weights = torch.tensor([(soft if record.set == SOFT_SET else 1.0) / counts[record.name] for record in records])
    return lambda count, chance: rows[torch.multinomial(weights, count, replacement=True, generator=chance).numpy()]


def build_pictures(folder: Path, cache_folder: Path, log: Callable[[str], None]) -> PictureSet:
    """Download, render and store all pictures under `folder`, or open them when they are already there."""
    if not (folder / "records.json").is_file():
        rows: list[NDArray[np.uint8]] = []
        records: list[PictureRecord] = []
        for picture, record in _all_pictures(cache_folder, log):
            rows.append(picture)
            records.append(record)
        save_pictures(folder, np.stack(rows), records)
    return open_pictures(folder)


def save_pictures(folder: Path, pictures: NDArray[np.uint8], records: Sequence[PictureRecord]) -> None:
    """Write a folder for `open_pictures`; it counts as written when the records are."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "pictures.npy", pictures)
    part = folder / "records.part"
    part.write_text(records_as_json(records), encoding="utf-8")
    part.replace(folder / "records.json")


def open_pictures(folder: Path) -> PictureSet:
    """Open a folder that `build_pictures` wrote."""
    records = records_from_json((folder / "records.json").read_text(encoding="utf-8"))
    return PictureSet(np.load(folder / "pictures.npy", mmap_mode="r"), records)


def records_as_json(records: Sequence[PictureRecord]) -> str:
    """What `records_from_json` reads."""
    return json.dumps([asdict(record) for record in records], indent=0)


def records_from_json(text: str) -> tuple[PictureRecord, ...]:
    """The records that `records_as_json` wrote. Raises ValueError or TypeError where it did not."""
    return tuple(PictureRecord(**{**row, "words": tuple(row["words"])}) for row in json.loads(text))


def _all_pictures(cache_folder: Path, log: Callable[[str], None]) -> Iterator[tuple[NDArray[np.uint8], PictureRecord]]:
    concepts = load_concepts()
    readers: tuple[tuple[PicturePackage, Callable[[Path, str], Image.Image | None]], ...] = (
        (packages.FLUENT, _read_fluent),
        (packages.NOTO, _read_noto),
        (packages.TWEMOJI, _read_twemoji),
    )
    for package, reader in readers:
        log(f"pictures of {package.credit} ({package.licence})")
        folder = packages.fetch(package, cache_folder)
        for concept in concepts:
            picture = reader(folder, concept.code)
            if picture is not None:
                yield _emoji(normalised(picture), concept, package)
    log(f"soft subjects: {len(SOFT_SUBJECTS)} kinds, drawn here")
    yield from _soft_subjects()
    log(f"backgrounds: {len(BACKDROPS)} kinds, painted here")
    yield from _backdrops()


def _emoji(
    picture: NDArray[np.uint8], concept: Concept, package: PicturePackage
) -> tuple[NDArray[np.uint8], PictureRecord]:
    colour = dominant_colour(picture)
    return picture, PictureRecord(
        name=concept.name,
        words=concept.words,
        style=package.style,
        set=package.name,
        licence=package.licence,
        category=concept.category,
        use=concept.use,
        colour=colour,
        hue_turns=colour not in ("", "white", "grey", "black"),
    )


def _soft_subjects() -> Iterator[tuple[NDArray[np.uint8], PictureRecord]]:
    renders = [(name, render) for name in SOFT_SUBJECTS for render in range(_renders(name))]
    jobs: list[PaintJob] = [(SOFT_SET, name, render) for name, render in renders]
    for (_, name, _), rendered in zip(jobs, _in_parallel(jobs), strict=True):
        subject = SOFT_SUBJECTS[name]
        yield (
            rendered.picture,
            PictureRecord(
                name=subject.name,
                words=(subject.name, *subject.synonyms, *rendered.phrases),
                style="painted",
                set=SOFT_SET,
                licence=OWN_LICENCE,
                category="people" if subject.name in PEOPLE else "soft",
                use="held_out" if subject.name in HELD_OUT_SOFT else "vocabulary",
                colour=" ".join(rendered.caption_words),
                hue_turns=False,
            ),
        )


def _renders(name: str) -> int:
    return HELD_OUT_RENDERS if name in HELD_OUT_SOFT else SOFT_SUBJECTS[name].renders


def _backdrops() -> Iterator[tuple[NDArray[np.uint8], PictureRecord]]:
    jobs: list[PaintJob] = [(BACKDROP_SET, name, render) for name in BACKDROPS for render in range(BACKDROP_RENDERS)]
    for (_, name, _), rendered in zip(jobs, _in_parallel(jobs), strict=True):
        kind = BACKDROPS[name]
        yield (
            rendered.picture,
            PictureRecord(
                name=kind.name,
                words=(kind.name, *kind.synonyms),
                style="painted",
                set=BACKDROP_SET,
                licence=OWN_LICENCE,
                category="background",
                use="backdrop",
                colour=" ".join(rendered.caption_words),
                hue_turns=False,
            ),
        )


def painted_again(records: Iterable[PictureRecord]) -> Iterator[NDArray[np.uint8]]:
    """The pictures of those records that were painted here, from their seeds; the n-th of a kind is its n-th render.

    Raises KeyError where this version paints no such kind.
    """
    keys = {each.name: (SOFT_SET, key) for key, each in SOFT_SUBJECTS.items()}
    keys |= {each.name: (BACKDROP_SET, key) for key, each in BACKDROPS.items()}
    counts: Counter[str] = Counter()
    jobs: list[PaintJob] = []
    for record in records:
        if record.painted:
            jobs.append((*keys[record.name], counts[record.name]))
            counts[record.name] += 1
    return (rendered.picture for rendered in _in_parallel(jobs))


PaintJob = tuple[str, str, int]
"""The set, the key in `SOFT_SUBJECTS` or `BACKDROPS`, and the number of a picture that is painted here."""


def _paint(job: PaintJob) -> Rendered:
    kind, key, render = job
    if kind == SOFT_SET:
        return SOFT_SUBJECTS[key].render(np.random.default_rng((list(SOFT_SUBJECTS).index(key), render)), STORED_SIZE)
    chance = np.random.default_rng((list(BACKDROPS).index(key), render, 1))
    return Rendered(*BACKDROPS[key].render(chance, STORED_SIZE))


def _in_parallel(jobs: list[PaintJob]) -> Iterator[Rendered]:
    """Every picture, in order, painted on all cores."""
    with ProcessPoolExecutor() as executor:
        yield from executor.map(_paint, jobs, chunksize=8)


def normalised(picture: Image.Image) -> NDArray[np.uint8]:
    """Centre what is visible in a square of `STORED_SIZE` with a small clear margin."""
    rgba = picture.convert("RGBA")
    box = rgba.getchannel("A").point(lambda value: 255 if value > 2 else 0).getbbox()
    if box is None:
        raise ValueError("the picture is fully transparent")
    cut = rgba.crop(box)
    inner = round(STORED_SIZE * (1 - 2 * MARGIN))
    scale = inner / max(cut.size)
    size = (max(1, round(cut.width * scale)), max(1, round(cut.height * scale)))
    # "RGBa" is Pillow's premultiplied mode: colour under clear pixels must not bleed into the edge.
    resized = cut.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    square = Image.new("RGBA", (STORED_SIZE, STORED_SIZE))
    square.paste(resized, ((STORED_SIZE - size[0]) // 2, (STORED_SIZE - size[1]) // 2))
    return np.asarray(square)


def _render_svg(svg: str) -> Image.Image:
    png = resvg_py.svg_to_bytes(svg_string=svg, width=STORED_SIZE, height=STORED_SIZE, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png)))


def _plain(code: str) -> str:
    """A code point sequence without variation selectors, which the packages write or leave out at will."""
    return "-".join(part for part in code.lower().split("-") if part != "fe0f")


@cache
def _files_by_code(folder: Path, suffix: str) -> dict[str, Path]:
    return {_plain(path.stem): path for path in sorted(folder.glob(f"*{suffix}"))}


def _read_fluent(folder: Path, code: str) -> Image.Image | None:
    path = _files_by_code(folder / "assets", ".webp").get(_plain(code))
    return Image.open(path) if path else None


def _read_twemoji(folder: Path, code: str) -> Image.Image | None:
    path = _files_by_code(folder, ".svg").get(_plain(code))
    return _render_svg(path.read_text(encoding="utf-8")) if path else None


@cache
def _noto_icons(folder: Path) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    names = json.loads((folder / "chars.json").read_text(encoding="utf-8"))
    icons = json.loads((folder / "icons.json").read_text(encoding="utf-8"))
    return {_plain(code): name for code, name in names.items()}, icons["icons"]


def _read_noto(folder: Path, code: str) -> Image.Image | None:
    names, icons = _noto_icons(folder)
    icon = icons.get(names.get(_plain(code), ""))
    if icon is None:
        return None
    frame = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 128 128"'
    return _render_svg(f"<svg {frame}>{icon['body']}</svg>")
