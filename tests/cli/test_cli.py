"""The command line as a whole."""

from __future__ import annotations

import inspect
import subprocess
import sys

import acetate
import pytest
import typer
from acetate.cli.lazy_group import OWN
from acetate.extensions import COMMANDS, find_extensions


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "acetate", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_version_is_the_packages() -> None:
    assert run("--version").stdout == f"acetate {acetate.__version__}\n"


def test_help_lists_every_command() -> None:
    shown = run("--help").stdout
    assert {"generate", "samplers", "doctor", "train", "evaluate"} <= set(shown.split())
    for name, place in (OWN | find_extensions(COMMANDS)).items():
        loaded = place.load()
        help = loaded.info.help if isinstance(loaded, typer.Typer) else inspect.getdoc(loaded)
        first = name + (help or "").partition("\n\n")[0]
        assert "".join(first.split()) in "".join(shown.split())


@pytest.mark.parametrize(
    ("program", "unneeded"),
    [
        (
            "sys.argv[1:] = ['--help']; acetate.cli.main()",
            {"numpy", "PIL", "pydantic", "rich", "zmq", "acetate.models"},
        ),
        ("import acetate.cli.generate", {"numpy", "PIL", "rich", "acetate.cli.mode_commands", "acetate_lab"}),
    ],
)
def test_a_command_imports_what_it_needs(program: str, unneeded: set[str]) -> None:
    """The help is written from the sources; a layer is requested before what writes it is imported."""
    told = "import atexit, sys, acetate.cli; atexit.register(lambda: print(*sys.modules, file=sys.stderr));"
    answer = subprocess.run([sys.executable, "-c", told + program], capture_output=True, text=True, check=False)
    loaded = set(answer.stderr.split())
    assert "acetate.cli" in loaded
    assert not loaded & {"torch", *unneeded}


def test_help_and_checks_do_not_wait_for_pytorch() -> None:
    program = "import sys, acetate.cli, acetate.pipelines, acetate.models.vocabulary; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"


def test_without_a_command_there_is_help() -> None:
    answer = run()
    assert "generate" in answer.stdout + answer.stderr


def test_a_mistyped_command_is_one_line() -> None:
    answer = run("generat")
    assert answer.returncode == 2
    assert "generat" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_samplers_are_listed_by_artists_names() -> None:
    names = run("samplers").stdout.splitlines()
    assert {"DPM++ 2M Karras", "DPM++ 2M SDE Karras", "Euler a", "DDIM", "UniPC", "Heun"} <= set(names)


def test_the_log_level_is_one_of_four_and_debug_tells_where_a_command_failed() -> None:
    loud = run("--log-level", "loud", "samplers")
    assert loud.returncode == 2
    assert loud.stderr == "acetate: there is no log level 'loud': choose from debug, info, warning, error\n"
    failed = run("--log-level", "debug", "models", "add", "nowhere")
    assert failed.returncode == 2
    assert "acetate.cli: the command failed\nTraceback" in failed.stderr
    assert "Traceback" not in run("models", "add", "nowhere").stderr
