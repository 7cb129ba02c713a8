"""The folder of held-out pictures: what is written is read, and a broken folder says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acetate_lab.metrics.coverage import Coverage
from acetate_lab.metrics.held_out import HeldOutPicture, read_held_out, write_held_out

APPLE = HeldOutPicture("red apple", "noto", "Apache-2.0", "hard")
SMOKE = HeldOutPicture("Smoke / wisp", "drawn", "CC0-1.0", "soft")
SHARES = Coverage(0.5, 0.2, 0.3)


def pixels(seed: int, size: int = 64) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 4), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_held_out(tmp_path / "held_out", [(APPLE, pixels(1)), (SMOKE, pixels(2))], SHARES)
    return tmp_path / "held_out"


def rewrite(folder: Path, **changes: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **changes}))


def test_what_was_written_comes_back(folder: Path) -> None:
    held_out = read_held_out(folder)
    assert held_out.about == (APPLE, SMOKE)
    assert held_out.coverage == SHARES
    stored = (held_out.pictures * 255).round().byte().permute(0, 2, 3, 1).numpy()
    expected = np.stack([pixels(1), pixels(2)])
    seen = expected[..., 3] > 0
    assert (stored[seen] == expected[seen]).all()
    assert (stored[..., 3] == expected[..., 3]).all()


def test_files_are_named_after_what_they_show(folder: Path) -> None:
    assert sorted(path.name for path in folder.glob("*.png")) == ["000-red-apple.png", "001-smoke-wisp.png"]


def test_writing_again_leaves_no_old_pictures(folder: Path) -> None:
    write_held_out(folder, [(SMOKE, pixels(2))], SHARES)
    assert [path.name for path in folder.glob("*.png")] == ["000-smoke-wisp.png"]
    assert read_held_out(folder).about == (SMOKE,)


def test_a_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no manifest\.json: give a folder of held-out pictures"):
        read_held_out(tmp_path)


def test_a_missing_picture_is_named(folder: Path) -> None:
    (folder / "000-red-apple.png").unlink()
    with pytest.raises(ValueError, match=r"000-red-apple\.png cannot be read as a picture"):
        read_held_out(folder)


def test_a_picture_outside_the_folder_is_refused(folder: Path) -> None:
    entry = {"file": "../secret.png", "name": "a", "set": "b", "licence": "c", "kind": "hard"}
    rewrite(folder, pictures=[entry])
    with pytest.raises(ValueError, match="must lie in the folder itself"):
        read_held_out(folder)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"size": 100}, "size must be a positive multiple of 64, not 100"),
        ({"size": 128}, r"000-red-apple\.png is 64 x 64, not 128 x 128"),
        ({"pictures": []}, "at least one picture"),
        ({"pictures": [{"file": "a.png"}]}, "picture 0 needs the texts file, name, set, licence, kind"),
        ({"coverage": {"clear": 1}}, "coverage needs the numbers clear, partial, opaque"),
        ({"coverage": {"clear": 1, "partial": 1, "opaque": 0}}, r"must add up to 1, not 2\.000"),
    ],
)
def test_a_wrong_manifest_names_the_field(folder: Path, changes: dict[str, Any], complaint: str) -> None:
    rewrite(folder, **changes)
    with pytest.raises(ValueError, match=complaint):
        read_held_out(folder)


def test_an_unknown_kind_is_not_written(tmp_path: Path) -> None:
    odd = HeldOutPicture("blur", "drawn", "CC0-1.0", "furry")
    with pytest.raises(ValueError, match="blur: kind must be hard or soft, not 'furry'"):
        write_held_out(tmp_path, [(odd, pixels(1))], SHARES)
