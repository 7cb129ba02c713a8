"""`acetate bug-report`: everything that helps, and nothing that is nobody else's business."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import acetate
import pytest
from acetate.daemon.failed_requests import MOST, read_failures, record_failure
from acetate_wire.errors import AcetateError
from acetate_wire.request import Lora, PictureSpec

from tests.daemon.harness import Daemon, a_request

PROMPT = "fail a purple zebrafish"
NEGATIVE = "no umbrellas"
SIDE = 8
PICTURE = b"planted-picture-" * (SIDE * SIDE * 4 // 16)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon below a home folder, with a failed job, a paired machine, and all of that in its log too."""
    made = Daemon(tmp_path / "anna")
    made.environment["HOME"] = str(made.home)
    made.environment["ACETATE_RUNTIME_DIR"] = str(made.home / "r")
    made.runtime = made.home / "r"
    made.start()
    request = a_request(
        PROMPT,
        mode="refine",
        negative=NEGATIVE,
        seed=5,
        loras=(Lora("ink"),),
        inputs={"layer": PictureSpec(0, SIDE, SIDE)},
    )
    with made.session() as session, pytest.raises(AcetateError, match="told to fail"):
        session.run(request, [PICTURE])
    command(made, "jobs")
    command(made, "pair", "studio", "--output", str(made.home / "studio.json"))
    with (made.state / "daemon.log").open("a", encoding="utf-8") as log:
        log.write(f"{PROMPT!r} and {NEGATIVE} in {made.home}/pictures with {' '.join(keys(made))}\n")
    yield made
    made.close()


def command(daemon: Daemon, *arguments: str) -> str:
    """An `acetate` command of the same person."""
    ran = subprocess.run(
        [sys.executable, "-m", "acetate", *arguments],
        env=daemon.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout


def keys(daemon: Daemon) -> list[str]:
    """The secrets on this account."""
    own = list(json.loads((daemon.state / "keys.json").read_text(encoding="utf-8")).values())
    paired = [json.loads(path.read_text(encoding="utf-8"))["public"] for path in (daemon.state / "paired").iterdir()]
    clients = [path.read_text(encoding="utf-8").strip() for path in (daemon.home / "config/clients").iterdir()]
    return own + paired + clients


def report(daemon: Daemon, *options: str) -> dict[str, str]:
    """The files of a report, as texts."""
    path = daemon.home / "report.zip"
    assert str(path) in command(daemon, "bug-report", "-o", str(path), *options)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_a_report_tells_what_helps_and_keeps_prompts_keys_pictures_and_home(daemon: Daemon) -> None:
    files = report(daemon)
    assert files.keys() == {"report.json", "failed.json", "daemon.log", "worker.log"}
    secrets = keys(daemon)
    assert len(secrets) >= 7 and all(len(secret) >= 16 for secret in secrets)
    for name, text in files.items():
        for planted in (PROMPT, "zebrafish", "umbrellas", "planted-picture", str(daemon.home), *secrets):
            assert planted not in text, f"{planted!r} is in {name}"
    told: dict[str, Any] = json.loads(files["report.json"])
    assert told["versions"]["acetate"] == acetate.__version__
    assert {"torch", "pyzmq", "diffusers", "python"} <= told["versions"].keys()
    assert told["daemon"]["running"] and told["daemon"]["pid"] == daemon.pid
    assert told["computer"]["memory"] > 0 and isinstance(told["graphics"]["cards"], list)
    assert told["torch"]["device"]
    assert told["settings"]["environment"]["ACETATE_STATE_DIR"] == "~/state"
    assert "starter" in {model["name"] for model in told["models"]}
    (failed,) = json.loads(files["failed.json"])
    assert failed["request"]["mode"] == "refine" and failed["request"]["seed"] == 5
    assert failed["request"]["prompt"] == failed["request"]["negative"] == "(left out)"
    assert failed["request"]["loras"] == [{"name": "ink", "weight": 1.0}]
    assert failed["outcome"]["code"] == "internal"
    assert "told to fail" in failed["outcome"]["message"]
    assert "listens at ipc://~/r/daemon.sock" in files["daemon.log"]
    assert "RuntimeError: the stand-in was told to fail" in files["worker.log"]


def test_prompts_are_told_where_they_are_asked_for_and_nothing_else_is(daemon: Daemon) -> None:
    files = report(daemon, "--with-prompts")
    (failed,) = json.loads(files["failed.json"])
    assert (failed["request"]["prompt"], failed["request"]["negative"]) == (PROMPT, NEGATIVE)
    assert PROMPT in files["daemon.log"]
    for text in files.values():
        assert not [planted for planted in ("planted-picture", str(daemon.home), *keys(daemon)) if planted in text]


def test_a_report_comes_about_without_a_daemon_and_with_a_damaged_journal(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "anna")
    daemon.environment["HOME"] = str(daemon.home)
    daemon.state.mkdir(parents=True, mode=0o700)
    (daemon.state / "journal.sqlite").write_bytes(b"no journal at all" * 100)
    files = report(daemon)
    assert json.loads(files["report.json"])["daemon"] == {"running": False}
    assert json.loads(files["failed.json"]) == []


def test_the_last_failures_are_noted_and_a_damaged_note_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "failed.json").write_text("{", encoding="utf-8")
    for number in range(MOST + 2):
        record_failure(tmp_path, str(number), {"mode": "text"}, {"code": "internal"})
    assert [entry["id"] for entry in read_failures(tmp_path)] == [str(number) for number in range(2, MOST + 2)]
    assert (tmp_path / "failed.json").stat().st_mode & 0o777 == 0o600
