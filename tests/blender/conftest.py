"""Blenders with the add-on, each started once and shared; a daemon with the stand-in engine for all of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from acetate.plugin_packaging import blender as packager

from tests.blender import editors
from tests.blender.editors import Blender
from tests.daemon.harness import Daemon
from tests.models.tiny_native import write_qwen_layered

EXTENSION_RELEASES = ("4.5", "5.0", "5.2")
RELEASES = ("3.4", *EXTENSION_RELEASES)
STARTER = "tests.pipelines.small_native_engine:Small"


def _release(name: str) -> editors.Release:
    found = editors.release(name)
    if found is None:
        (pytest.fail if editors.required() else pytest.skip)(editors.missing((name,)))
    return found


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="ac-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def package(scratch: Path) -> Path:
    """The extension for this machine."""
    return packager.build_for(packager.this_platform(), scratch)


@pytest.fixture(scope="session")
def stand_in(scratch: Path) -> Iterator[Daemon]:
    """A running daemon whose engine does what the prompt says."""
    daemon = Daemon(scratch / "d")
    yield daemon
    daemon.close()


@pytest.fixture(scope="session")
def starter(scratch: Path) -> Iterator[Daemon]:
    """A running daemon with the starter model, and a tiny transformer that splits pictures."""
    daemon = Daemon(scratch / "s", engine=STARTER)
    daemon.environment["ACETATE_MODELS_DIR"] = str(scratch / "models")
    write_qwen_layered(scratch / "models/base/tiny-layered")
    yield daemon.start()
    daemon.close()


@pytest.fixture
def daemon(stand_in: Daemon) -> Daemon:
    """The shared daemon, running."""
    return stand_in if stand_in.alive else stand_in.start()


@pytest.fixture(scope="session")
def make_blender(scratch: Path, package: Path) -> Iterator[Callable[..., Blender]]:
    """Starts a Blender of a release with the add-on installed as an artist does it."""
    made: list[Blender] = []

    def make(name: str, environment: dict[str, str], display: str = "", home: str = "", **options: Any) -> Blender:
        blender = Blender(_release(name), scratch / (home or f"b{len(made)}"), environment, display, **options)
        made.append(blender)
        new = not (blender.home / "scripts").exists()
        if new and blender.release.is_legacy:
            _install_legacy(blender)
        blender.start()
        if not blender.release.is_legacy and new:
            assert blender.call("addon.install", package=str(package)) == [True, True]
        elif not blender.call("addon.state")[1]:
            blender.call("addon.enable")
        return blender

    yield make
    for blender in made:
        blender.close()


def _install_legacy(blender: Blender) -> None:
    before = dict(os.environ)
    os.environ.update(blender.environment)
    try:
        blender.home.mkdir(parents=True, exist_ok=True)
        packager.install_legacy(packager.find_blender())
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def _blenders() -> dict[str, Blender]:
    return {}


@pytest.fixture(params=RELEASES)
def blender(
    request: pytest.FixtureRequest,
    daemon: Daemon,
    make_blender: Callable[..., Blender],
    _blenders: dict[str, Blender],
) -> Blender:
    """A Blender of each release without a window, in a fresh scene of 64 x 48 pixels."""
    name = str(request.param)
    if name in _blenders and _blenders[name].hangs:
        _blenders[name].kill()
    if name not in _blenders or not _blenders[name].runs:
        _blenders[name] = make_blender(name, daemon.environment, home=f"b-{name}")
    _blenders[name].call("scene.fresh", width=64, height=48)
    return _blenders[name]
