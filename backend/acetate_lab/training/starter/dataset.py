"""The starter's pictures: emoji drawn by others under open licences; soft subjects and backgrounds drawn here."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
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
        folder.mkdir(parents=True, exist_ok=True)
        rows: list[NDArray[np.uint8]] = []
        records: list[PictureRecord] = []
        for picture, record in _all_pictures(cache_folder, log):
            rows.append(picture)
            records.append(record)
        np.save(folder / "pictures.npy", np.stack(rows))
        text = json.dumps([asdict(record) for record in records], indent=0)
        (folder / "records.json").write_text(text, encoding="utf-8")
    return open_pictures(folder)


def open_pictures(folder: Path) -> PictureSet:
    """Open a folder that `build_pictures` wrote."""
    rows = json.loads((folder / "records.json").read_text(encoding="utf-8"))
    records = tuple(PictureRecord(**{**row, "words": tuple(row["words"])}) for row in rows)
    return PictureSet(np.load(folder / "pictures.npy", mmap_mode="r"), records)


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
    names = list(SOFT_SUBJECTS)
    for index, _, rendered in _in_parallel(_render_soft, [(i, _renders(name)) for i, name in enumerate(names)]):
        subject = SOFT_SUBJECTS[names[index]]
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


def _render_soft(index: int, render: int) -> Rendered:
    return tuple(SOFT_SUBJECTS.values())[index].render(np.random.default_rng((index, render)), STORED_SIZE)


def _render_backdrop(index: int, render: int) -> Rendered:
    backdrop = tuple(BACKDROPS.values())[index]
    return Rendered(*backdrop.render(np.random.default_rng((index, render, 1)), STORED_SIZE))


def _in_parallel(
    paint: Callable[[int, int], Rendered], counts: list[tuple[int, int]]
) -> Iterator[tuple[int, int, Rendered]]:
    """Every picture of every kind, in order, painted on all cores: `counts` has each kind and how many of it."""
    jobs = [(index, render) for index, count in counts for render in range(count)]
    with ProcessPoolExecutor() as pool:
        for (index, render), rendered in zip(jobs, pool.map(paint, *zip(*jobs, strict=True), chunksize=8), strict=True):
            yield index, render, rendered


def _backdrops() -> Iterator[tuple[NDArray[np.uint8], PictureRecord]]:
    kinds = list(BACKDROPS.values())
    for index, _, rendered in _in_parallel(_render_backdrop, [(i, BACKDROP_RENDERS) for i in range(len(kinds))]):
        yield (
            rendered.picture,
            PictureRecord(
                name=kinds[index].name,
                words=(kinds[index].name, *kinds[index].synonyms),
                style="painted",
                set=BACKDROP_SET,
                licence=OWN_LICENCE,
                category="background",
                use="backdrop",
                colour=" ".join(rendered.caption_words),
                hue_turns=False,
            ),
        )


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
