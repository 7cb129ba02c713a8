"""What the daemon promises about a job, through the real socket."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from acetate_wire.events import (
    Accepted,
    Cancelled,
    Connected,
    Done,
    Forgotten,
    JobList,
    LayerWarning,
    ModelVocabulary,
    Progress,
    Rejected,
)
from acetate_wire.request_codec import encode_request

from tests.daemon.harness import Daemon, Editor, Raw, a_request, until
from tests.daemon.standin import colour


def test_a_layer_comes_back_where_it_was_asked_for(daemon: Daemon) -> None:
    with daemon.session() as session:
        done = session.run(a_request(seed=7))
    layer = done.layers[0]
    assert (layer.x, layer.y) == (3, 5)
    assert (layer.picture.header.width, layer.picture.header.height) == (16, 8)
    wanted = (colour(7, 0, 8, 16) * 255).round().astype("u1").tobytes()
    assert bytes(layer.picture.pixels) == wanted


def test_a_seed_that_was_left_open_is_drawn_and_told(daemon: Daemon) -> None:
    with daemon.session() as session:
        first, second = session.run(a_request()), session.run(a_request())
        again = session.run(a_request(seed=first.seed))
    assert first.seed != second.seed
    assert bytes(again.layers[0].picture.pixels) == bytes(first.layers[0].picture.pixels)


def test_every_mode_runs_and_brings_its_layers_from_below(daemon: Daemon) -> None:
    with daemon.session() as session:
        done = session.run(a_request(mode="scene", count=2))
    assert [layer.role for layer in done.layers] == ["background", "foreground", "blend"] * 2


def test_progress_comes_at_every_step_with_the_seconds_left(daemon: Daemon) -> None:
    heard: list[Progress] = []
    with daemon.session() as session:
        session.run(a_request("steps=4 pause=0.02"), on_progress=heard.append)
    steps = [event for event in heard if event.stage == "drawing"]
    assert [event.step for event in steps] == [1, 2, 3, 4]
    assert steps[-1].seconds_left == 0
    assert steps[1].seconds_left is not None and steps[1].seconds_left > 0


def test_a_finished_layer_waits_for_the_editor_that_asked(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    job = editor.client.submit(a_request(seed=1))
    editor.wait(Accepted, job)
    editor = editor.restarted()
    until(lambda: "done" in states(editor), "the end of the job")
    daemon.restart()
    editor.client.attach([job])
    assert editor.wait(Done, job).seed == 1
    editor.client.acknowledge(job)
    assert editor.wait(Forgotten, job).reason == "acknowledged"
    assert not list((daemon.state / "spool").glob(f"{job}.*"))
    editor.client.close()


def test_a_submission_sent_twice_runs_once(daemon: Daemon) -> None:
    raw = Raw(daemon)
    id, request = str(uuid.uuid4()), encode_request(a_request(seed=9))
    raw.send("submit", id=id, request=request)
    raw.send("submit", id=id, request=request)
    kinds = []
    while "done" not in kinds:
        kinds.append(raw.answer()["kind"])
    assert kinds.count("accepted") >= 1 and set(kinds) == {"accepted", "done"}
    raw.send("acknowledge", id=id)
    while raw.answer()["kind"] != "forgotten":
        pass
    raw.send("submit", id=id, request=request)
    assert raw.answer() == {"v": 1, "kind": "forgotten", "id": id, "reason": "acknowledged"}
    raw.close()


def ends(editor: Editor) -> dict[str, float]:
    """When each of a client's jobs ended, by the daemon's clock."""
    editor.client.ask("jobs")
    return {job["id"]: job["ended"] for job in editor.wait(JobList).jobs}


def test_clients_take_turns(daemon: Daemon) -> None:
    busy, quiet = daemon.editor("busy"), daemon.editor("quiet")
    busy.wait(Connected)
    quiet.wait(Connected)
    first = busy.client.submit(a_request("pause=0.2"))
    busy.wait(Progress, first)
    many = [busy.client.submit(a_request()) for _ in range(10)]
    for job in many:
        busy.wait(Accepted, job)
    one = quiet.client.submit(a_request())
    assert quiet.wait(Accepted, one).position <= 2
    quiet.wait(Done, one)
    for job in many:
        busy.wait(Done, job)
    before = [end for job, end in ends(busy).items() if job in many and end < ends(quiet)[one]]
    assert len(before) <= 2
    busy.client.close()
    quiet.client.close()


def test_a_waiting_job_is_cancelled_and_never_runs(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    first = editor.client.submit(a_request("pause=0.3"))
    second = editor.client.submit(a_request())
    editor.wait(Accepted, second)
    editor.client.cancel(second)
    editor.wait(Cancelled, second)
    editor.wait(Done, first)
    assert editor.count(Progress, second) == 0


def test_cancelling_what_is_done_brings_the_layers(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    job = editor.client.submit(a_request())
    until(lambda: "done" in states(editor), "the end of the job")
    editor = editor.restarted()
    editor.client.cancel(job)
    editor.wait(Done, job)
    editor.client.close()


def test_layers_that_nobody_took_expire_by_age_and_jobs_says_so(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon(keep_s=1.5).start()
    with daemon.session() as session:
        job = session.submit(a_request())
        session.wait(job)
    until(lambda: is_older(daemon, 1.6), "the layers to age")
    daemon.close()
    daemon.start()
    with daemon.session() as session:
        listing = until(lambda: [j for j in session.jobs().jobs if j["state"] == "expired"], "the expiry")
        assert "kept for" in listing[0]["message"]
        session.client.attach([job])
        forgotten = session._receive_until(lambda event: isinstance(event, Forgotten), 10)
    assert isinstance(forgotten, Forgotten) and forgotten.reason == "expired"
    assert not list((daemon.state / "spool").iterdir())


def is_older(daemon: Daemon, seconds: float) -> bool:
    """Whether the newest layers lie there for so long."""
    newest = max(path.stat().st_mtime for path in (daemon.state / "spool").iterdir())
    return time.time() - newest > seconds


def test_layers_above_the_quota_expire_oldest_first(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon(keep_bytes=2 * 64 * 64 * 4).start()
    with daemon.session() as session:
        jobs = []
        for _ in range(3):
            jobs.append(session.submit(a_request(width=64, height=64)))
            session.wait(jobs[-1])
        found = {job["id"]: job["state"] for job in session.jobs().jobs}
    assert [found[job] for job in jobs] == ["expired", "done", "done"]


def test_jobs_lists_this_clients_jobs_with_state_and_place(daemon: Daemon) -> None:
    with daemon.session() as session:
        running = session.submit(a_request("pause=0.5 first"))
        session.submit(a_request("second"))
        until(lambda: session.jobs().jobs[0]["state"] == "running", "the first job to run")
        listing = session.jobs()
        assert [(job["state"], job["position"]) for job in listing.jobs] == [("running", None), ("waiting", 1)]
        assert listing.jobs[0]["prompt"] == "pause=0.5 first" and listing.jobs[0]["id"] == running
        assert (listing.keep_days, listing.keep_bytes) == (7, 2 << 30)


def test_a_refused_job_leaves_nothing_behind(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    job = editor.client.submit(a_request(sampler="unheard of"))
    refusal = editor.wait(Rejected, job)
    assert (refusal.code, refusal.field) == ("bad_request", "sampler")
    assert states(editor) == []


def states(editor: Editor) -> list[str]:
    """The states of an editor's jobs, asked by a session of the same client."""
    with editor.daemon.session(editor.name) as session:
        return [job["state"] for job in session.jobs().jobs]


def test_an_editor_learns_the_words_that_a_model_knows(editor: Editor) -> None:
    editor.client.ask("vocabulary", {"model": "starter"})
    known = editor.wait(ModelVocabulary).vocabulary
    assert [unknown.nearest for unknown in known.unknown("a red zebrafish")] == ["fish"]
    editor.client.ask("vocabulary", {"model": "narrow"})
    told = until(lambda: [each for each in editor.pump() if isinstance(each, ModelVocabulary)], "the answer")
    assert told == [ModelVocabulary("narrow", None)]


def test_a_warning_comes_with_the_layers_also_when_they_are_fetched_later(daemon: Daemon) -> None:
    with daemon.session() as session:
        id = session.submit(a_request("warn"))
        first = session.wait(id)
    with daemon.session() as session:
        again = session.attach(id)
    assert first.warnings == again.warnings == (LayerWarning("opaque", "it covers all", "say less"),)


def test_a_waiting_jobs_place_moves_as_others_end_or_are_cancelled(daemon: Daemon, editor: Editor) -> None:
    ids = [editor.client.submit(a_request(f"{name} steps=40 pause=0.1")) for name in ("a", "b", "c", "d")]
    editor.wait(Progress, ids[0])

    def places() -> list[int]:
        editor.pump()
        last = {event.id: event.position for event in editor.events if isinstance(event, Accepted)}
        return [last.get(id, -1) for id in ids[1:]]

    until(lambda: places() == [1, 2, 3], "the first places")
    editor.client.cancel(ids[1])
    until(lambda: places()[1:] == [1, 2], "the places after a cancel")
    for id in ids:
        editor.client.cancel(id)
        editor.wait(Cancelled, id)
