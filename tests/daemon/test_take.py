"""A layer is let go of when it is written: whatever goes wrong before, it waits and can be taken."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from acetate.cli.jobs import CLIENT
from acetate_wire import blocking as sessions
from acetate_wire import connection as connections
from acetate_wire.blocking import BlockingClient
from acetate_wire.errors import AcetateError
from acetate_wire.events import Progress
from PIL import Image

from tests.daemon.harness import ROOT, Daemon, a_request, running_daemon, until
from tests.typed import Acetate, typed

QUICK = ("--steps", "2", "--passes", "1", "--seed", "7", "--size", "64")
LONGEST = 255 - len(".png")


@pytest.fixture(scope="module")
def shared(tiny_starter: Path) -> Iterator[Daemon]:
    """A daemon with the tiny model."""
    with running_daemon("tests.daemon.tiny_engine:TinyStarter", ACETATE_TEST_MODEL=str(tiny_starter)) as made:
        yield made


@pytest.fixture
def daemon(shared: Daemon) -> Daemon:
    """The shared daemon, with a command line that has no jobs yet."""
    (shared.home / "config/clients" / f"{CLIENT}.key").unlink(missing_ok=True)
    return shared


@pytest.fixture
def acetate(
    daemon: Daemon,
    tiny_starter: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Acetate:
    """The command, in this process and in an empty folder."""
    return typed(daemon, tiny_starter, tmp_path, monkeypatch, capsys)


@pytest.fixture
def session(daemon: Daemon) -> Iterator[BlockingClient]:
    """The command line's own client, to give it jobs."""
    key = connections.client_key(CLIENT, daemon.home / "config" / "clients")
    with daemon.session(CLIENT, key=key) as made:
        yield made


def states(session: BlockingClient) -> list[str]:
    return [job["state"] for job in session.jobs().jobs]


def pixels(path: str | Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as picture:
        return np.asarray(picture)


def while_drawing(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Have something happen between the check of the output and the writing of it."""
    drawn = BlockingClient.wait

    def wait(self: BlockingClient, *arguments: Any, **options: Any) -> Any:
        done = drawn(self, *arguments, **options)
        happens()
        return done

    monkeypatch.setattr(BlockingClient, "wait", wait)


def id_in(words: str) -> str:
    """The job that a message says how to take."""
    found = re.search(r"acetate take (\w{8}) -o FILE", words)
    assert found is not None, words
    return found[1]


def test_a_layer_that_cannot_be_written_waits_and_can_be_taken(
    acetate: Acetate, session: BlockingClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    while_drawing(monkeypatch, lambda: shutil.rmtree(tmp_path / "gone", ignore_errors=True))
    answer = acetate("generate", "a red apple", "-o", "gone/apple.png", *QUICK)
    assert answer.code == 2
    assert answer.errors.count("\n") == 1
    assert "gone/apple.png cannot be written (No such file or directory)" in answer.errors
    listing = acetate("jobs").output
    job = id_in(answer.errors)
    assert listing.startswith(job) and "acetate take ID -o FILE writes it" in listing
    again = acetate("take", job, "-o", "gone/apple.png")
    assert again.code == 2 and "there is no folder gone" in again.errors
    assert states(session) == ["done"]
    taken = acetate("take", job, "-o", "apple.png", "--preview")
    assert taken.code == 0, taken.errors
    assert "apple.png: 64 x 64 pixels, seed 7" in taken.output
    assert (tmp_path / "apple.preview.png").exists()
    assert states(session) == []
    acetate("generate", "a red apple", "-o", "same.png", *QUICK)
    assert np.array_equal(pixels("apple.png"), pixels("same.png"))
    assert acetate("generate", "--like", "apple.png", "-o", "like.png").code == 0


def test_a_layer_is_acknowledged_only_after_it_is_written(
    acetate: Acetate, session: BlockingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[str]] = []
    save = Image.Image.save

    def saved(self: Image.Image, *arguments: Any, **options: Any) -> None:
        told.append(states(session))
        save(self, *arguments, **options)

    monkeypatch.setattr(Image.Image, "save", saved)
    assert acetate("generate", "a red apple", "-o", "apple.png", *QUICK).code == 0
    assert told == [["done"]]
    assert states(session) == []


def test_whatever_fails_while_writing_the_layers_stay(
    acetate: Acetate, session: BlockingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: Any, **options: Any) -> None:
        raise ValueError("no such thing")

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", failing)
        answer = acetate("generate", "a red apple", "-o", "apple.png", *QUICK)
    assert answer.code == 1 and "writing the layers failed: no such thing" in answer.errors
    assert acetate("take", id_in(answer.errors)).code == 0
    assert pixels("a-red-apple.png").shape == (64, 64, 4)


def test_without_a_name_a_layer_is_named_by_its_prompt_and_nothing_is_overwritten(
    acetate: Acetate, session: BlockingClient, tmp_path: Path
) -> None:
    request = a_request("Ein „roter“ Apfel", width=64, height=64, steps=1, passes=1)
    for name in ("ein-roter-apfel.png", "ein-roter-apfel-2.png"):
        job = session.submit(request)
        answer = acetate("take", job[:8])
        assert answer.code == 0 and answer.output.startswith(f"{name}: ")
        assert (tmp_path / name).exists()
    assert acetate("take", "1234").errors == "acetate: there is no job 1234: see acetate jobs\n"


def test_several_layers_are_taken_as_generate_writes_them(
    acetate: Acetate, session: BlockingClient, tmp_path: Path
) -> None:
    asked = a_request("a cat", width=64, height=64, steps=1, passes=1, seed=5, count=2)
    job = session.submit(asked)
    for name in ("one.ora", "one.psd"):
        other = session.submit(asked)
        assert acetate("take", other, "-o", name).code == 0
        assert not (tmp_path / name).exists() and (tmp_path / f"{Path(name).stem}-2{Path(name).suffix}").exists()
    assert acetate("take", job, "-o", "cat.png").output.count("seed") == 2
    assert sorted(path.name for path in tmp_path.glob("cat*")) == ["cat-1.png", "cat-2.png"]
    with zipfile.ZipFile(tmp_path / "one-1.ora") as archive, archive.open("data/layer0.png") as file:
        assert np.array_equal(np.asarray(Image.open(file)), pixels("cat-1.png"))


def test_a_job_that_still_runs_is_waited_for(acetate: Acetate, session: BlockingClient, tmp_path: Path) -> None:
    job = session.submit(a_request("a cat", width=64, height=64, steps=60, passes=1))
    assert acetate("take", job, "-o", "cat.png").code == 0
    assert (tmp_path / "cat.png").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a" * (LONGEST + 1) + ".png", "choose a shorter name"),
        ("a" * 300 + ".png", "choose a shorter name"),
        ("ä" * (LONGEST // 2) + ".png", "choose a shorter name"),
        ("a" * (LONGEST - 3) + ".ora", "choose a shorter name"),
    ],
)
def test_a_name_that_cannot_be_is_refused_before_anything_is_drawn(
    acetate: Acetate, session: BlockingClient, name: str, words: str
) -> None:
    answer = acetate("generate", "a cat", "-o", name, *QUICK)
    assert answer.code == 2 and answer.errors.count("\n") == 1
    assert words in answer.errors and "File name too long" in answer.errors
    assert states(session) == []


def test_an_input_is_never_written_over(acetate: Acetate, session: BlockingClient, tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64), (200, 30, 40, 255)).save("apple.png")
    before = (tmp_path / "apple.png").read_bytes()
    (tmp_path / "link.png").symlink_to("apple.png")
    for output in ("apple.png", "link.png"):
        answer = acetate("refine", "--layer", "apple.png", "a cat", "-o", output, "--steps", "2", "--passes", "1")
        assert answer.code == 2 and f"{output} is what the layer is made from" in answer.errors
    assert (tmp_path / "apple.png").read_bytes() == before
    assert states(session) == []


def on_a_disk(daemon: Daemon, folder: Path, options: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a small disk of its own in `folder`, in a mount namespace that ends with it."""
    folder.mkdir()
    mount = f"mount -t tmpfs -o {options} acetate {shlex.quote(str(folder))}"
    command = shlex.join([sys.executable, "-m", "acetate", *arguments])
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f"{mount} && exec {command}"],
        env=daemon.environment,
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_on_a_full_disk_the_layer_waits(
    acetate: Acetate, daemon: Daemon, session: BlockingClient, tmp_path: Path
) -> None:
    asked = ("generate", "a cat", "-o", "disk/cat.png", "--steps", "2", "--passes", "1", "--size", "512")
    answer = on_a_disk(daemon, tmp_path / "disk", "size=8k", *asked)
    assert answer.returncode == 2, answer.stderr
    assert "No space left on device" in answer.stderr and answer.stderr.count("\n") == 1
    assert states(session) == ["done"]
    assert acetate("take", id_in(answer.stderr), "-o", "cat.png").code == 0
    assert pixels("cat.png").shape == (512, 512, 4)


def test_a_read_only_folder_is_refused_before_anything_is_drawn(
    daemon: Daemon, session: BlockingClient, tmp_path: Path
) -> None:
    answer = on_a_disk(daemon, tmp_path / "disk", "ro,size=8k", "generate", "a cat", "-o", "disk/cat.png", *QUICK)
    assert answer.returncode == 2 and "Read-only file system" in answer.stderr
    assert states(session) == []


def test_every_layer_of_a_job_whose_command_was_killed_can_be_taken(
    acetate: Acetate, daemon: Daemon, session: BlockingClient, tmp_path: Path
) -> None:
    asked = ("generate", "a red apple", "-o", "apple.png", "--size", "64", "--steps", "30", "--passes", "1")
    command = subprocess.Popen([sys.executable, "-m", "acetate", *asked], env=daemon.environment, cwd=tmp_path)
    until(lambda: states(session) == ["running"], "the job to run")
    command.kill()
    command.wait()
    until(lambda: states(session) == ["done"], "the layer", patience=90)
    assert not (tmp_path / "apple.png").exists()
    assert acetate("take", session.jobs().jobs[0]["id"][:8], "-o", "apple.png").code == 0
    assert pixels("apple.png").shape == (64, 64, 4)


def test_ctrl_c_still_cancels(daemon: Daemon, session: BlockingClient, tmp_path: Path) -> None:
    asked = ("generate", "a red apple", "-o", "apple.png", "--size", "64", "--steps", "1000", "--passes", "1")
    command = subprocess.Popen([sys.executable, "-m", "acetate", *asked], env=daemon.environment, cwd=tmp_path)
    until(lambda: states(session) == ["running"], "the job to run")
    command.send_signal(signal.SIGINT)
    assert command.wait(30) == 130
    assert states(session) == []


@pytest.mark.slow
def test_a_session_starts_a_daemon_that_died_and_gets_its_layers(
    make_daemon: Callable[..., Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = make_daemon()
    for name, value in daemon.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)
    # The engine is found through PYTHONPATH, which a started daemon does not get.
    start = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "acetate.daemon"]
    with BlockingClient("test", command=[*start, *daemon.options, "--idle-exit-s", "2"]) as session:
        pid = session.status()["pid"]
        killed = threading.Event()

        def kill(progress: Progress) -> None:
            if progress.stage == "drawing" and not killed.is_set():
                killed.set()
                psutil.Process(pid).kill()

        done = session.run(a_request("steps=20 pause=0.05", seed=9), on_progress=kill)
        assert killed.is_set() and done.seed == 9
        assert session.status()["pid"] != pid
        session.stop()


def test_a_daemon_that_does_not_start_again_is_told(
    make_daemon: Callable[..., Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = make_daemon().start()
    for name, value in daemon.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sessions, "GIVE_UP_S", 3.0)
    with BlockingClient("test", command=["false"]) as session:
        job = session.submit(a_request("steps=1000 pause=0.05"))
        daemon.kill()
        began = time.monotonic()
        with pytest.raises(AcetateError, match="did not start again in 3 seconds: `acetate serve`"):
            session.wait(job)
        assert time.monotonic() - began < 10


@pytest.mark.slow
def test_the_command_starts_a_daemon_that_died_and_writes_the_layer(
    make_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = make_daemon()
    asked = ("generate", "a red apple", "-o", "apple.png", "--seed", "7", "--steps", "40", "--passes", "1")
    command = subprocess.Popen(
        [sys.executable, "-m", "acetate", *asked], env=daemon.environment, cwd=tmp_path, stderr=subprocess.PIPE
    )
    first = until(daemon.connection_or_none, "the daemon")
    key = connections.client_key(CLIENT, daemon.home / "config" / "clients")
    with daemon.session(CLIENT, key=key) as session:
        until(lambda: states(session) == ["running"], "the job to run", patience=60)
    psutil.Process(first.pid).kill()
    _, errors = command.communicate(timeout=240)
    assert command.returncode == 0, errors
    assert pixels(tmp_path / "apple.png").shape == (256, 256, 4)
    second = daemon.connection()
    assert second.pid != first.pid
    with daemon.session(CLIENT, key=key) as session:
        assert states(session) == []
        session.stop()
    until(lambda: not psutil.pid_exists(second.pid), "the daemon to end")
