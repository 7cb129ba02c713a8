"""The extension is built, checked by Blender's own tool, installed with its wheels, enabled and disabled."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acetate.plugin_packaging import blender as packager

from tests.blender import editors
from tests.blender.conftest import EXTENSION_RELEASES, RELEASES
from tests.blender.editors import Blender
from tests.daemon.harness import Daemon


@pytest.fixture(scope="module")
def checker() -> list[str]:
    """Blender's own tool for extensions, as a command."""
    found = packager.extension_tool()
    if found is None:
        (pytest.fail if editors.required() else pytest.skip)(editors.missing(EXTENSION_RELEASES))
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """What `acetate plugins build blender` writes: a package for each platform, and their listing."""
    return packager.build(tmp_path_factory.mktemp("repository"))


def test_every_platform_gets_a_package_that_blender_finds_valid(built: tuple[Path, ...], checker: list[str]) -> None:
    packages = [path for path in built if path.suffix == ".zip"]
    assert len(packages) == len(packager.PLATFORMS)
    for package in packages:
        assert subprocess.run([*checker, str(package)], capture_output=True, check=False).returncode == 0
        names = zipfile.ZipFile(package).namelist()
        assert sum(name.startswith("wheels/pyzmq-") for name in names) == len(packager.PYTHONS)
        assert sum(name.startswith("wheels/msgpack-") for name in names) == len(packager.PYTHONS)


def test_the_folder_of_packages_is_a_repository_that_blender_installs_from(
    built: tuple[Path, ...], checker: list[str], tmp_path: Path
) -> None:
    index, tool = built[-1], checker[:-1]
    listing = json.loads(index.read_text())
    assert all(entry["copyright"] and entry["website"].startswith("https://") for entry in listing["data"])
    place = ["--local-dir", str(tmp_path / "local"), "--remote-url", index.as_uri()]
    by = ["--online-user-agent", "test", "--blender-version", "4.5.0", "--python-version", "3.11.0"]
    _done([*tool, "sync", *place, "--online-user-agent", "test"])
    _done([*tool, "install", *place, *by, "--temp-prefix-and-suffix", "./~", packager.EXTENSION])
    assert (tmp_path / "local" / packager.EXTENSION / packager.MANIFEST).is_file()
    theirs = tmp_path / "theirs"
    shutil.copytree(index.parent, theirs)
    _done([*tool, "server-generate", "--repo-dir", str(theirs)])
    assert _sorted(json.loads((theirs / index.name).read_text())) == _sorted(listing), "Blender itself lists the same"


def _done(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _sorted(listing: dict[str, Any]) -> dict[str, Any]:
    return {**listing, "data": sorted(listing["data"], key=lambda entry: str(entry["archive_url"]))}


@pytest.mark.parametrize("name", RELEASES)
def test_it_is_enabled_disabled_and_enabled_again_without_a_trace_between(
    name: str, daemon: Daemon, make_blender: Callable[..., Blender]
) -> None:
    blender = make_blender(name, daemon.environment)
    on = blender.call("addon.traces")
    assert on["timers"] and on["handlers"] and on["operators"] and on["properties"] and on["panels"]
    assert blender.call("addon.disable") == [False, False]
    off = blender.call("addon.traces")
    assert not (off["timers"] or off["handlers"] or off["operators"] or off["properties"] or off["panels"])
    assert blender.call("addon.enable") == [True, True]
    assert blender.call("addon.traces") == on
    blender.call("scene.fresh")
    assert blender.call("scene.generate", prompt="a kite") == ["a kite"]
    assert blender.call("addon.traces")["threads"] == 1, "no Python thread runs in Blender"
    assert blender.end() == 0, "a timer that is left behind keeps Blender from ending"


@pytest.mark.parametrize("name", EXTENSION_RELEASES)
def test_its_libraries_are_those_that_came_with_it(
    name: str, daemon: Daemon, make_blender: Callable[..., Blender]
) -> None:
    blender = make_blender(name, daemon.environment)
    assert str(blender.home / "extensions" / ".local") in blender.call("addon.traces")["zmq"]
    blender.close()
