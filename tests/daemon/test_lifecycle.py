"""The daemon as a process: quick, small, alone, and gone when nobody needs it."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from acetate_wire import launch
from acetate_wire.blocking import BlockingClient
from acetate_wire.errors import AcetateError
from acetate_wire.events import Cancelled, Progress

from tests.daemon.harness import PATIENCE_S, ROOT, Daemon, a_request, until


def test_the_daemon_loads_no_framework(daemon: Daemon) -> None:
    with daemon.session() as session:
        session.run(a_request())
    loaded = [entry.path for entry in psutil.Process(daemon.pid).memory_maps()]
    assert not [path for path in loaded if "libtorch" in path or "numpy" in path]


def test_importing_the_daemon_imports_no_framework() -> None:
    code = "import sys, acetate.daemon.run, acetate.worker.diffusion_engine as s; "
    code += "s.DiffusionEngine.models(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "diffusers", "transformers"} & set(done.stdout.split())


def test_an_idle_daemon_is_small(daemon: Daemon) -> None:
    with daemon.session() as session:
        session.run(a_request(width=2048, height=2048))
    assert daemon.memory < 80 << 20


def test_a_second_daemon_leaves_the_first_alone(daemon: Daemon) -> None:
    second = daemon.spawn()
    _, complaint = second.communicate(timeout=30)
    assert second.returncode == 0 and complaint == b""
    with daemon.session() as session:
        assert session.status()["pid"] == daemon.pid


def test_a_daemon_without_clients_ends_by_itself(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon(idle_exit_s=0.5).start()
    until(lambda: not daemon.alive, "the daemon to end")
    assert daemon.process is not None and daemon.process.returncode == 0
    assert daemon.connection_or_none() is None


def test_a_daemon_with_work_does_not_end(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon(idle_exit_s=0.5).start()
    with daemon.session() as session:
        session.submit(a_request("steps=30 pause=0.05"))
    time.sleep(1)
    assert daemon.alive


def test_stop_ends_the_daemon_and_its_jobs_go_on_later(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    with daemon.session() as session:
        job = session.submit(a_request("steps=20 pause=0.05", seed=4))
        assert session.stop()["waiting"] == 1
    until(lambda: not daemon.alive, "the daemon to end")
    daemon.start()
    with daemon.session() as session:
        assert session.attach(job).seed == 4


def test_a_job_cancelled_right_before_the_daemon_ends_stays_cancelled(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    editor = daemon.editor()
    job = editor.client.submit(a_request("hang=600"))
    editor.wait(Progress, job)
    editor.client.cancel(job)
    editor.wait(Cancelled, job)
    editor.client.close()
    daemon.close()
    daemon.start()
    with daemon.session() as session:
        assert session.status()["jobs"] == {"cancelled": 1}


class OlderDaemon(Daemon):
    """A daemon that was started before its package was updated."""

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it, with an older version in its memory."""
        code = "import runpy, acetate; acetate.__version__ = '0.0.9'; "
        code += "runpy.run_module('acetate.daemon', run_name='__main__', alter_sys=True)"
        command = [sys.executable, "-c", code, *self.options]
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, cwd=ROOT)


def test_a_daemon_whose_package_was_updated_leaves_its_job_to_the_new_one(
    home: Path, make_daemon: Callable[..., Daemon]
) -> None:
    older = OlderDaemon(home)
    older.start()
    assert older.process is not None
    with older.session() as session:
        job = session.submit(a_request("steps=3", seed=5))
    assert older.process.wait(PATIENCE_S) == 0
    older.close()
    assert "this daemon ends, the next one is of the new version" in (older.state / "daemon.log").read_text("utf-8")
    with contextlib.closing(sqlite3.connect(older.state / "journal.sqlite")) as journal:
        assert journal.execute("SELECT state, attempts, deaths FROM job").fetchall() == [("waiting", 0, 0)]
    newer = make_daemon().start()
    with newer.session() as session:
        assert session.attach(job).seed == 5


def test_a_session_starts_the_daemon_that_is_not_there(
    make_daemon: Callable[..., Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = make_daemon()
    for name in ("ACETATE_RUNTIME_DIR", "ACETATE_STATE_DIR", "ACETATE_CONFIG_DIR"):
        monkeypatch.setenv(name, daemon.environment[name])
    with pytest.raises(AcetateError, match="acetate serve"):
        BlockingClient("test")
    launch.save_launch_command([sys.executable, "-m", "acetate.daemon", "--idle-exit-s", "1"])
    with BlockingClient("test") as session:
        pid = session.status()["pid"]
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", "the daemon to end")


def test_status_tells_processes_device_and_models(daemon: Daemon) -> None:
    with daemon.session() as session:
        session.run(a_request())
        status = session.status()
    assert status["pid"] == daemon.pid and status["workers"] == daemon.workers()
    assert status["device"] == "cpu" and status["models_loaded"] == ["starter"]
    assert status["endpoint"].startswith("ipc://") and status["clients"] == ["test"]


def test_a_path_too_long_for_a_socket_is_refused_in_words(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon()
    daemon.environment["ACETATE_RUNTIME_DIR"] = str(daemon.home / ("long" * 30))
    _, complaint = (process := daemon.spawn()).communicate(timeout=30)
    assert process.returncode == 2
    assert b"too long for a socket" in complaint and b"ACETATE_RUNTIME_DIR" in complaint
