"""Jobs from Blender: placed by themselves, undone in one step, and never lost."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.blender.editors import Blender
from tests.daemon.harness import Daemon, until

one_release = pytest.mark.parametrize("blender", ("4.5",), indirect=True)


def test_a_finished_layer_stands_before_the_camera_packed_into_the_file(blender: Blender) -> None:
    blender.call("scene.generate", prompt="a kite", seed=7)
    (plane,) = blender.call("scene.planes")
    assert plane["packed"] and plane["size"] == [48, 48] and plane["collection"] == "Acetate"
    assert abs(plane["depth"] - 10) < 1e-4
    made_with = json.loads(plane["made_with"])
    assert made_with["prompt"] == "a kite" and made_with["seed"] == 7


def test_one_undo_takes_all_layers_away_and_one_redo_brings_them_back(blender: Blender) -> None:
    blender.call("scene.push_undo")
    blender.call("scene.generate", prompt="a kite", mode="scene")
    before = blender.call("scene.planes")
    assert len(before) == 3
    blender.call("scene.undo")
    assert blender.call("scene.planes") == []
    blender.call("scene.redo")
    assert blender.call("scene.planes") == before


def test_a_saved_file_shows_its_layers_and_settings_again(blender: Blender, tmp_path: Path) -> None:
    blender.call("scene.generate", prompt="a kite", mode="scene", seed=3)
    before, file = blender.call("scene.planes"), str(tmp_path / "kite.blend")
    blender.call("scene.save", path=file)
    blender.call("scene.fresh")
    assert blender.call("scene.planes") == []
    blender.call("scene.open_file", path=file)
    assert blender.call("scene.planes") == before
    assert [job["state"] for job in blender.call("scene.jobs")] == ["placed"]


@one_release
def test_a_job_of_a_killed_blender_is_offered_when_its_file_is_opened_again(
    blender: Blender, daemon: Daemon, make_blender: Callable[..., Blender], tmp_path: Path
) -> None:
    file = str(tmp_path / "lost.blend")
    first = make_blender("4.5", daemon.environment, home="killed")
    first.call("scene.fresh")
    first.call("scene.ask", prompt="a kite steps=20 pause=0.1")
    first.call("scene.until", state="running")
    first.call("scene.save", path=file)
    first.kill()
    again = make_blender("4.5", daemon.environment, home="killed")
    again.call("scene.open_file", path=file)
    job = again.call("scene.until", state="kept")
    assert again.call("scene.planes") == [], "it is offered, not forced upon the artist"
    again.call("scene.do", operation="place", job=job)
    assert len(again.call("scene.planes")) == 1
    again.close()


@one_release
def test_layers_of_a_file_that_was_never_saved_can_be_fetched(
    blender: Blender, daemon: Daemon, make_blender: Callable[..., Blender]
) -> None:
    first = make_blender("4.5", daemon.environment, home="unsaved")
    first.call("scene.fresh")
    first.call("scene.generate", prompt="a kite")
    first.kill()
    again = make_blender("4.5", daemon.environment, home="unsaved")
    again.call("scene.fresh")
    assert again.call("scene.run", operator="fetch") == ["FINISHED"]
    job = again.call("scene.until", state="kept")
    again.call("scene.do", operation="place", job=job)
    assert len(again.call("scene.planes")) == 1
    assert again.call("scene.orphans") == [], "what is placed is not offered once more"
    again.close()


@one_release
def test_a_file_saved_before_its_first_job_says_what_waits_after_a_crash(
    blender: Blender, daemon: Daemon, make_blender: Callable[..., Blender], tmp_path: Path
) -> None:
    file, keyless = str(tmp_path / "kite.blend"), str(tmp_path / "keyless.blend")
    first = make_blender("4.5", daemon.environment, home="crashed")
    first.call("scene.fresh")
    first.call("scene.save", path=file)
    first.call("scene.save_without_keys", path=keyless)
    for path in (file, keyless):
        first.call("scene.open_file", path=path)
        first.call("scene.generate", prompt="a kite", mode="scene")
        first.call("scene.ask", prompt="a kite steps=20 pause=0.05")
    second = make_blender("4.5", daemon.environment, home="crashed")
    second.call("scene.fresh")
    assert second.call("scene.orphans") == [], "another Blender has them"
    second.call("scene.open_file", path=keyless)
    assert second.call("scene.jobs") == [], "another Blender has this file open"
    first.kill()
    for path in (keyless, file):
        second.call("scene.open_file", path=path)
        second.call("scene.until", state="kept")
        assert second.call("scene.planes") == []
        assert "4 finished layers wait" in second.call("scene.trouble_texts")
        second.call("scene.run", operator="fix", trouble="WAITING")
        assert len(second.call("scene.planes")) == 4
        second.call("scene.save", path=path)
        assert second.call("scene.trouble_texts") == []
    assert second.call("scene.orphans") == []
    second.close()


@one_release
def test_copies_of_files_scenes_and_planes_have_keys_of_their_own(blender: Blender, tmp_path: Path) -> None:
    first, second = str(tmp_path / "first.blend"), str(tmp_path / "second.blend")
    blender.call("scene.generate", prompt="a kite")
    blender.call("scene.save", path=first)
    blender.call("scene.save", path=second)
    made = blender.call("scene.ask", prompt="a kite")
    blender.call("scene.until", state="placed")
    blender.call("scene.save", path=second)
    keys = blender.call("scene.keys")
    blender.call("scene.open_file", path=first)
    assert made not in [job["id"] for job in blender.call("scene.jobs")], "it belongs to the other file"
    assert set(keys) != set(blender.call("scene.keys")) and len(blender.call("scene.planes")) == 1
    blender.call("scene.open_file", path=second)
    assert made in [job["id"] for job in blender.call("scene.jobs")]
    assert blender.call("scene.keys") == keys
    copied = blender.call("scene.full_copy")
    assert len(set(copied["keys"])) == 2 and copied["jobs"] == 0
    assert len(set(copied["marks"])) == len(copied["marks"]) == 5


@one_release
def test_a_daemon_killed_in_mid_job_loses_nothing(blender: Blender, daemon: Daemon) -> None:
    blender.call("scene.ask", prompt="a kite steps=10 pause=0.1")
    blender.call("scene.until", state="running")
    daemon.restart()
    blender.call("scene.until", state="placed")
    assert len(blender.call("scene.planes")) == 1


@one_release
def test_the_daemon_is_started_when_it_is_needed(blender: Blender, daemon: Daemon, tmp_path: Path) -> None:
    daemon.close()
    command = shlex.join([sys.executable, "-m", "acetate.daemon", *daemon.options])
    script = tmp_path / "start.sh"
    script.write_text(f"#!/bin/sh\nPYTHONPATH={daemon.environment['PYTHONPATH']} exec {command}\n")
    script.chmod(0o755)
    until(lambda: blender.call("scene.poll") or blender.call("scene.troubles") == ["DAEMON"], "the trouble")
    blender.call("scene.set_preferences", command=str(script))
    try:
        blender.call("scene.ask", prompt="a kite")
        blender.call("scene.until", state="placed")
        assert "DAEMON" not in blender.call("scene.troubles")
    finally:
        blender.call("scene.set_preferences", command="")
        with daemon.session() as session:
            session.stop()


@one_release
def test_a_cancelled_job_ends_and_can_be_asked_for_again(blender: Blender) -> None:
    blender.call("scene.ask", prompt="a kite steps=200 pause=0.1")
    job = blender.call("scene.until", state="running")
    blender.call("scene.do", operation="cancel", job=job)
    assert blender.call("scene.until", state="cancelled") == job
    assert blender.call("scene.planes") == []
    blender.call("scene.do", operation="retry", job=job)
    again = blender.call("scene.until", state="running")
    blender.call("scene.do", operation="forget", job=again)
    assert blender.call("scene.jobs") == []


@one_release
def test_a_failed_job_says_why_and_retry_asks_for_the_same_pictures(blender: Blender) -> None:
    name = blender.call("pictures.noise", name="Known", width=64, height=48)
    blender.call("scene.ask", prompt="memory=9", mode="refine", layer_from="IMAGE", layer_name=name)
    job = blender.call("scene.until", state="failed")
    assert blender.call("scene.jobs")[0]["message"]
    blender.call("scene.do", operation="retry", job=job)
    assert blender.call("scene.until", state="failed") != job


@one_release
def test_what_would_take_hours_is_drawn_all_the_same_when_it_is_asked_for_again(blender: Blender) -> None:
    name = blender.call("pictures.noise", name="Long", width=64, height=48)
    blender.call("scene.ask", prompt="hours", mode="refine", layer_from="IMAGE", layer_name=name)
    job = blender.call("scene.until", state="failed")
    assert "at least 7 hours" in blender.call("scene.jobs")[0]["message"]
    blender.call("scene.do", operation="retry", job=job)
    assert blender.call("scene.until", state="placed") != job
    assert len(blender.call("scene.planes")) == 1


@one_release
def test_the_report_of_a_failure_says_what_helps_and_not_what_was_to_be_drawn(blender: Blender, daemon: Daemon) -> None:
    blender.call("scene.ask", prompt="fail")
    job = blender.call("scene.until", state="failed")
    report = blender.call("scene.report", job=job)
    for needed in ("internal", "Blender: 4.5", "Acetate: ", "Daemon: ", "sent, text", job):
        assert needed in report
    assert (daemon.state / "blender.log").exists()
    blender.call("scene.do", operation="forget", job=job)


@one_release
def test_what_cannot_be_asked_for_is_refused_in_words(blender: Blender) -> None:
    assert "There is no prompt" in blender.call("scene.refused", prompt=" ")
    assert "There is no picture for Layer" in blender.call("scene.refused", prompt="a kite", mode="refine")
    assert "outside what the camera shows" in blender.call("scene.refused", prompt="a kite", distance=5000.0)
    assert blender.call("scene.jobs") == []


@one_release
def test_a_layer_that_is_saved_need_not_wait_in_the_users_folder_forever(blender: Blender, tmp_path: Path) -> None:
    blender.call("scene.generate", prompt="a kite")
    (job,) = (job["id"] for job in blender.call("scene.jobs"))
    assert job in blender.call("scene.kept_jobs")
    blender.call("scene.save", path=str(tmp_path / "a.blend"))
    blender.call("scene.do", operation="forget", job=job)
    assert job not in blender.call("scene.kept_jobs")
    assert len(blender.call("scene.planes")) == 1
