"""Data sets: what is taken and what is not, what is told of it, and that nothing is added twice or lost."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from acetate.documents import WRITERS, Document, DocumentLayer
from acetate_lab.data.build import BuildSettings, Built, build
from acetate_lab.data.captions import from_name, split_of, subject_of
from acetate_lab.data.collection import Collection, fitted, open_collection
from acetate_lab.data.filters import Filter
from acetate_lab.data.kra import decompress
from acetate_lab.data.perceptual_hash import KnownHashes, fingerprint
from acetate_lab.data.scenes import build_scenes
from acetate_wire.errors import AcetateError
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from tests.tiny_data import COLOURS, disc


def png(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def star(colour: tuple[int, int, int] = (200, 160, 20)) -> NDArray[np.uint8]:
    y, x = np.mgrid[:96, :96] - 47.5
    picture = np.empty((96, 96, 4), np.uint8)
    picture[..., :3] = colour
    picture[..., 3] = np.clip((24 + 14 * np.cos(5 * np.arctan2(y, x)) - np.hypot(x, y)) * 64 + 128, 0, 255)
    return picture


def built(folder: Path, *sources: Path, **settings: object) -> Built:
    return build(folder, sources, BuildSettings(**{"held_out": 0.0, **settings}), lambda line: None)  # type: ignore[arg-type]


def told(collection: Collection) -> dict[str, tuple[str, str, str]]:
    """Caption, subject and licence of each entry by the name of its source."""
    return {Path(e.source).name: (e.captions["foreground"], e.subject, e.licence) for e in collection.entries}


def test_folders_zips_and_tars_are_read_with_what_lies_beside_each_picture(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "red things").mkdir(parents=True)
    (source / "red things/apple_01.png").write_bytes(png(disc(COLOURS["red"])))
    (source / "named.png").write_bytes(png(star()))
    (source / "named.txt").write_text("a golden star\n")
    with zipfile.ZipFile(source / "more.zip", "w") as archive:
        archive.writestr("x/0001.png", png(disc(COLOURS["blue"])))
        archive.writestr("x/0001.json", json.dumps({"caption": "a blue ball", "license": "CC0", "subject": "ball"}))
    with tarfile.open(source / "shard.tar", "w") as shard:
        for name, content in (("000.png", png(disc(COLOURS["green"]))), ("000.txt", b"a green ball")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            shard.addfile(info, io.BytesIO(content))
    found = built(tmp_path / "data", source, licence="MIT")
    assert told(found.collection) == {
        "apple_01.png": ("apple", "apple", "MIT"),
        "named.png": ("a golden star", "golden star", "MIT"),
        "0001.png": ("a blue ball", "ball", "CC0"),
        "000.png": ("a green ball", "green ball", "MIT"),
    }
    assert open_collection(tmp_path / "data") == found.collection
    assert found.unlicensed == 0


def test_what_is_opaque_a_box_tiny_empty_or_damaged_is_not_taken(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    box = np.zeros((96, 96, 4), np.uint8)
    box[20:70, 10:80] = (200, 30, 30, 255)
    pictures = {
        "opaque": np.full((96, 96, 4), 255, np.uint8),
        "box": box,
        "small": disc(COLOURS["red"], radius=10),
        "empty": np.zeros((96, 96, 4), np.uint8),
    }
    for name, pixels in pictures.items():
        (source / f"{name}.png").write_bytes(png(pixels))
    (source / "torn.png").write_bytes(png(star())[:200])
    (source / "torn.zip").write_bytes(b"PK no archive")
    found = built(tmp_path / "data", source, filter=Filter(side=32))
    assert found.added == 0
    assert found.refused == {"opaque": 1, "a box": 1, "too small": 1, "nothing to see": 1}
    assert sorted(Path(source).name for source, _ in found.unreadable) == ["torn.png", "torn.zip"]
    assert all(reason for _, reason in found.unreadable)


def test_look_alikes_are_found_though_scaled_moved_or_saved_anew_and_others_are_not(tmp_path: Path) -> None:
    known = KnownHashes()
    known.add(fingerprint(Image.fromarray(star())), "star")
    moved = Image.new("RGBA", (300, 200))
    moved.paste(Image.fromarray(star()).resize((140, 140)), (90, 20))
    assert known.find(fingerprint(moved)) == "star"
    assert known.find(fingerprint(Image.fromarray(star((20, 160, 200))))) is None, "another colour is another thing"
    assert known.find(fingerprint(Image.fromarray(disc((200, 160, 20))))) is None


def test_building_again_adds_nothing_twice_and_keeps_what_is_there(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "star.png").write_bytes(png(star()))
    first = built(tmp_path / "data", source)
    (source / "ball.png").write_bytes(png(disc(COLOURS["red"])))
    again = built(tmp_path / "data", source)
    assert (first.added, again.added, again.refused["like another"]) == (1, 1, 1)
    assert again.collection.entries[0] == first.collection.entries[0]


def test_a_layer_of_acetates_own_brings_its_prompt(tmp_path: Path) -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt("acetate", json.dumps({"prompt": "a golden star"}))
    Image.fromarray(star()).save(tmp_path / "7.png", pnginfo=chunks)
    found = built(tmp_path / "data", tmp_path / "7.png", pending=True)
    [entry] = found.collection.entries
    assert entry.captions["foreground"] == "a golden star" and entry.verdict == "pending"
    assert found.collection.chosen("train", ["foreground"]) == (), "nothing is learnt from it before a review"


@pytest.mark.parametrize("suffix", [".psd", ".ora"])
def test_every_visible_layer_of_a_document_becomes_a_picture(tmp_path: Path, suffix: str) -> None:
    layers = (
        DocumentLayer("paper", 0, 0, np.full((128, 128, 4), 255, np.uint8)),
        DocumentLayer("golden star", 10, 20, star()),
        DocumentLayer("red ball", 5, 5, disc(COLOURS["red"])),
        DocumentLayer("hidden", 0, 0, disc(COLOURS["blue"]), visible=False),
    )
    path = tmp_path / f"scene{suffix}"
    WRITERS[suffix](Document(128, 128, layers), path)
    found = built(tmp_path / "data", path)
    assert sorted(entry.captions["foreground"] for entry in found.collection.entries) == ["golden star", "red ball"]
    assert found.refused == {"opaque": 1}
    names = {entry.subject: entry for entry in found.collection.entries}
    stored = np.asarray(found.collection.picture(names["golden star"]))
    assert stored[..., 3].max() == 255
    visible = stored[..., 3] > 250
    assert (np.abs(stored[visible][:, :3].astype(int) - (200, 160, 20)) <= 1).all()


KRITA = """
from krita import Krita
def make(path):
    document = Krita.instance().createDocument(200, 150, "d", "RGBA", "U8", "", 72.0)
    group = document.createGroupLayer("group")
    document.rootNode().addChildNode(group, None)
    for name, colour, left in (("golden star", (20, 160, 200), 10), ("red ball", (40, 30, 220), 90)):
        node = document.createNode(name, "paintlayer")
        pixels = bytearray()
        for y in range(90):
            for x in range(90):
                inside = (x - 45) ** 2 + (y - 45) ** 2 < (44 if x < 45 else 30) ** 2
                pixels += bytes((*colour, 255 if inside else 0))
        node.setPixelData(bytes(pixels), left, 20, 90, 90)
        group.addChildNode(node, None)
    document.saveAs(path)
"""


@pytest.mark.slow
def test_layers_of_a_document_that_krita_saved_are_read_exactly(tmp_path: Path) -> None:
    runner = shutil.which("kritarunner")
    if runner is None:
        pytest.skip("Krita is not installed: apt-get install krita")
    (tmp_path / "made.py").write_text(KRITA.replace("def make(path):", "def make(arguments):\n    path = arguments[0]"))
    homes = {name: str(tmp_path / "home") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")}
    environment = {"PATH": "/usr/bin:/bin", "QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8", **homes}
    environment["PYTHONPATH"] = str(tmp_path)
    command = [runner, "-s", "made", "-f", "make", str(tmp_path / "scene.kra")]
    subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False)
    assert (tmp_path / "scene.kra").is_file()
    found = built(tmp_path / "data", tmp_path / "scene.kra", filter=Filter(side=20))
    entries = {entry.subject: entry for entry in found.collection.entries}
    assert entries.keys() == {"golden star", "red ball"}
    for subject, colour in (("golden star", (200, 160, 20)), ("red ball", (220, 30, 40))):
        stored = np.asarray(found.collection.picture(entries[subject]))
        y, x = np.mgrid[:90, :90]
        inside = (x - 45) ** 2 + (y - 45) ** 2 < np.where(x < 45, 44, 30) ** 2
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        shape = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert np.array_equal(stored[..., 3] == 255, shape)
        assert (stored[shape][:, :3] == colour).all()


def test_lzf_repeats_overlap_and_damage_is_refused() -> None:
    # Two literal bytes, then nine more by looking two back.
    packed = bytes([1, ord("a"), ord("b"), (7 << 5), 0, 1])
    assert decompress(packed, 11) == b"ababababababab"[:11]
    for damaged, size in ((packed, 12), (packed[:-1], 11), (bytes([(1 << 5), 5]), 3)):
        with pytest.raises(ValueError, match="tile"):
            decompress(damaged, size)


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("props/red-apple_03.png", "red apple"),
        ("props/GoldenStar.png", "golden star"),
        ("candle flame/0001.png", "candle flame"),
        ("IMG_2041 burning match (final).png", "burning match"),
        ("12.png", ""),
    ],
)
def test_names_become_captions(name: str, caption: str) -> None:
    assert from_name(name) == caption


def test_a_subject_is_held_out_as_a_whole_and_stays_so() -> None:
    assert subject_of("A red apple, 3d") == subject_of("the red apple 2") == "red apple"
    splits = [split_of(f"thing {number}", 0.25) for number in range(400)]
    assert 60 < splits.count("held_out") < 140
    assert splits == [split_of(f"thing {number}", 0.25) for number in range(400)]


def test_a_fitted_picture_is_whole_and_has_no_fringe() -> None:
    picture = Image.fromarray(disc((0, 0, 255), size=96))
    fit = fitted(picture.crop((0, 20, 96, 76)), 48)
    assert fit.shape == (48, 48, 4)
    assert fit[:9, :, 3].max() == 0 and fit[-9:, :, 3].max() == 0
    assert (fit[fit[..., 3] > 0][:, :2] == 0).all(), "blue to the edge"


def test_scenes_blend_exactly_and_a_stopped_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    for name, colour in COLOURS.items():
        (tmp_path / "source" / f"{name} ball.png").write_bytes(png(disc(colour)))
    (tmp_path / "grounds").mkdir()
    Image.fromarray(np.full((80, 120, 3), (90, 120, 150), np.uint8)).save(tmp_path / "grounds/a blue wall.jpg")
    pictures = built(tmp_path / "data", tmp_path / "source", licence="CC0").collection

    def scenes(count: int) -> Collection:
        grounds = [tmp_path / "grounds"]
        return build_scenes(tmp_path / "scenes", pictures, grounds, count, 64, "MIT", 0, lambda line: None)

    first = scenes(3)
    whole = scenes(8)
    assert whole.entries[:3] == first.entries
    assert {entry.subject for entry in whole.entries} == {f"{name} ball" for name in COLOURS}
    for entry in whole.entries:
        fore, back, blend = (
            np.asarray(whole.picture(entry, role)).astype(float) for role in ("foreground", "background", "blend")
        )
        alpha = fore[..., 3:] / 255
        assert np.abs(fore[..., :3] * alpha + back[..., :3] * (1 - alpha) - blend[..., :3]).max() <= 0.51
        assert (back[..., 3] == 255).all() and fore[..., 3].max() > 200
        assert entry.captions["background"] == "blue wall" and entry.licence == "CC0; background: MIT"
        assert entry.captions["foreground"] in entry.captions["blend"]


def test_a_data_set_is_not_built_out_of_itself(tmp_path: Path) -> None:
    with pytest.raises(AcetateError, match="its own source"):
        built(tmp_path / "pictures/data", tmp_path / "pictures")


def test_a_damaged_manifest_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "star.png").write_bytes(png(star()))
    built(tmp_path / "data", tmp_path / "star.png")
    with (tmp_path / "data/manifest.jsonl").open("a") as manifest:
        manifest.write("{torn")
    with pytest.raises(AcetateError, match="line 2") as refused:
        open_collection(tmp_path / "data")
    assert refused.value.field == "data.folder"
