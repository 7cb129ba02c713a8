"""The script of docs/blender.md does what it says, as it is printed there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.blender.editors import ROOT, Blender
from tests.daemon.harness import Daemon

MOST_LINES = 10


def printed_script() -> str:
    """The first Python script of the documentation that saves a file."""
    scripts = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "blender.md").read_text("utf-8"), re.DOTALL)
    (script,) = [text for text in scripts if "save_as_mainfile" in text]
    return str(script)


@pytest.mark.slow
def test_the_printed_script_makes_layers_without_a_window(
    daemon: Daemon, make_blender: Callable[..., Blender], tmp_path: Path
) -> None:
    script = tmp_path / "make_layers.py"
    script.write_text(printed_script())
    assert len(script.read_text().splitlines()) <= MOST_LINES
    prepared = make_blender("3.4", daemon.environment)
    prepared.close()
    command = [*prepared.release.command, "-b", "--python-exit-code", "3", "--python", str(script)]
    done = subprocess.run(
        command, env={**os.environ, **prepared.environment}, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "layers.blend").is_file()
    assert re.search(r"^a red apple 8\.0\d*\n?a green hill 40\.0", done.stdout, re.MULTILINE)
