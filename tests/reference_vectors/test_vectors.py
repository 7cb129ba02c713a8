"""Promises of `acetate doctor --vectors`: every case is computed or reported, and a miss is an error code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from acetate.cli.doctor import doctor
from acetate.reference_vectors.check import VectorCase, check_vectors
from acetate.reference_vectors.folder import UnreadableVectorsError
from typer.testing import CliRunner, Result

REFERENCE = Path(__file__).parents[1] / "reference"

Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The quick half of the reference vectors: without the transparent decoder, and one published file."""
    copy = tmp_path / "vectors"
    shutil.copytree(REFERENCE, copy)
    change_arrays(copy, lambda arrays: [arrays.pop("decoder_single"), arrays.pop("decoder_augmented")])
    change_json(copy / "manifest.json", lambda content: content["shapes"].pop("transparent_decoder"))

    def keep_one(content: dict[str, Any]) -> None:
        content["files"] = {"layer_sd15_joint": content["files"]["layer_sd15_joint"]}

    change_json(copy / "published_sd15_keys.json", keep_one)
    return copy


def change_arrays(folder: Path, change: Callable[[Arrays], object]) -> None:
    with np.load(folder / "expected.npz") as stored:
        arrays = dict(stored)
    change(arrays)
    np.savez(folder / "expected.npz", **arrays)


def change_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def misses(folder: Path) -> dict[str, VectorCase]:
    return {case.name: case for case in check_vectors(folder) if not case.passed}


def run_doctor(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(doctor)
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.slow
def test_every_reference_case_is_within_its_tolerance() -> None:
    cases = list(check_vectors(REFERENCE))
    with np.load(REFERENCE / "expected.npz") as stored:
        wanted = {name for name in stored.files if not name.startswith("pad_rgb_in_")}
    assert wanted < {case.name for case in cases}
    assert [case for case in cases if not case.passed] == []


def test_a_wrong_number_is_a_miss_of_that_case_alone(folder: Path) -> None:
    def spoil(arrays: Arrays) -> None:
        arrays["vae_feed_0"][0, 0, 0, 0] += 0.01

    change_arrays(folder, spoil)
    missed = misses(folder)
    assert list(missed) == ["vae_feed_0"]
    assert missed["vae_feed_0"].error == pytest.approx(0.01, rel=1e-3)


def test_weights_are_drawn_from_the_folders_own_seed(folder: Path) -> None:
    change_json(folder / "manifest.json", lambda content: content.update(seed=1))
    assert {"offset_encoder", "condition_encoder_64", "sharing_f3_plain_cross"} < set(misses(folder))


def test_opaque_colour_must_be_exact(folder: Path) -> None:
    def shift(arrays: Arrays) -> None:
        arrays["pad_rgb_0"] += np.float32(1e-3)

    change_arrays(folder, shift)
    assert misses(folder)["pad_rgb_0"].note == "differs where alpha is 255"


def test_a_case_of_an_unknown_kind_is_a_miss(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays.update(moon_phase=np.zeros(3, np.float32)))
    assert "not known" in misses(folder)["moon_phase"].note


def test_a_case_that_cannot_be_computed_is_a_miss_and_the_others_go_on(folder: Path) -> None:
    change_json(folder / "manifest.json", lambda content: content["shapes"].pop("sharing_f1_plain_self.unit"))
    missed = misses(folder)
    assert list(missed) == ["sharing_f1_plain_self"]
    assert "sharing_f1_plain_self.unit" in missed["sharing_f1_plain_self"].note


def test_a_module_without_a_case_is_a_miss(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays.pop("sharing_f1_plain_self"))
    assert set(misses(folder)) == {"sharing_f1_plain_self.attention", "sharing_f1_plain_self.unit"}


def test_a_picture_without_a_result_is_a_miss(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays.pop("pad_rgb_2"))
    assert set(misses(folder)) == {"pad_rgb_in_2"}


def test_a_result_that_is_no_number_is_a_miss(folder: Path) -> None:
    def spoil(arrays: Arrays) -> None:
        arrays["offset_encoder"][:] = np.nan

    change_arrays(folder, spoil)
    assert misses(folder)["offset_encoder"].note == "not all numbers are finite"


def test_a_published_key_of_another_shape_is_a_miss(folder: Path) -> None:
    def widen(content: dict[str, Any]) -> None:
        content["files"]["layer_sd15_joint"]["hookers.layers.3.temporal_i.weight"] = [320, 321]

    change_json(folder / "published_sd15_keys.json", widen)
    assert "hookers.layers.3.temporal_i.weight" in misses(folder)["published_layer_sd15_joint"].note


def test_a_published_unit_in_another_place_is_a_miss(folder: Path) -> None:
    def swap(content: dict[str, Any]) -> None:
        order = content["sharing_unit_order"]
        order["0"], order["1"] = order["1"], order["0"]

    change_json(folder / "published_sd15_keys.json", swap)
    assert misses(folder)["published_unit_order"].error == 2


def test_pictures_and_frames_of_other_sizes_are_found_in_the_folder(folder: Path) -> None:
    def more(arrays: Arrays) -> None:
        grey = np.full((7, 9, 4), 255, np.uint8)
        arrays["pad_rgb_in_17"], arrays["pad_rgb_17"] = grey, np.ones((7, 9, 3), np.float32)
        arrays["vae_feed_17"] = np.ones((1, 3, 7, 9), np.float32)

    change_arrays(folder, more)
    cases = {case.name: case for case in check_vectors(folder)}
    assert cases["pad_rgb_17"].passed
    assert cases["vae_feed_17"].passed


def test_the_doctor_prints_one_line_a_case_and_writes_the_same_figures(folder: Path, tmp_path: Path) -> None:
    result = run_doctor("--vectors", str(folder), "--json", str(tmp_path / "figures.json"))
    figures = json.loads((tmp_path / "figures.json").read_text())
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert figures["passed"] is True
    for case in figures["cases"]:
        (line,) = [line for line in lines if line.split()[:1] == [case["name"]]]
        assert "pass" in line


def test_the_doctor_leaves_with_an_error_code_on_a_miss(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays.update(moon_phase=np.zeros(3, np.float32)))
    result = run_doctor("--vectors", str(folder), "--json", "-")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["passed"] is False


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("manifest.json", None, "manifest.json cannot be read"),
        ("manifest.json", b"{", "manifest.json is no JSON"),
        ("manifest.json", b"[]", "manifest.json holds no JSON object"),
        ("manifest.json", b"{}", "lacks the field 'seed'"),
        ("manifest.json", b'{"seed": 1, "shapes": {"a": 3}}', "field of the wrong kind"),
        ("expected.npz", None, "expected.npz cannot be read"),
        ("expected.npz", b"PK nonsense", "expected.npz is no archive"),
        ("expected.npz", b"", "expected.npz is no archive"),
        ("published_sd15_keys.json", b'{"files": {}}', "lacks the field 'sharing_unit_order'"),
    ],
)
def test_a_malformed_folder_is_one_clear_line(folder: Path, file: str, content: bytes | None, words: str) -> None:
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    result = run_doctor("--vectors", str(folder))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


def test_a_folder_that_is_none_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    with pytest.raises(UnreadableVectorsError, match="cannot be read"):
        check_vectors(tmp_path / "nowhere")
