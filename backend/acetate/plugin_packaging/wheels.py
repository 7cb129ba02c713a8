"""Wheels of the compiled libraries that a plug-in carries, fetched once and kept in the user's cache."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import platformdirs
from acetate_wire.errors import AcetateError

log = logging.getLogger("acetate.plugins")


def fetch(requirements: Sequence[str], python: str, tags: Sequence[str]) -> tuple[Path, ...]:
    """The wheels of pinned `requirements` (`name==version`) for a Python (`3.11`) on a platform (its wheel `tags`).

    Raises AcetateError when pip or the network is missing.
    """
    folder = Path(platformdirs.user_cache_dir("acetate", appauthor=False)) / "wheels" / f"{python}-{tags[0]}"
    missing = [requirement for requirement in requirements if _kept(folder, requirement) is None]
    if missing:
        _download(missing, python, tags, folder)
    found = [_kept(folder, requirement) for requirement in requirements]
    return tuple(path for path in found if path is not None)


def unpack(wheels: Iterable[Path], folder: Path) -> None:
    """Unpack wheels side by side, as pip's `--target` does."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)


def _kept(folder: Path, requirement: str) -> Path | None:
    name, _, version = requirement.partition("==")
    return next(folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"), None)


def _download(requirements: Sequence[str], python: str, tags: Sequence[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--python-version", python, "--dest", str(folder)]
    command += [word for tag in tags for word in ("--platform", tag)]
    log.info("fetching %s for Python %s on %s", ", ".join(requirements), python, tags[0])
    ran = subprocess.run(
        [*command, *requirements],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PIP_NO_INPUT": "1"},
    )
    if ran.returncode != 0:
        lines = [line for line in ran.stderr.splitlines() if "ERROR" in line] or ["no reason given"]
        raise AcetateError(
            "internal",
            f"{' and '.join(requirements)} for Python {python} could not be fetched ({lines[0]})",
            hint="see that this computer reaches PyPI, and run the same command again",
            retry=True,
        )
