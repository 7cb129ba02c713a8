#!/usr/bin/env python3
"""The door to Acetate: makes its Python environment where it is missing, then hands over to the `acetate` command.

    python3 run.py generate "a red apple" -o apple.png
    python3 run.py test [arguments for pytest]
    python3 run.py check

Needs nothing but Python. The first run installs everything into the folder `.venv` beside this file; later ones
start at once, and install again only when the list of what is needed has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "acetate-installed.json"
LOG = VENV / "acetate-install.log"

EXTRAS = {"test": {"dev"}, "check": {"dev"}, "train": {"train"}, "evaluate": {"train"}}
"""What a task needs beside the plain installation, by the extras of pyproject.toml."""
CHECKS = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))


class InstallError(Exception):
    """The environment could not be made; the message says why and what to do."""


def say(message: str) -> None:
    """Tell the person what is going on, apart from the command's own output."""
    print(f"Acetate: {message}", file=sys.stderr, flush=True)


def fingerprint() -> str:
    """A digest of everything that decides what is installed: the two lists, this folder, and this Python."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    digest.update(f"{ROOT}\n{sysconfig.get_python_version()}".encode())
    return digest.hexdigest()


def installed_extras() -> set[str] | None:
    """The extras that the last finished installation brought; None when it is missing or out of date."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        current = stamp["fingerprint"] == fingerprint() and PYTHON.exists()
        return set(stamp["extras"]) if current else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def former_extras() -> set[str]:
    """What an earlier installation, however old, had been asked for: an update keeps it."""
    try:
        return set(json.loads(STAMP.read_text(encoding="utf-8"))["extras"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


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


def install(extras: set[str]) -> None:
    """Install Acetate with the tested versions of what it needs; the stamp is written only when all is done."""
    make_environment()
    wanted = f"{ROOT}[{','.join(sorted(extras))}]" if extras else str(ROOT)
    constraints = str(ROOT / "constraints.txt")
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar", "off", "-c", constraints, "-e", wanted]
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
    fresh.write_text(json.dumps({"fingerprint": fingerprint(), "extras": sorted(extras)}) + "\n", encoding="utf-8")
    fresh.replace(STAMP)


def prepare(needed: set[str]) -> None:
    """Make sure that this version of Acetate and the `needed` extras are installed."""
    present = installed_extras()
    if present is None or not needed <= present:
        install(needed | former_extras())


def hand_over(command: list[str]) -> int:
    """Run in place of this program where the system can, so that signals reach the command itself."""
    # Computing threads that wait let other programs run; spinning ones are many times slower beside a busy one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if os.name != "nt":
        os.execv(command[0], command)
    return subprocess.call(command)


def main(arguments: list[str]) -> int:
    if sys.version_info < OLDEST_PYTHON:
        wanted, found = (".".join(map(str, version[:2])) for version in (OLDEST_PYTHON, sys.version_info))
        say(f"this is Python {found}, but {wanted} or newer is needed: install it from https://www.python.org")
        return 1
    task = arguments[0] if arguments else "--help"
    try:
        prepare(EXTRAS.get(task, set()))
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
        return max(subprocess.call([str(PYTHON), "-m", *check], cwd=ROOT) for check in CHECKS)
    return hand_over([str(PYTHON), "-m", "acetate", *(arguments or ["--help"])])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
