"""The queue: places that move, all jobs cancelled or cleared at once, and failures beside their own document."""

from __future__ import annotations

from pathlib import Path

from tests.krita.artist import Artist

SLOW = "steps=400 pause=0.1"
PLACES = "[row.words.text() for row in D.queue.rows.values()]"


def test_places_in_the_queue_count_down_and_all_are_cancelled_at_once(artist: Artist, tmp_path: Path) -> None:
    artist.new()
    for words in (SLOW, "a kite", "a cloud", "a fish"):
        artist.ask(words)
    artist.until(f"{PLACES}[1:] == ['Waiting, 1 before it', 'Waiting, 2 before it', 'Waiting, 3 before it']")
    assert artist.run("D.queue.cancel_all.isVisible() and not D.queue.clear_failed.isVisible()")
    artist.picture(tmp_path / "queue.png")
    artist.click("list(D.queue.rows.values())[1].stop")
    artist.until(f"{PLACES}[1:] == ['Waiting, 1 before it', 'Waiting, 2 before it']")
    artist.click("D.queue.cancel_all")
    artist.until("not D.controller.jobs and not D.queue.isVisible()")
    assert artist.names() == ["Background"]


def test_failures_stand_beside_their_own_document_and_are_cleared_at_once(artist: Artist, tmp_path: Path) -> None:
    mine = artist.new()
    for _ in range(2):
        artist.make("fail")
    artist.until("len(D.queue.rows) == 2 and D.queue.clear_failed.isVisible()")
    artist.picture(tmp_path / "failed.png")
    artist.new()
    artist.until("not D.queue.isVisible()")
    artist.ask(SLOW)
    artist.until("D.button.share is not None and len(D.queue.rows) == 1")
    artist.show(mine)
    artist.until("len(D.queue.rows) == 3")
    artist.click("D.queue.clear_failed")
    artist.until("len(D.queue.rows) == 1 and len(D.controller.jobs) == 1")


def test_the_queue_is_told_of_jobs_while_its_document_is_being_closed(artist: Artist) -> None:
    artist.new()
    artist.ask("a kite steps=400 pause=0.1")
    artist.until("D.controller.jobs")
    rows = "d = app.activeDocument(); d.setModified(False); d.close(); D.queue.refresh(); len(D.queue.rows)"
    assert artist.run(rows) == 1
    artist.run("D.refresh()")
