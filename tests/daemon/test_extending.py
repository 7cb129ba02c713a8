"""The package of docs/extending.md, installed as pip installs it: its family and its engine draw."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from tests.daemon.harness import ROOT, Daemon, a_request


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages that holds the page's own."""
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    files = re.findall(r"`([\w.]+)`:\n\n((?: {4}.*\n|\n)+)", page)
    assert [name for name, _ in files] == ["pyproject.toml", "acetate_ink.py"]
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for name, text in files:
        (source / name).write_text(dedent(text), encoding="utf-8")
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", str(site), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return site


def start(daemon: Daemon, site: Path) -> Daemon:
    daemon.environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{site}"
    return daemon.start()


def test_an_installed_engine_draws(make_daemon: Callable[..., Daemon], site: Path) -> None:
    daemon = start(make_daemon(engine="wash"), site)
    with daemon.session() as session:
        assert [model["name"] for model in session.welcome.models] == ["wash"]
        layer = session.run(a_request(width=4, height=6, model="wash")).layers[0].picture
    alpha = np.frombuffer(layer.pixels, np.uint8).reshape(6, 4, 4)[..., 3]
    assert alpha[:, 0].tolist() == [255, 204, 153, 102, 51, 0]


@pytest.mark.slow
def test_a_model_of_an_installed_family_is_recognised_and_draws(
    make_daemon: Callable[..., Daemon], site: Path, tiny_starter: Path, tmp_path: Path
) -> None:
    model = shutil.copytree(tiny_starter, tmp_path / "models/base/inky")
    (model / "model_index.json").write_text(json.dumps({"_class_name": "InkPipeline"}), encoding="utf-8")
    daemon = make_daemon(engine="diffusion")
    daemon.environment["ACETATE_MODELS_DIR"] = str(tmp_path / "models")
    start(daemon, site)
    with daemon.session() as session:
        known = {entry["name"]: entry for entry in session.welcome.models}
        assert known["inky"]["family"] == "ink"
        assert known["inky"]["modes"] == ["text"]
        assert {"starter", "sd15", "sdxl", "sdxl-conv"} < known.keys()
        done = session.run(a_request("a cat", width=64, height=64, model="inky", seed=3))
    assert len(done.layers[0].picture.pixels) == 64 * 64 * 4
    assert done.settings["layers"][0]["steps"] == 4


def test_a_package_that_cannot_be_imported_leaves_the_others_usable(tmp_path: Path) -> None:
    folder = tmp_path / "broken-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n", encoding="utf-8")
    entries = "[acetate.families]\nbroken = nowhere_at_all:FAMILY\nsd15 = nowhere_at_all:FAMILY\n"
    (folder / "entry_points.txt").write_text(entries, encoding="utf-8")
    program = "from acetate.models.families import families; print(*families())"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["starter", "sd15", "klein", "qwen-layered", "sdxl", "qwen-image-2.1"]
    assert "broken = nowhere_at_all:FAMILY (acetate.families) of broken cannot be loaded" in answer.stderr
    assert "sd15 = nowhere_at_all:FAMILY (acetate.families) of broken is left out: the name is taken" in answer.stderr


def test_an_engine_that_is_not_installed_is_refused_with_those_that_are(make_daemon: Callable[..., Daemon]) -> None:
    process = make_daemon(engine="watercolour").spawn()
    assert process.wait(30) == 2
    assert process.stderr is not None
    reason = process.stderr.read().decode()
    process.stderr.close()
    assert "there is no engine 'watercolour'" in reason
    assert "choose from diffusion" in reason
