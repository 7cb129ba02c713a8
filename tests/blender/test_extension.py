"""The extension is built, checked by Blender's own tool, installed with its wheels, enabled and disabled."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from acetate.plugin_packaging import blender as packager

from tests.blender import editors
from tests.blender.conftest import EXTENSION_RELEASES, RELEASES
from tests.blender.editors import Blender
from tests.daemon.harness import Daemon


def test_every_platform_gets_a_package_that_blender_finds_valid(tmp_path: Path) -> None:
    checker = packager.extension_tool()
    if checker is None:
        (pytest.fail if editors.required() else pytest.skip)(editors.missing(EXTENSION_RELEASES))
    packages = packager.build(tmp_path)
    assert len(packages) == len(packager.PLATFORMS)
    for package in packages:
        assert subprocess.run([*checker, str(package)], capture_output=True, check=False).returncode == 0
        names = zipfile.ZipFile(package).namelist()
        assert sum(name.startswith("wheels/pyzmq-") for name in names) == len(packager.PYTHONS)
        assert sum(name.startswith("wheels/msgpack-") for name in names) == len(packager.PYTHONS)


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
