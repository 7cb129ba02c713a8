"""The wire's tests, and the editors' that need no daemon, on every Python here, with nothing but zmq and msgpack."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WANTED = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
WITHOUT_A_DAEMON = ("tests/editor/test_tasks.py", "tests/editor/test_result_store.py")
MAKER = re.compile(r"^(import|from) +([\w.]+)", re.MULTILINE)


def pythons() -> dict[str, str]:
    """The interpreters by version: pyenv's and those on the path, this one's apart."""
    found: dict[str, str] = {}
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for folder in sorted(pyenv.glob("3.*")) if pyenv.is_dir() else ():
        version = ".".join(folder.name.split(".")[:2])
        if (folder / "bin" / "python").exists():
            found[version] = str(folder / "bin" / "python")
    for version in WANTED:
        path = shutil.which(f"python{version}")
        if path and "shims" not in path:
            found.setdefault(version, path)
    mine = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return {version: path for version, path in found.items() if version in WANTED and version != mine}


FOUND = pythons()


def test_the_wire_imports_only_the_standard_library_zmq_and_msgpack() -> None:
    allowed = {"zmq", "msgpack", ""} | sys.stdlib_module_names
    for path in (ROOT / "shared" / "acetate_wire").glob("*.py"):
        names = {match[1].split(".")[0] for match in MAKER.findall(path.read_text())}
        assert names <= allowed, path.name


def test_what_the_editors_share_imports_only_the_standard_library_and_the_wire() -> None:
    allowed = {"acetate_wire", ""} | sys.stdlib_module_names
    for path in (ROOT / "shared" / "acetate_editor").glob("*.py"):
        names = {match[1].split(".")[0] for match in MAKER.findall(path.read_text())}
        assert names <= allowed and "threading" not in names, path.name


@pytest.mark.parametrize("version", FOUND)
def test_the_wires_tests_pass_on_python(version: str, request: pytest.FixtureRequest) -> None:
    cache = getattr(request.config, "cache", None)
    assert cache is not None
    place = Path(cache.mkdir(f"python-{version}"))
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    ready = place / "ready"
    if not ready.exists():
        subprocess.run([FOUND[version], "-m", "venv", "--clear", str(place)], check=True)
        install = [str(python), "-m", "pip", "install", "-q", "pyzmq", "msgpack", "pytest"]
        done = subprocess.run(install, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        ready.touch()
    options = ["-q", "-p", "no:cacheprovider", "--noconftest", "-o", "addopts=", "--ignore", __file__]
    tests = subprocess.run(
        [str(python), "-m", "pytest", *options, "tests/wire", *WITHOUT_A_DAEMON],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "shared")},
        capture_output=True,
        text=True,
    )
    assert tests.returncode == 0, tests.stdout[-3000:] + tests.stderr[-1000:]
