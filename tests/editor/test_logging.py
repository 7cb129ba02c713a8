"""The editor's log and the report of a failed job: what helps is in them, prompts, keys and the home folder are not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from acetate.daemon import config
from acetate_editor import logging as editor_logging
from acetate_editor.jobs import FAILED
from acetate_editor.logging import log_path, report, start_log, stop_log
from acetate_editor.tasks import TaskQueue
from acetate_wire.paths import state_dir
from acetate_wire.redaction import LEFT_OUT

from tests.editor.bare_editor import BareJob

PROMPT = "a secret kite"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of an editor's log, in a home folder of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ACETATE_STATE_DIR", str(tmp_path / "state"))
    start_log("krita")
    yield log_path("krita")
    stop_log()


def fail(message: str) -> list[str]:
    """Run a task that fails; what its handler got."""

    def broken() -> Iterator[None]:
        yield
        raise OSError(message)

    queue, got = TaskQueue(), list[str]()
    queue.add(broken(), lambda error: got.append(str(error)))
    queue.run(1.0)
    return got


def test_the_state_folder_is_the_daemons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for chosen in ("", str(tmp_path)):
        monkeypatch.setenv("ACETATE_STATE_DIR", chosen)
        assert state_dir() == config.state_dir()


def test_an_error_is_written_with_its_traceback_for_this_user_only(log: Path) -> None:
    assert fail("no space") == ["no space"]
    text = log.read_text()
    assert "Traceback" in text and "OSError: no space" in text and "in broken" in text
    assert log.parent.stat().st_mode & 0o077 == 0


def test_the_level_is_the_environments(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("acetate_editor")
    logger.debug("a small thing")
    logger.info("a thing")
    monkeypatch.setenv("ACETATE_LOG_LEVEL", "debug")
    start_log("krita")
    logger.debug("another small thing")
    assert [line.rpartition(": ")[2] for line in log.read_text().splitlines()] == ["a thing", "another small thing"]


def test_the_log_never_grows_over_two_files(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editor_logging, "FILE_BYTES", 2000)
    start_log("krita")
    for number in range(200):
        fail(f"number {number}")
    assert {path.name for path in log.parent.iterdir()} == {"krita.log", "krita.log.1"}
    assert log.stat().st_size < 5000 and "number 199" in log.read_text()


def test_a_folder_that_cannot_be_written_costs_only_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ACETATE_STATE_DIR", str(tmp_path / "file" / "state"))
    start_log("krita")
    assert fail("no space") == ["no space"]
    stop_log()


def test_a_report_says_what_helps_and_leaves_out_what_is_private(log: Path, tmp_path: Path) -> None:
    fail(f"cannot write {tmp_path}/pictures: {PROMPT}")
    job = BareJob("5d02f6a4-a6fb-48e2-bdfa-904767958c5b")
    job.set_state(FAILED, "out_of_memory", f"no memory for {PROMPT}", f"look into {tmp_path}")
    text = report(job, {"Krita": "5.1.5", "Acetate": "0.1.0"}, [PROMPT, "", "red"])
    for needed in ("out_of_memory", "no memory for", "Acetate: 0.1.0", "Krita: 5.1.5", "Traceback", job.id, "Python: "):
        assert needed in text
    assert PROMPT not in text and str(tmp_path) not in text and LEFT_OUT in text and "~/pictures" in text
    assert "(left out)uced" not in text


def test_a_report_without_a_log_is_a_report_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACETATE_STATE_DIR", str(tmp_path))
    job = BareJob("5d02f6a4-a6fb-48e2-bdfa-904767958c5b")
    job.set_state(FAILED, "internal", "it broke")
    assert "it broke" in report(job, {"Blender": "4.5"})
