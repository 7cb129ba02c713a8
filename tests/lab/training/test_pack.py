"""The data of a starter's training travels in one file, and a training from it is the training that it was."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from acetate_lab.training import packages
from acetate_lab.training.starter import pack
from acetate_lab.training.starter.dataset import (
    BACKDROP_SET,
    SOFT_SET,
    PictureRecord,
    PictureSet,
    open_pictures,
    painted_again,
    save_pictures,
)
from acetate_lab.training.starter.pack import open_pack, write_pack
from acetate_wire.errors import AcetateError

from tests.tiny_pictures import write_discs, write_keywords


def silent(line: str) -> None:
    """Takes what is logged."""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data like the starter's, of packages and painted, and its pack."""
    folder = tmp_path_factory.mktemp("there")
    write_keywords(folder / "cache")
    discs = open_pictures(write_discs(folder / "discs"))
    painted = tuple(
        PictureRecord(name, (name,), "painted", kind, "Apache-2.0", "", "vocabulary", "", False)
        for name, kind in (("meadow", BACKDROP_SET), ("glow", SOFT_SET), ("meadow", BACKDROP_SET))
    )
    drawn = np.stack([*discs.pictures, *painted_again(painted)])
    drawn[0, 0, 0] = (1, 2, 3, 0)
    save_pictures(folder / "data", drawn, (*discs.records, *painted))
    write_pack(folder / "starter.pack", open_pictures(folder / "data"), folder / "cache", silent)
    return folder


def test_a_pack_brings_every_picture_and_word_as_it_was(there: Path, tmp_path: Path) -> None:
    said: list[str] = []
    cache = open_pack(there / "starter.pack", tmp_path, said.append)
    before, after = open_pictures(there / "data"), open_pictures(tmp_path / "data")
    assert after.records == before.records
    assert np.array_equal(after.pictures, before.pictures), "colour under clear pixels too"
    assert said == ["12 pictures out of the pack, 3 painted"]
    assert not np.array_equal(after.pictures[12], after.pictures[14]), "each render of a kind is another"
    words = packages.fetch(packages.KEYWORDS, cache) / "dist/emoji-en-US.json"
    assert json.loads(words.read_text(encoding="utf-8")) == {"\N{RED APPLE}": ["fruit"]}


def test_a_pack_is_opened_once_and_not_into_other_data(there: Path, tmp_path: Path) -> None:
    shutil.copytree(there / "data", tmp_path / "data")
    written = (tmp_path / "data/pictures.npy").stat().st_mtime_ns
    open_pack(there / "starter.pack", tmp_path, silent)
    assert (tmp_path / "data/pictures.npy").stat().st_mtime_ns == written
    found = open_pictures(there / "data")
    save_pictures(tmp_path / "data", found.pictures, [replace(each, colour="blue") for each in found.records])
    with pytest.raises(AcetateError, match=r"other pictures.*--runs"):
        open_pack(there / "starter.pack", tmp_path, silent)


def test_what_is_no_pack_is_refused_and_leaves_nothing(there: Path, tmp_path: Path) -> None:
    whole = (there / "starter.pack").read_bytes()
    for content in (b"no pack", whole[: len(whole) // 2], whole.replace(b"RIFF", b"RAFF")):
        (tmp_path / "bad.pack").write_bytes(content)
        with pytest.raises(AcetateError, match=r"bad\.pack is no pack .*acetate train pack"):
            open_pack(tmp_path / "bad.pack", tmp_path / "runs", silent)
    with zipfile.ZipFile(tmp_path / "bad.pack", "w") as archive:
        archive.writestr("version", "another")
    with pytest.raises(AcetateError, match="another version"):
        open_pack(tmp_path / "bad.pack", tmp_path / "runs", silent)
    assert not (tmp_path / "runs").exists()


def test_a_pack_that_would_be_too_large_is_not_written(
    there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "LIMIT", 1000)
    pictures: PictureSet = open_pictures(there / "data")
    with pytest.raises(AcetateError, match="over its limit"):
        write_pack(tmp_path / "large.pack", pictures, there / "cache", silent)
    assert not list(tmp_path.iterdir())
