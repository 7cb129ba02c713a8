"""Building a data set finishes, whatever lies in the folder, and names what could not be read."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from acetate_lab.data import archives
from acetate_lab.data.build import BuildSettings, Built, build
from acetate_lab.data.captions import from_sidecar
from acetate_lab.data.collection import MANIFEST, Collection, open_collection
from acetate_lab.data.documents import read_document
from acetate_lab.data.filters import Filter
from acetate_lab.data.review.session import ReviewSession
from acetate_wire.errors import AcetateError
from numpy.typing import NDArray
from PIL import Image

CASES = Path(__file__).parents[2] / "cases" / "documents"


def built(folder: Path, *sources: Path) -> Built:
    settings = BuildSettings(Filter(side=16), held_out=0.0)
    return build(folder, sources, settings, lambda line: None)


def captions(collection: Collection) -> set[str]:
    return {entry.captions["foreground"] for entry in collection.entries}


def star(seed: int = 0) -> NDArray[np.uint8]:
    y, x = np.mgrid[:96, :96] - 47.5
    picture = np.empty((96, 96, 4), np.uint8)
    picture[..., :3] = np.random.default_rng(seed).integers(0, 256, 3)
    points = 24 + 14 * np.cos((3 + seed) * np.arctan2(y, x)) - np.hypot(x, y)
    picture[..., 3] = np.clip(points * 64 + 128, 0, 255)
    return picture


def png(pixels: NDArray[np.uint8]) -> bytes:
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, "PNG")
    return stored.getvalue()


@pytest.mark.parametrize(
    ("document", "seen", "broken"),
    [
        ("ok.ora", ["bottom", "top"], []),
        ("hidden_group.ora", ["seen"], []),
        ("opacity.ora", ["half"], []),
        ("one_bad_layer.ora", ["good two", "good one"], ["bad"]),
    ],
)
def test_layers_of_a_document_are_those_that_can_be_seen(document: str, seen: list[str], broken: list[str]) -> None:
    layers = list(read_document(CASES / document))
    assert [layer.name for layer in layers if layer.picture is not None] == seen
    assert [layer.name for layer in layers if layer.picture is None] == broken
    assert all(layer.refusal for layer in layers if layer.picture is None)


def test_opacity_is_in_the_alpha() -> None:
    half = next(read_document(CASES / "opacity.ora")).picture
    with zipfile.ZipFile(CASES / "opacity.ora") as archive:
        whole = Image.open(io.BytesIO(archive.read("data/0.png"))).convert("RGBA")
    assert half is not None
    assert np.abs(np.asarray(half)[..., 3] - np.asarray(whole)[..., 3] / 2).max() <= 0.5
    assert np.array_equal(np.asarray(half)[..., :3], np.asarray(whole)[..., :3])


def test_groups_in_groups_multiply_their_opacity_and_hide_what_is_in_them(tmp_path: Path) -> None:
    stack = (
        "<image><stack><stack opacity='0.5'><stack opacity='0.5'><layer name='in' src='a.png'/></stack>"
        "<stack visibility='hidden'><stack><layer name='out' src='a.png'/></stack></stack></stack></stack></image>"
    )
    with zipfile.ZipFile(tmp_path / "deep.ora", "w") as archive:
        archive.writestr("stack.xml", stack)
        archive.writestr("a.png", png(star()))
    (layer,) = read_document(tmp_path / "deep.ora")
    assert layer.name == "in"
    assert layer.picture is not None
    assert layer.picture.getchannel("A").getextrema() == (0, 64)


def test_photoshop_layers_fade_with_their_groups(tmp_path: Path) -> None:
    from psd_tools import PSDImage
    from psd_tools.api.layers import Group, PixelLayer

    document = PSDImage.new("RGB", (96, 96))
    group = Group.new(document, "group")
    group.opacity = 128
    layer = PixelLayer.frompil(Image.fromarray(star()), group, "star")
    layer.opacity = 128
    document.save(tmp_path / "faded.psd")
    (read,) = read_document(tmp_path / "faded.psd")
    assert read.picture is not None
    assert read.picture.getchannel("A").getextrema()[1] == pytest.approx(64, abs=1)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder of files that end a careless reader, with one good picture among them."""
    folder = tmp_path / "source"
    shutil.copytree(CASES, folder)
    (folder / "good star.png").write_bytes(png(star(9)))
    (folder / "broken.ora").write_bytes(b"no zip")
    with zipfile.ZipFile(folder / "entities.ora", "w") as archive:
        layers = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 9))
        archive.writestr("stack.xml", f"<!DOCTYPE x [<!ENTITY a0 'x'>{layers}]><image>&a8;</image>")
    (folder / "cut.tar.gz").write_bytes(gzip.compress(b"x" * 5000)[:40])
    (folder / "no.psd").write_bytes(b"8BPS" + bytes(40))
    (folder / "no.kra").write_bytes(b"PK\x03\x04")
    (folder / "large.png").write_bytes(_large_png())
    (folder / "good star.json").write_text("[" * 100_000)
    return folder


def _large_png() -> bytes:
    stored = io.BytesIO()
    Image.new("1", (22_000, 22_000)).save(stored, "PNG")
    return stored.getvalue()


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(hostile: Path, tmp_path: Path) -> None:
    found = built(tmp_path / "data", hostile)
    assert {"good star", "猫"} <= captions(found.collection)
    assert not {"zero", "in hidden"} & captions(found.collection)
    named = {Path(source).name for source, reason in found.unreadable if reason}
    assert {"broken.ora", "entities.ora", "cut.tar.gz", "no.psd", "no.kra", "large.png"} <= named
    assert any("red ball.png" in source and "encrypted" in reason for source, reason in found.unreadable)
    assert any(source.endswith("#bad") for source, _ in found.unreadable)
    assert not list(tmp_path.parent.glob("evil*")) and not list(tmp_path.glob("evil*"))


def test_names_in_any_alphabet_become_captions(tmp_path: Path) -> None:
    assert captions(built(tmp_path / "data", CASES / "names.zip").collection) == {"猫", "красный дом", "evil"}


def test_memory_stays_bounded(hostile: Path, tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(hostile / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.png", "w") as file,
    ):
        for _ in range(1100):
            file.write(bytes(1 << 20))
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))\n"
        "from pathlib import Path; from acetate_lab.data.build import BuildSettings, build\n"
        "found = build(Path(sys.argv[1]), [Path(sys.argv[2])], BuildSettings(), lambda line: None)\n"
        "print(*(Path(source).name for source, _ in found.unreadable), sep='\\n')\n"
        # On Linux ru_maxrss counts what the process was before it became this program: a copy of these tests.
        "status = Path('/proc/self/status')\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20\n"
        "print(int(status.read_text().split('VmHWM:')[1].split()[0]) >> 10 if status.exists() else peak)"
    )
    if sys.platform == "win32":
        pytest.skip("the memory of a process is limited with setrlimit")
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "data"), str(hostile)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    *named, peak = ran.stdout.splitlines()
    assert {"a.png", "large.png"} <= set(named)
    assert int(peak) < 1600


def test_a_tar_member_over_the_limit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1000)
    with tarfile.open(tmp_path / "large.tar", "w") as archive:
        found = tarfile.TarInfo("a.png")
        found.size = 2000
        archive.addfile(found, io.BytesIO(bytes(2000)))
    (named,) = built(tmp_path / "data", tmp_path / "large.tar").unreadable
    assert named[1] == "a.png is larger than 0 MB"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_sidecars_are_read_in_the_encodings_that_programs_write(encoding: str) -> None:
    assert from_sidecar(".txt", "grüner Käfer".encode(encoding)).caption == "grüner Käfer"


def test_a_building_that_is_killed_keeps_what_it_has_stored(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(3):
        (source / f"{number} star.png").write_bytes(png(star(number)))
    built(tmp_path / "data", source)
    manifest = tmp_path / "data" / MANIFEST
    whole = manifest.read_bytes()
    assert whole.count(b"\n") == 3
    manifest.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 20])
    assert len(open_collection(tmp_path / "data").entries) == 2
    assert built(tmp_path / "data", source).added == 1


def test_a_manifest_cannot_name_files_outside_the_data_set(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "star.png").write_bytes(png(star()))
    built(tmp_path / "data", tmp_path / "source")
    manifest = tmp_path / "data" / MANIFEST
    entry = json.loads(manifest.read_text())
    entry["files"]["foreground"] = "../../../../etc/passwd"
    manifest.write_text(json.dumps(entry) + "\n")
    collection = open_collection(tmp_path / "data")
    with pytest.raises(AcetateError, match="outside the data set"):
        ReviewSession(tmp_path / "data").picture(entry["id"], "foreground")
    with pytest.raises(AcetateError, match="outside the data set"):
        collection.picture(collection.entries[0])
