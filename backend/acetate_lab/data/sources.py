"""Where pictures come from: folders, zip and tar archives (webdataset's layout), and layered documents."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path, PurePath

from acetate.image.reading import read_picture
from acetate.io import zip_member
from acetate_wire.errors import AcetateError
from PIL import Image

from acetate_lab.data.archives import DATA_PIXELS, is_hidden, tar_member
from acetate_lab.data.captions import CaptionInfo, from_map, from_name, from_sidecar
from acetate_lab.data.documents import DOCUMENTS, read_document

PICTURES = frozenset(
    {".png", ".webp", ".tif", ".tiff", ".tga", ".avif", ".gif", ".jpg", ".jpeg", ".jp2", ".bmp", ".ico"}
)
SIDECARS = (".json", ".txt")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
OWN = "acetate"
"""The text chunk with a layer's settings."""


@dataclass(frozen=True)
class SourceImage:
    """A picture that was found, or why something could not be read."""

    source: str
    info: CaptionInfo
    picture: Image.Image | None
    refusal: str = ""


def reason(error: Exception) -> str:
    """Why something could not be read, in one line, whatever a library raised for it."""
    first = str(error).strip().split("\n")[0][:200]
    return first or type(error).__name__


Load = Callable[[], bytes]


def find(paths: Iterable[Path]) -> Iterator[SourceImage]:
    """Every picture in these files and folders. Raises AcetateError `bad_request` for a path that is not there."""
    for path in paths:
        if path.is_dir():
            yield from _in_folder(path)
        elif path.is_file():
            yield from _in_file(path)
        else:
            raise AcetateError("bad_request", f"{path} does not exist", field="pictures", hint="check the spelling")


def _in_folder(folder: Path) -> Iterator[SourceImage]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not is_hidden(path.name))
    loads: dict[str, Load] = {
        str(path.relative_to(folder)): path.read_bytes
        for path in files
        if path.suffix.lower() in PICTURES or path.suffix.lower() in SIDECARS
    }
    yield from _grouped(str(folder), loads)
    for path in files:
        if path.name.lower().endswith((*ARCHIVES, *DOCUMENTS)):
            yield from _in_file(path)


def _in_file(path: Path) -> Iterator[SourceImage]:
    name = path.name.lower()
    try:
        if name.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                names = [name for name in sorted(archive.namelist()) if not name.endswith("/") and not is_hidden(name)]
                loads: dict[str, Load] = {name: partial(zip_member, archive, name) for name in names}
                yield from _grouped(str(path), loads)
        elif name.endswith(ARCHIVES):
            yield from _in_tar(path)
        elif name.endswith(tuple(DOCUMENTS)):
            for layer in read_document(path):
                info = CaptionInfo(caption=from_name(layer.name), subject="")
                yield SourceImage(f"{path}#{layer.name}", info, layer.picture, layer.refusal)
        else:
            beside = {s.name: s.read_bytes for s in (path.with_suffix(ending) for ending in SIDECARS) if s.is_file()}
            yield from _grouped(str(path.parent), {path.name: path.read_bytes, **beside})
    except Exception as error:  # zipfile, tarfile, zlib, ElementTree and psd-tools each have their own
        yield SourceImage(str(path), CaptionInfo(), None, reason(error))


def _in_tar(path: Path) -> Iterator[SourceImage]:
    """One sample after the other, without unpacking: in webdataset's layout, files of one sample follow each other."""
    with tarfile.open(path) as archive:
        members = (found for found in archive if found.isfile() and not is_hidden(found.name))
        for _, sample in groupby(members, key=lambda found: _key(found.name)):
            contents: dict[str, Load] = {}
            for found in sample:
                contents[found.name] = io.BytesIO(tar_member(archive, found)).getvalue
            yield from _grouped(str(path), contents)


def _key(name: str) -> str:
    """A sample's key in webdataset: the path up to the first dot of the file's name."""
    path = PurePath(name)
    return str(path.with_name(path.name.split(".")[0]))


def _grouped(place: str, loads: Mapping[str, Load]) -> Iterator[SourceImage]:
    for name, load in loads.items():
        path = PurePath(name)
        if path.suffix.lower() not in PICTURES:
            continue
        beside = [str(path.with_suffix(ending)) for ending in SIDECARS]
        yield _opened(
            f"{place}/{name}", load, [(PurePath(other).suffix, loads[other]) for other in beside if other in loads]
        )


def _opened(source: str, load: Load, sidecars: list[tuple[str, Load]]) -> SourceImage:
    try:
        info = [from_sidecar(suffix, read()) for suffix, read in sidecars]
        read = read_picture(load(), DATA_PIXELS)
    except Exception as error:  # archives decode while they are read
        return SourceImage(source, CaptionInfo(), None, reason(error))
    if OWN in read.texts:
        info.append(from_sidecar(".json", read.texts[OWN].encode()))
    merged = from_map({"caption": from_name(source)})
    for each in reversed(info):
        merged = CaptionInfo(*(new or old for new, old in zip(_values(each), _values(merged), strict=True)))
    return SourceImage(source, merged, read.picture)


def _values(info: CaptionInfo) -> tuple[str, str, str]:
    return info.caption, info.subject, info.licence
