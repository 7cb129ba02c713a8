"""Every call on a file or the journal in a job's life fails once: the job still ends once, and nothing is lost.

As SQLite's own tests do it: the fault moves on by one call until a life passes without meeting it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from acetate_wire.events import Cancelled, Connected, Done, Failed, Forgotten, Rejected
from acetate_wire.request import PictureSpec

from tests.daemon.faults import FAULTS
from tests.daemon.harness import Editor, a_request, until
from tests.storm import FaultyDaemon

PIXELS = bytes(range(256)) * 2
ENDS = (Done, Failed, Cancelled, Rejected)
MOST_CALLS = 200


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyDaemon]:
    made = FaultyDaemon(tmp_path_factory.mktemp("f"))
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def editor(daemon: FaultyDaemon) -> Iterator[Editor]:
    made = daemon.editor()
    made.wait(Connected)
    yield made
    made.client.close()


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_that_fails_costs_no_job(daemon: FaultyDaemon, editor: Editor, fault: str) -> None:
    for call in range(1, MOST_CALLS):
        struck = live(daemon, editor, call, fault)
        if not struck:
            break
    else:
        raise AssertionError("a job's life has no end of calls")
    assert call > 20, "the calls of a life were counted"
    until(lambda: not list((daemon.state / "spool").iterdir()), "an empty spool")


def live(daemon: FaultyDaemon, editor: Editor, call: int, fault: str) -> bool:
    """A job from submission to acknowledgement while one call fails; whether the fault struck."""
    seed = call * 256 + FAULTS.index(fault)
    picture = PictureSpec(0, 16, 8)
    daemon.trigger.arm(call, fault)
    request = a_request("echo", mode="refine", inputs={"layer": picture}, seed=seed)
    job = editor.client.submit(request, [PIXELS])
    end = editor.wait(ENDS, job)
    if isinstance(end, Rejected):
        assert end.code in ("busy", "internal"), (call, end)
        daemon.trigger.disarm()
        job = editor.client.submit(request, [PIXELS])
        end = editor.wait(ENDS, job)
        assert isinstance(end, Done), (call, end)
        struck = True
    else:
        if isinstance(end, Failed):
            assert end.retry or end.code == "damaged", (call, end)
            daemon.trigger.disarm()
            editor.events.clear()
            if end.retry:
                editor.client.retry(job)
            else:
                editor.client.attach([job])
            end = editor.wait(ENDS, job)
        assert isinstance(end, Done), (call, end)
        struck = False
    assert bytes(end.layers[0].picture.pixels) == PIXELS, call
    editor.client.acknowledge(job)
    editor.wait(Forgotten, job)
    struck |= daemon.trigger.disarm()
    assert editor.count(Done, job) == 1 and daemon.alive, call
    editor.events.clear()
    return struck
