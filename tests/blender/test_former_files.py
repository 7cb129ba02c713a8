"""What the add-on of commit 2479525 wrote into its folder and into .blend files is read as if it were today's."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.blender.editors import Blender
from tests.daemon.harness import ROOT, until

FORMER = ROOT / "tests" / "editor" / "former" / "blender"
RUNNING, CANCELLED, PLACED = (
    "0f5d7f24-1a33-4302-bdac-f3d807c431b4",
    "5d02f6a4-a6fb-48e2-bdfa-904767958c5b",
    "6b6b073c-205a-42dd-b671-6d483cd721be",
)


def state_of(blender: Blender, job: str) -> str:
    """How a job of the scene stands."""
    return str(next(each["state"] for each in blender.call("scene.jobs") if each["id"] == job))


@pytest.mark.parametrize("blender", ("4.5",), indirect=True)
@pytest.mark.parametrize("with_file", (True, False))
def test_former_jobs_and_layers_are_there(blender: Blender, tmp_path: Path, with_file: bool) -> None:
    file = tmp_path / "picture.blend"
    file.write_bytes(gzip.decompress((FORMER / "picture.blend.gz").read_bytes()))
    blender.call("scene.put_jobs", folder=str(FORMER / "jobs"))
    if with_file:
        blender.call("scene.open_file", path=str(file))
    else:
        assert blender.call("scene.run", operator="fetch") == ["FINISHED"]
    states = {job["id"]: job["state"] for job in blender.call("scene.jobs")}
    assert states[RUNNING] == "waiting"
    assert states.get(PLACED) == ("placed" if with_file else None), "a saved file holds these layers"
    assert states.get(CANCELLED) == ("cancelled" if with_file else None)
    until(lambda: blender.call("scene.poll", times=3) or state_of(blender, RUNNING) == "lost", "the daemon's answer")
    before = len(blender.call("scene.planes"))
    assert before == (3 if with_file else 0)
    blender.call("scene.do", operation="place", job=PLACED)
    planes = blender.call("scene.planes")
    assert len(planes) == before + 3
    assert {plane["role"] for plane in planes} == {"background", "foreground", "blend"}
    blender.call("scene.do", operation="forget", job=PLACED)
    assert PLACED not in blender.call("scene.kept_jobs")
