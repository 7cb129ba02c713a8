"""The blind study: the page gives nothing away, votes are counted by the key, and the interval is Wilson's."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acetate.cli import app
from acetate_lab.evaluation.study.pairs import read_pairs
from acetate_lab.evaluation.study.study_page import Study, key_path, read_key, write_study
from acetate_lab.evaluation.study.votes import wilson
from PIL import Image, PngImagePlugin
from typer.testing import CliRunner

NAMES = ("hair.tuft", "hair.fur", "smoke.plume", "smoke.fog", "cup")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pairs; every native file says in its PNG text that it is native."""
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    told = PngImagePlugin.PngInfo()
    told.add_text("acetate", "native layer of the starter")
    for index, name in enumerate(NAMES):
        pixels = np.random.default_rng(index).integers(0, 256, (2, 8, 8, 4), dtype=np.uint8)
        Image.fromarray(pixels[0]).save(pairs / f"{name}.native.png", pnginfo=told)
        Image.fromarray(pixels[1]).save(pairs / f"{name}.cutout.png")
    return pairs


@pytest.fixture
def page(folder: Path, tmp_path: Path) -> Path:
    write_study(read_pairs(folder), tmp_path / "study.html", seed=3)
    return tmp_path / "study.html"


def votes(page: Path, person: str, native: dict[int, bool]) -> Path:
    """A file as the page saves it, of a person who prefers native in the pairs marked True."""
    study = read_key(key_path(page))
    rows = []
    for pair, expected in native.items():
        place = study.pairs[pair].native
        rows.append({"pair": pair, "left": 0, "chosen": place if expected else 1 - place, "backdrop": "black"})
    path = page.parent / f"votes-{person}.json"
    path.write_text(json.dumps({"study": study.id, "person": person, "votes": rows}))
    return path


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["study", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilsons(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=6e-5)


def test_the_interval_solves_the_score_equation() -> None:
    for bound in wilson(97, 100):
        assert abs(bound - 0.97) == pytest.approx(1.959964 * math.sqrt(bound * (1 - bound) / 100), rel=1e-5)


def test_the_page_needs_no_other_file_and_gives_nothing_away(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="[^"]|@import|https?://', html) == []
    study = json.loads(re.search(r"const STUDY = (\{.*\});", html)[1])  # type: ignore[index]
    assert set(study) == {"study", "pairs"}
    assert len(study["pairs"]) == len(NAMES)
    for telling in ("native layer", "native.png", "cutout", "smoke", "tEXt"):
        assert telling not in html


def test_the_key_knows_where_each_native_picture_went(page: Path, folder: Path) -> None:
    shown = json.loads(re.search(r"const STUDY = (\{.*\});", page.read_text(encoding="utf-8"))[1])  # type: ignore[index]
    key = read_key(key_path(page))
    assert [f"{pair.kind}.{pair.name}".strip(".") for pair in key.pairs] == sorted(NAMES)
    assert {pair.native for pair in key.pairs} == {0, 1}
    for pair, uris in zip(read_pairs(folder), shown["pairs"], strict=True):
        place = next(each.native for each in key.pairs if each.name == pair.name)
        assert (_opened(uris[place]) == np.asarray(Image.open(pair.native))).all()
        assert (_opened(uris[1 - place]) == np.asarray(Image.open(pair.cut_out))).all()


def _opened(uri: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    import base64
    import io

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_the_same_seed_writes_the_same_page_and_another_one_another_study(folder: Path, tmp_path: Path) -> None:
    def written(seed: int) -> tuple[Study, str]:
        path = tmp_path / f"page-{seed}.html"
        return write_study(read_pairs(folder), path, seed), path.read_text(encoding="utf-8")

    assert written(1) == written(1)
    assert written(1)[0].id != written(2)[0].id


def test_every_language_has_every_text(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    table = html[html.index("const TEXTS") : html.index("const STUDY")]
    languages = {
        name: set(re.findall(r"(\w+): \"", part)) for name, part in re.findall(r"  (\w\w): \{(.*?)\n  \}", table, re.S)
    }
    assert set(languages) == {"en", "de"}
    used = set(re.findall(r'data-text="(\w+)"', html)) | set(re.findall(r'text\("(\w+)"\)', html))
    assert languages["en"] == languages["de"] and used <= languages["en"]


def test_votes_become_a_percentage_with_its_interval_by_kind_and_pair(page: Path, tmp_path: Path) -> None:
    hair = [index for index, pair in enumerate(read_key(key_path(page)).pairs) if pair.kind == "hair"]
    first = votes(page, "ann", dict.fromkeys(range(5), True))
    second = votes(page, "bob", {index: index not in hair for index in range(5)})
    report = tmp_path / "report"
    code, out, err = run(
        "result", str(first), str(second), "--key", str(key_path(page)), "--report", str(report), "--json", "-"
    )
    assert code == 0, err
    document = json.loads(out)
    assert document["people"] == 2
    assert (document["overall"]["native"], document["overall"]["votes"]) == (8, 10)
    assert document["overall"]["low"] == pytest.approx(wilson(8, 10)[0])
    assert {kind["label"]: kind["share"] for kind in document["kinds"]} == {"hair": 0.5, "smoke": 1.0}
    assert "80.0%" in (report / "study-result.html").read_text(encoding="utf-8")
    assert document == json.loads((report / "study-result.json").read_text(encoding="utf-8"))


def test_the_command_writes_page_and_key(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "mine.html"
    code, out, err = run("--pairs", str(folder), "-o", str(page), "--json", "-")
    assert code == 0, err
    assert json.loads(out)["pairs"] == 5
    assert page.is_file() and (tmp_path / "mine.key.json").is_file()


def test_what_cannot_be_counted_is_refused_in_one_line(page: Path, folder: Path, tmp_path: Path) -> None:
    good = votes(page, "ann", {0: True})
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"study": "another", "person": "bob", "votes": [{"pair": 0, "chosen": 1}]}))
    damaged = tmp_path / "damaged.json"
    damaged.write_text(good.read_text().replace('"pair": 0', '"pair": 99'))
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    key = ("--key", str(key_path(page)))
    cases = {
        ("result", str(good), str(good), *key): "the person ann is there twice",
        ("result", str(other), *key): "is of another study",
        ("result", str(damaged), *key): "has a damaged vote",
        ("result", str(broken), *key): "cannot be read",
        ("result", str(good), "--key", "nowhere.json"): "nowhere.json does not exist",
        ("result", str(good), "--key", str(good)): "is no study's key",
        ("--pairs", "nowhere"): "nowhere: there is no such folder of pairs",
        ("--pairs", str(tmp_path)): "holds no pairs",
        ("--pairs", str(folder), "-o", "study.txt"): "study.txt is no page",
    }
    for arguments, complaint in cases.items():
        code, _, err = run(*arguments)
        assert (code, len(err.strip().splitlines())) == (2, 1), (arguments, err)
        assert complaint in err


def test_a_pair_that_is_not_one_is_named(folder: Path) -> None:
    Image.new("RGBA", (9, 8)).save(folder / "cup.cutout.png")
    with pytest.raises(ValueError, match=r"cup\.native\.png is 8 x 8, but cup\.cutout\.png 9 x 8"):
        read_pairs(folder)
    (folder / "cup.cutout.png").unlink()
    with pytest.raises(ValueError, match=r"has no cup\.cutout\.png beside it"):
        read_pairs(folder)
