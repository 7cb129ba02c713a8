"""Every error code of the protocol, provoked, with a way out in words."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from acetate_wire.errors import CODES, AcetateError
from acetate_wire.events import Cancelled, Connected, Rejected
from acetate_wire.request import Rect
from acetate_wire.request_codec import encode_request

from tests.daemon.harness import Daemon, Editor, Raw, a_request

PROVOKED = {
    "bad_request": a_request(sampler="unheard of"),
    "too_large": a_request(target=Rect(0, 0, 16384, 16384), count=2),
    "unknown_model": a_request(model="no such model"),
    "model_missing": a_request(model="absent"),
    "mode_unsupported": a_request(model="narrow", mode="scene"),
    "out_of_memory": a_request("memory=9"),
    "too_slow": a_request("hours"),
    "worker_lost": a_request("die"),
    "internal": a_request("fail"),
}
ELSEWHERE = {"cancelled", "busy", "not_allowed", "damaged"}


@pytest.mark.parametrize("code", PROVOKED)
def test_a_job_that_cannot_be_done_says_why_and_what_to_do(daemon: Daemon, code: str) -> None:
    with daemon.session() as session, pytest.raises(AcetateError) as caught:
        session.run(PROVOKED[code])
    assert caught.value.code == code
    assert len(caught.value.message) > 10 and len(caught.value.hint) > 10


def test_every_code_is_provoked_in_this_file() -> None:
    assert set(CODES) == set(PROVOKED) | ELSEWHERE


def test_cancelled_a_running_job_ends_as_cancelled(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    job = editor.client.submit(a_request("steps=100 pause=0.05"))
    with daemon.session("editor") as session:
        editor.client.cancel(job)
        editor.wait(Cancelled, job)
        with pytest.raises(AcetateError) as caught:
            session.attach(job)
    assert caught.value.code == "cancelled"


def test_busy_is_the_answer_to_the_65th_waiting_job(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    running = editor.client.submit(a_request("steps=1000 pause=0.05"))
    jobs = [editor.client.submit(a_request()) for _ in range(66)]
    refusal = editor.wait(Rejected)
    assert refusal.code == "busy" and "64" in refusal.message
    assert refusal.id in jobs[-2:]
    with daemon.session("somebody else") as session:
        other = session.submit(a_request())
        session.cancel(other)
    for job in jobs:
        editor.client.cancel(job)
    editor.client.cancel(running)
    editor.wait(Cancelled, running)


@pytest.mark.parametrize("kind", ["cancel", "attach", "acknowledge"])
def test_another_clients_job_looks_like_none_at_all(daemon: Daemon, kind: str) -> None:
    with daemon.session("owner") as owner:
        job = owner.submit(a_request("steps=20 pause=0.05"))
        thief = Raw(daemon, "thief")
        thief.send(kind, **({"ids": [job]} if kind == "attach" else {"id": job}))
        assert thief.answer() == {"v": 1, "kind": "forgotten", "id": job, "reason": "unknown"}
        thief.send("jobs")
        assert thief.answer()["jobs"] == []
        thief.close()
        assert owner.wait(job).layers


def test_not_allowed_is_the_answer_to_another_clients_id(daemon: Daemon) -> None:
    with daemon.session("owner") as owner:
        job = owner.submit(a_request("steps=5 pause=0.05"))
        thief = Raw(daemon, "thief")
        thief.send("submit", id=job, request=encode_request(a_request()))
        answer = thief.answer()
        assert (answer["kind"], answer["code"], answer["field"]) == ("rejected", "not_allowed", "id")
        thief.close()
        owner.wait(job)


def test_not_allowed_is_the_answer_before_hello(daemon: Daemon) -> None:
    raw = Raw(daemon, greet=False)
    raw.send("jobs")
    answer = raw.answer()
    assert (answer["code"], answer["field"]) == ("not_allowed", "hello")
    raw.close()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no id": ({"kind": "submit", "request": {}}, "id"),
    "an id in capitals": ({"kind": "submit", "id": str(uuid.uuid4()).upper(), "request": {}}, "id"),
    "no request": ({"kind": "submit", "id": str(uuid.uuid4())}, "request"),
    "an unknown kind": ({"kind": "dance"}, "kind"),
    "another version": ({"kind": "jobs", "v": 2}, "v"),
    "ids that are no list": ({"kind": "attach", "ids": 5}, "ids"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_message_is_answered_by_the_name_of_the_field(daemon: Daemon, case: str) -> None:
    fields, field = WRONG[case]
    raw = Raw(daemon)
    raw.send(**fields)
    answer = raw.answer()
    assert (answer["kind"], answer["code"], answer["field"]) == ("rejected", "bad_request", field)
    raw.close()


def test_an_unknown_field_is_rejected_by_its_name(daemon: Daemon) -> None:
    raw = Raw(daemon)
    answer = raw.submit({**encode_request(a_request()), "promt": "typo"})
    assert (answer["code"], answer["field"]) == ("bad_request", "promt")
    assert "'promt'" in answer["message"]
    raw.close()


def test_a_limit_is_named_with_the_way_out(daemon: Daemon) -> None:
    raw = Raw(daemon)
    answer = raw.submit({**encode_request(a_request()), "target": [0, 0, 20000, 10]})
    assert answer["code"] == "too_large"
    assert answer["message"] == "target width 20000 is over this daemon's limit of 16384"
    assert answer["hint"] == "choose a smaller selection, or generate at half size and scale up"
    raw.close()


def test_a_wrong_access_word_opens_nothing(daemon: Daemon) -> None:
    raw = Raw(daemon, greet=False)
    raw.send("hello", name="x", version="", editor="", client="x" * 32, access="wrong")
    answer = raw.answer()
    assert (answer["code"], answer["field"]) == ("not_allowed", "access")
    assert set(answer) == {"v", "kind", "id", "code", "field", "message", "hint", "retry"}
    raw.close()
