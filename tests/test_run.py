"""`run.py`, the newcomer's door, with a stand-in for the environment's Python that notes what it is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

DOOR = Path(__file__).parents[1] / "run.py"
STAND_IN = """#!{python}
import pathlib, sys
here = pathlib.Path({folder!r})
with (here / "calls").open("a") as calls:
    print(*sys.argv[1:], file=calls)
if sys.argv[2:4] == ["pip", "install"]:
    sys.exit(int((here / "pip-code").read_text()))
sys.exit(7 if sys.argv[2] == "acetate" else 0)
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script with a #! line")


@dataclass(frozen=True)
class Project:
    """A folder with `run.py`, its two lists, and a ready `.venv` whose Python is the stand-in."""

    folder: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(self.folder / "run.py"), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            # Nothing here may reach for a network, not even what is meant to fail.
            env={**os.environ, "PIP_NO_INDEX": "1"},
        )

    def calls(self) -> list[str]:
        """What the environment's Python has been asked since the last time."""
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def installs(self) -> int:
        return sum("pip install" in call for call in self.calls())

    def let_pip_end_with(self, code: int) -> None:
        (self.folder / "pip-code").write_text(str(code))


def copy_door(folder: Path) -> None:
    """`run.py` with what it reads beside it."""
    (folder / "backend" / "acetate").mkdir(parents=True)
    for name in ("run.py", "torch_builds.toml", "backend/acetate/__init__.py", "backend/acetate/cards.py"):
        shutil.copy(DOOR.parent / name, folder / name)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    copy_door(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("torch==2\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(STAND_IN.format(python=sys.executable, folder=str(tmp_path)))
    python.chmod(0o755)
    project.let_pip_end_with(0)
    return project


def test_the_first_run_installs_the_pinned_versions_and_hands_the_rest_over(project: Project) -> None:
    answer = project.run("generate", "a red apple", "-o", "apple.png")
    calls = project.calls()
    assert any("pip install" in call and f"-c {project.folder / 'constraints.txt'}" in call for call in calls)
    assert calls[-1] == "-m acetate generate a red apple -o apple.png"
    assert "installing Acetate" in answer.stderr


def test_the_commands_exit_code_is_the_doors(project: Project) -> None:
    assert project.run("samplers").returncode == 7


def test_a_second_run_starts_at_once(project: Project) -> None:
    project.run("samplers")
    project.calls()
    answer = project.run("samplers")
    assert project.calls() == ["-m acetate samplers"]
    assert answer.stderr == ""


@pytest.mark.parametrize("list_", ["pyproject.toml", "constraints.txt"])
def test_a_changed_list_is_installed_again(project: Project, list_: str) -> None:
    project.run("samplers")
    project.calls()
    with (project.folder / list_).open("a") as content:
        content.write("# changed\n")
    project.run("samplers")
    assert project.installs() == 1


def test_an_installation_that_did_not_finish_is_taken_up_again(project: Project) -> None:
    project.let_pip_end_with(1)
    answer = project.run("samplers")
    assert answer.returncode == 1
    assert "the installation did not finish" in answer.stderr
    project.let_pip_end_with(0)
    project.calls()
    project.run("samplers")
    assert project.installs() == 1


def test_a_half_made_environment_is_made_anew(project: Project) -> None:
    python = project.folder / ".venv" / "bin" / "python"
    python.write_text("")
    answer = project.run("samplers")
    assert "making a Python environment" in answer.stderr
    assert python.stat().st_size > 0


def test_tests_bring_their_own_tools_and_later_commands_keep_them(project: Project) -> None:
    project.run("samplers")
    project.calls()
    project.run("test", "-k", "apple")
    calls = project.calls()
    assert any("[dev]" in call for call in calls)
    assert calls[-1] == "-m pytest -k apple"
    project.run("samplers")
    assert project.installs() == 0
    (project.folder / "constraints.txt").write_text("torch==3\n")
    project.run("samplers")
    assert any("[dev]" in call for call in project.calls())


def test_training_brings_what_it_needs(project: Project) -> None:
    project.run("train", "starter")
    assert any("[train]" in call for call in project.calls())


def test_an_old_python_is_told_which_one_is_needed(project: Project) -> None:
    program = "import sys; sys.version_info = (3, 9, 2); import run; sys.exit(run.main(['samplers']))"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=project.folder
    )
    assert answer.returncode == 1
    assert "this is Python 3.9, but 3.11 or newer is needed" in answer.stderr
