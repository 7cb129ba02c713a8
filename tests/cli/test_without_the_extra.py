"""An environment without the extra `train`: what needs it says how to install it, the rest works."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from importlib.metadata import distribution
from pathlib import Path

import pytest
from acetate.extensions import modules_of_extra
from PIL import Image, ImageDraw


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with all that this one has, but for what the extra brings."""
    folder = tmp_path_factory.mktemp("plain")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    paths = sysconfig.get_paths("venv", {"base": str(folder), "installed_base": str(folder)})
    absent = modules_of_extra("train")
    absent |= {Path(str(file)).parts[0] for name in absent for file in distribution(name).files or ()}
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.name not in absent:
            (Path(paths["purelib"]) / entry.name).symlink_to(entry)
    return Path(paths["scripts"]) / "python"


def run(python: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "acetate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_extra_brings_what_training_and_measuring_import() -> None:
    assert modules_of_extra("train") == {"pymatting", "resvg_py", "tensorboard"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "missing"),
    [
        (("train", "starter", "--runs", "runs"), "resvg_py"),
        (("train", "text", "settings.toml"), "tensorboard"),
        (("evaluate", "cutout"), "pymatting"),
    ],
)
def test_a_command_that_needs_it_says_in_one_line_how_to_install_it(
    python: Path, command: tuple[str, ...], missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = run(python, *command)
    assert answer.returncode == 1
    begin, _, way = answer.stderr.partition(": ")[2].partition(": ")
    assert answer.stderr.startswith("acetate: ") and answer.stderr.count("\n") == 1
    assert begin.startswith(f"{missing} is missing")
    assert way == f"{python} -m pip install 'acetate[train]'\n"


def test_commands_that_do_not_need_it_and_every_help_work(python: Path, tmp_path: Path) -> None:
    for command in (("train", "starter"), ("evaluate", "cutout"), ("study",)):
        assert run(python, *command, "--help").returncode == 0
    picture = Image.new("RGBA", (100, 100))
    ImageDraw.Draw(picture).ellipse((15, 15, 85, 85), "red")
    picture.save(tmp_path / "disc.png")
    built = run(python, "data", "build", tmp_path / "data", tmp_path / "disc.png")
    assert built.returncode == 0, built.stderr
    assert "1 pictures added" in built.stdout
