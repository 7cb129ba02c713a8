#!/usr/bin/env python3
"""The door to Acetate: makes its Python environment where it is missing, then hands over to the `acetate` command.

    python3 run.py generate "a red apple" -o apple.png
    python3 run.py test [arguments for pytest]
    python3 run.py check

Needs nothing but Python. The first run installs everything into the folder `.venv` beside this file; later ones
start at once, and install again only when the list of what is needed has changed. PyTorch is the build for the graphics
card that is found; `--torch cuda|rocm|xpu|cpu` before the command chooses another, for this run and later ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "backend"))

from acetate import cards  # noqa: E402  # part of this folder, not installed yet

OLDEST_PYTHON = (3, 11)
VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "acetate-installed.json"
LOG = VENV / "acetate-install.log"

EXTRAS = {"test": {"dev"}, "check": {"dev"}, "train": {"train"}, "evaluate": {"train"}}
"""What a task needs beside the plain installation, by the extras of pyproject.toml."""
AGAIN = "python3 run.py --torch"
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
    ("python", ".ci/words.py"),
)


class InstallError(Exception):
    """The environment could not be made; the message says why and what to do."""


def say(message: str) -> None:
    """Tell the person what is going on, apart from the command's own output."""
    print(f"Acetate: {message}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Choice:
    """A build of PyTorch: its name (`plain` is PyPI's own), where pip finds it besides PyPI, and who chose it."""

    build: str
    index: str = ""
    asked: bool = False


def choose_torch(asked: str | None) -> Choice:
    """The build to install: what was asked for, now or the last time, else what fits the card.

    PyPI's own wheel is taken wherever it can use the card, and where there is none: it needs no further host.
    """
    import tomllib

    indexes = tomllib.loads((ROOT / "torch_builds.toml").read_text(encoding="utf-8"))["index"]
    former = stamp()
    if asked is None and former.get("asked") and former.get("torch") in indexes:
        asked = former["torch"]
    if asked is not None:
        if asked not in indexes:
            raise InstallError(f"there is no build {asked!r} of PyTorch: choose from {', '.join(sorted(indexes))}")
        return Choice(asked, indexes[asked], asked=True)
    plain = cards.build_of("", sys.platform, platform.machine())
    fitting = [card.build for card in cards.find_cards() if card.build]
    if not fitting or plain in fitting:
        return Choice("plain")
    return Choice(fitting[0], indexes[fitting[0]])


def build_here() -> str:
    """Which build of PyTorch is in the environment, empty where there is none."""
    place = Path(sysconfig.get_path("purelib", "venv", {"base": str(VENV), "installed_base": str(VENV)}))
    versions = [path.name.split("-")[1].removesuffix(".dist") for path in place.glob("torch-*.dist-info")]
    return cards.build_of(versions[0], sys.platform, platform.machine()) if versions else ""


def warn_of_unused_cards(choice: Choice) -> None:
    """Say so when there is a card that the installed PyTorch cannot use, unless that was asked for."""
    build = build_here()
    if build and not choice.asked and (advice := cards.unused(cards.find_cards(), build)):
        say(advice)


def fingerprint(choice: Choice) -> str:
    """A digest of everything that decides what is installed: the two lists, PyTorch, this folder, and this Python."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    digest.update(f"{choice.build} {choice.index}\n{ROOT}\n{sysconfig.get_python_version()}".encode())
    return digest.hexdigest()


def stamp() -> dict[str, Any]:
    """What the last finished installation left, however old; empty where there is none."""
    try:
        content = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and isinstance(content.get("extras"), list) else {}


def installed_extras(choice: Choice) -> set[str] | None:
    """The extras that the last finished installation brought; None when it is missing or out of date."""
    last = stamp()
    current = last.get("fingerprint") == fingerprint(choice) and PYTHON.exists()
    return set(last["extras"]) if current else None


def make_environment() -> None:
    """Make `.venv`, or make it anew when an interrupted run or a removed Python left it unusable."""
    if PYTHON.exists():
        try:
            works = subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False)
        except OSError:
            works = None
        if works is not None and works.returncode == 0:
            return
    say(f"making a Python environment in {VENV}")
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        hint = " (on Debian and Ubuntu: sudo apt install python3-venv)" if sys.platform == "linux" else ""
        lines = (made.stdout + made.stderr).strip().splitlines() or ["no reason given"]
        raise InstallError(f"Python could not make an environment{hint}: {lines[-1]}")


def install(extras: set[str], choice: Choice) -> None:
    """Install Acetate with the tested versions of what it needs; the stamp is written only when all is done."""
    make_environment()
    if choice.index:
        say(f"PyTorch is the build for {cards.BUILDS.get(choice.build, 'the processor')}, from {choice.index}")
    present = build_here()
    changed = present != choice.build if choice.index else stamp().get("torch", "plain") != "plain"
    if present and changed:
        # pip takes any build of the right version for the wanted one.
        subprocess.run([str(PYTHON), "-m", "pip", "uninstall", "--yes", "torch"], capture_output=True, check=False)
    wanted = f"{ROOT}[{','.join(sorted(extras))}]" if extras else str(ROOT)
    constraints = str(ROOT / "constraints.txt")
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar", "off", "-c", constraints, "-e", wanted]
    # Of one version pip prefers the build with a name behind a plus, so PyPI's is what is left when this host is not
    # reached.
    command += ["--extra-index-url", choice.index] if choice.index else []
    say("installing Acetate and the libraries it needs (a few minutes; only now and after updates)")
    with LOG.open("w", encoding="utf-8") as log:
        pip = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", cwd=ROOT
        )
        for line in pip.stdout or ():
            log.write(line)
            news = line.strip()
            if news.startswith(("Downloading ", "Using cached ", "Installing collected ", "ERROR")):
                print(f"  {news[:110]}", file=sys.stderr, flush=True)
    if pip.wait() != 0:
        raise InstallError(f"the installation did not finish; its whole report is in {LOG}")
    fresh = STAMP.with_suffix(".new")
    told = {"fingerprint": fingerprint(choice), "extras": sorted(extras), "torch": choice.build, "asked": choice.asked}
    fresh.write_text(json.dumps(told) + "\n", encoding="utf-8")
    fresh.replace(STAMP)
    if choice.index and build_here() != choice.build:
        say(f"{choice.index} did not give that build, so PyTorch is PyPI's own; to try again: {AGAIN} {choice.build}")


def prepare(needed: set[str], asked: str | None = None) -> None:
    """Make sure that this version of Acetate, the `needed` extras and the right build of PyTorch are installed."""
    choice = choose_torch(asked)
    present = installed_extras(choice)
    if present is None or not needed <= present or asked not in (None, build_here()):
        install(needed | set(stamp().get("extras", ())), choice)
    warn_of_unused_cards(choice)


def hand_over(command: list[str]) -> int:
    """Run in place of this program where the system can, so that signals reach the command itself."""
    # Computing threads that wait let other programs run; spinning ones are many times slower beside a busy one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if os.name != "nt":
        os.execv(command[0], command)
    return subprocess.call(command)


def main(arguments: list[str]) -> int:
    """Prepare the environment and run the command. Returns the exit code."""
    if sys.version_info < OLDEST_PYTHON:
        wanted, found = (".".join(map(str, version[:2])) for version in (OLDEST_PYTHON, sys.version_info))
        say(f"this is Python {found}, but {wanted} or newer is needed: install it from https://www.python.org")
        return 1
    asked = None
    if arguments[:1] == ["--torch"]:
        asked, arguments = (arguments[1] if len(arguments) > 1 else ""), arguments[2:]
    task = arguments[0] if arguments else "--help"
    try:
        prepare(EXTRAS.get(task, set()), asked)
    except InstallError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopped; the next run goes on from here")
        return 130
    if task == "test":
        os.chdir(ROOT)
        return hand_over([str(PYTHON), "-m", "pytest", *arguments[1:]])
    if task == "check":
        return max(subprocess.call([str(SCRIPTS / check[0]), *check[1:]], cwd=ROOT) for check in CHECKS)
    return hand_over([str(PYTHON), "-m", "acetate", *(arguments or ["--help"])])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
