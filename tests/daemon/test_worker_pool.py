"""Several workers: side by side, each with its own jobs, models and misfortunes."""

from __future__ import annotations

import os
import signal
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from acetate.cards import card_count
from acetate.daemon import worker_devices
from acetate.daemon.config import DaemonConfig
from acetate.daemon.job_manager import JobManager
from acetate.daemon.job_store import JOURNAL, JobStore
from acetate.daemon.spool import Spool
from acetate.daemon.worker_devices import find_worker_devices
from acetate_wire.errors import AcetateError
from acetate_wire.events import Cancelled, Connected, Done, Progress
from acetate_wire.limits import Limits
from acetate_wire.messages import Message

from tests.daemon.harness import Daemon, Editor, a_request, until
from tests.daemon.test_presence import acetate

LONG = "steps=1000 pause=0.05"


@pytest.fixture(scope="module")
def common_daemon() -> Iterator[Daemon]:
    """A daemon with two workers."""
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        daemon = Daemon(Path(folder), workers=2).start()
        yield daemon
        daemon.close()


def pool(daemon: Daemon) -> list[Mapping[str, Any]]:
    """The workers, as the daemon tells them."""
    with daemon.session() as session:
        return list(session.status()["pool"])


def test_two_jobs_run_at_once_and_status_names_both_workers(daemon: Daemon, editor: Editor) -> None:
    jobs = [editor.client.submit(a_request(LONG)) for _ in range(3)]
    for job in jobs[:2]:
        editor.wait(Progress, job)
    told = pool(daemon)
    assert [worker["job"] for worker in told] == jobs[:2]
    assert sorted(worker["pid"] for worker in told) == sorted(daemon.workers())
    assert [(worker["number"], worker["device"], worker["attempt"]) for worker in told] == [
        (1, "cpu", 1),
        (2, "cpu", 1),
    ]
    words = acetate(daemon, "status").stdout
    assert f"worker 2       cpu, process {told[1]['pid']}, " in words and f"job {jobs[1][:8]}\n" in words
    for job in jobs:
        editor.client.cancel(job)
        editor.wait(Cancelled, job)
    until(lambda: not any(worker["job"] for worker in pool(daemon)), "both workers to stop")


def test_a_killed_worker_costs_the_other_ones_job_nothing(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    hit, spared = (editor.client.submit(a_request("steps=60 pause=0.05", seed=seed)) for seed in (1, 2))
    editor.wait(Progress, hit)
    editor.wait(Progress, spared)
    victim = next(worker["pid"] for worker in pool(daemon) if worker["job"] == hit)
    os.kill(victim, signal.SIGKILL)
    until(lambda: [worker for worker in pool(daemon) if worker["job"] == hit and worker["attempt"] == 2], "another try")
    first, second = editor.wait(Done, hit), editor.wait(Done, spared)
    assert (first.seed, first.settings["memory_level"]) == (1, 1)
    assert (second.seed, second.settings["memory_level"]) == (2, 0)
    assert editor.count(Done, hit) == editor.count(Done, spared) == 1


def test_a_job_goes_to_the_worker_that_has_its_model(daemon: Daemon) -> None:
    daemon.close()
    daemon.start()
    with daemon.session() as session:
        places = [session.run(a_request(model=name)).settings["pid"] for name in ("starter", "narrow") * 3]
    assert len(set(places)) == 2 and places == places[:2] * 3


def test_a_job_that_does_not_fit_beside_others_gets_the_memory_to_itself(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    beside = [editor.client.submit(a_request("steps=4 pause=0.05")) for _ in range(2)]
    for job in beside:
        editor.wait(Done, job)
    assert len(daemon.workers()) == 2
    large = editor.client.submit(a_request("crowded", seed=5))
    after = [editor.client.submit(a_request(seed=6)) for _ in range(3)]
    assert editor.wait(Done, large).seed == 5
    for job in after:
        assert editor.wait(Done, job).seed == 6


class Stage:
    """A job manager with a journal and a spool of its own, whose workers are the test."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder / "spool", 0)
        self.store = JobStore(folder / JOURNAL)
        self.told: list[tuple[str, Any]] = []
        settings = DaemonConfig(runtime=folder, state=folder)
        self.jobs = JobManager(settings, self.store, self.spool, lambda request: request, self._tell)

    def _tell(self, id: str, kind: str, fields: Mapping[str, Any], frames: Any) -> None:
        self.told.append((kind, fields.get("seed")))

    def finished(self, fields: Mapping[str, Any], seed: int) -> Message:
        """What a worker says when it has made the layers; they lie where it was told."""
        Path(fields["output"]).write_bytes(bytes([seed]))
        outcome = {"layers": [], "sizes": [1], "seed": seed, "settings": {}}
        return Message("finished", {"id": fields["id"], "attempt": fields["attempt"], **outcome}, ())


def test_what_an_earlier_attempt_brings_late_changes_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    id = str(uuid.uuid4())
    stage.jobs.submit("owner", id, a_request(), [])
    [waiting] = stage.jobs.attempts.waiting()
    begun = stage.jobs.attempts.start(waiting)
    assert begun is not None
    frozen, earlier = begun
    stage.jobs.attempts.on_worker_crash(frozen, "its machine did not answer")
    [waiting] = stage.jobs.attempts.waiting()
    begun = stage.jobs.attempts.start(waiting)
    assert begun is not None
    running, later = begun
    assert (earlier["attempt"], later["attempt"]) == (1, 2)
    thawed = stage.finished(earlier, seed=1)
    for attempt in (frozen, running):
        stage.jobs.attempts.on_worker_message(attempt, thawed)
    stage.jobs.attempts.settle()
    assert stage.told == [] and stage.jobs.attempts.has(running)
    stage.jobs.attempts.on_worker_message(running, stage.finished(later, seed=2))
    stage.jobs.attempts.on_worker_message(running, thawed)
    stage.jobs.attempts.settle()
    assert stage.told == [("done", 2)]
    assert stage.spool.read_output(id, [1], None) == [b"\2"]
    stage.store.close()


def test_an_attempt_that_does_not_count_keeps_its_number(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.jobs.submit("owner", str(uuid.uuid4()), a_request(), [])
    numbers = []
    for _ in range(3):
        [waiting] = stage.jobs.attempts.waiting()
        begun = stage.jobs.attempts.start(waiting)
        assert begun is not None
        numbers.append(begun[1]["attempt"])
        stage.jobs.attempts.close()
        stage.store.close()
        stage = Stage(tmp_path)
    assert numbers == [1, 2, 3]
    stage.store.close()


@pytest.mark.parametrize(
    ("build", "workers", "environment", "found"),
    [
        ("cuda", "auto", {}, [("cuda:0", "0"), ("cuda:1", "1")]),
        (
            "cuda",
            "auto",
            {"CUDA_VISIBLE_DEVICES": "GPU-77, 3,5"},
            [("cuda:0", "GPU-77"), ("cuda:1", "3"), ("cuda:2", "5")],
        ),
        ("cuda", "auto", {"CUDA_VISIBLE_DEVICES": "-1"}, [("cpu", None)]),
        ("cuda", "3", {}, [("cuda:0", "0"), ("cuda:1", "1"), ("cuda:0", "0")]),
        ("cpu", "auto", {}, [("cpu", None)]),
        ("cpu", "2", {}, [("cpu", None), ("cpu", None)]),
    ],
)
def test_each_card_has_a_worker_that_sees_no_other(
    monkeypatch: pytest.MonkeyPatch, build: str, workers: str, environment: dict[str, str], found: list[Any]
) -> None:
    monkeypatch.setattr(worker_devices, "torch_build", lambda: build)
    monkeypatch.setattr(worker_devices, "guess_device", lambda: build)
    monkeypatch.setattr(worker_devices, "card_count", lambda build: 2)
    made = find_worker_devices(workers, environment)
    assert [(place.device, place.environment.get("CUDA_VISIBLE_DEVICES")) for place in made] == found
    assert [place.number for place in made] == list(range(1, len(found) + 1))


@pytest.mark.parametrize("workers", ["none", "0", "-1", "65", "2.5"])
def test_no_number_of_workers_is_refused_with_the_way_out(workers: str) -> None:
    with pytest.raises(AcetateError, match="choose auto") as refused:
        find_worker_devices(workers)
    assert refused.value.field == "workers"


def test_cards_are_counted_in_the_drivers_lists(tmp_path: Path) -> None:
    for name in ("0000:01:00.0", "0000:41:00.0"):
        (tmp_path / "proc/driver/nvidia/gpus" / name).mkdir(parents=True)
    for node, target in enumerate((0, 90010, 90010, 100306)):
        folder = tmp_path / "sys/class/kfd/kfd/topology/nodes" / str(node)
        folder.mkdir(parents=True)
        (folder / "properties").write_text(f"cpu_cores_count 8\ngfx_target_version {target}\n")
    assert card_count("cuda", tmp_path, "linux") == 2
    assert card_count("rocm", tmp_path, "linux") == 2
    assert card_count("cuda", tmp_path / "nowhere", "linux") == 1


def test_failed_jobs_that_run_again_count_as_waiting(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    failed = str(uuid.uuid4())
    stage.jobs.submit("owner", failed, a_request(), [])
    [waiting] = stage.jobs.attempts.waiting()
    stage.jobs.attempts.refuse(waiting, AcetateError("internal", "it failed"))
    for _ in range(Limits().waiting_jobs):
        stage.jobs.submit("owner", str(uuid.uuid4()), a_request(), [])
    job = stage.store.get(failed)
    assert job is not None
    with pytest.raises(AcetateError, match="64 jobs of this client are waiting"):
        stage.jobs.retry(job)
    [first, *_] = stage.jobs.attempts.waiting()
    stage.jobs.attempts.refuse(first, AcetateError("internal", "it failed"))
    stage.jobs.retry(job)
    assert failed in [each.id for each in stage.jobs.attempts.waiting()]
    stage.store.close()
