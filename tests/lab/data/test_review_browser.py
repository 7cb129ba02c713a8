"""The review page in a real browser: every key does what it says, and the manifest has it at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from acetate_lab.data.collection import Collection, Entry, open_collection, write_manifest
from acetate_lab.data.review.review_server import ReviewServer
from PIL import Image

from tests.lab.chromium import Browser
from tests.reviewing import served
from tests.tiny_data import COLOURS, disc


def pending_balls(folder: Path) -> None:
    """Four balls that nobody has looked at."""
    (folder / "pictures").mkdir(parents=True)
    entries = []
    for name, colour in COLOURS.items():
        Image.fromarray(disc(colour)).save(folder / f"pictures/{name}.png")
        entries.append(
            Entry(
                name,
                {"foreground": f"pictures/{name}.png"},
                {"foreground": f"a {name} ball"},
                f"{name} ball",
                "CC0",
                "drawn here",
                verdict="pending",
            )
        )
    write_manifest(Collection(folder, tuple(entries)))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ReviewServer]:
    pending_balls(tmp_path / "data")
    with served(tmp_path / "data") as server:
        yield server


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    browser = Browser(tmp_path / "profile")
    yield browser
    browser.close()


def test_a_round_of_review_by_keyboard_decides_what_is_learnt_from(
    server: ReviewServer, browser: Browser, tmp_path: Path
) -> None:
    def manifest() -> dict[str, Entry]:
        return {entry.id: entry for entry in open_collection(tmp_path / "data").entries}

    browser.open(server.address)
    browser.wait_for("document.getElementById('place')?.textContent == '1 / 4'")
    browser.wait_for("document.querySelector('img').complete && document.querySelector('img').naturalWidth == 96")
    browser.press("k")
    browser.wait_for("document.getElementById('place').textContent == '2 / 4'")
    assert manifest()["red"].verdict == "kept"
    browser.press("d")
    browser.wait_for("document.getElementById('place').textContent == '3 / 4'")
    assert manifest()["green"].verdict == "dropped"

    browser.press("c")
    assert browser.ask("document.activeElement.tagName") == "INPUT"
    browser.type("a blue marble")
    browser.press("Enter")
    browser.wait_for("document.activeElement.tagName != 'INPUT'")
    assert manifest()["blue"].captions == {"foreground": "a blue marble"}
    assert manifest()["blue"].subject == "blue marble"
    browser.press("k")
    browser.wait_for("document.getElementById('place').textContent == '4 / 4'")

    browser.press("ArrowLeft")
    browser.wait_for("document.getElementById('place').textContent == '3 / 4'")
    assert browser.ask("document.getElementById('verdict').dataset.verdict") == "kept"
    browser.press("b")
    assert browser.ask("document.getElementById('pictures').className") == "ground-1"
    learnt_from = open_collection(tmp_path / "data").chosen("train", ["foreground"])
    assert [entry.id for entry in learnt_from] == ["red", "blue"]


def test_letters_typed_into_a_caption_decide_nothing_and_escape_leaves_it_as_it_was(
    server: ReviewServer, browser: Browser, tmp_path: Path
) -> None:
    browser.open(server.address)
    browser.wait_for("document.querySelector('input')")
    browser.press("c")
    for letter in "kd":
        browser.press(letter)
    browser.press("Escape")
    browser.wait_for("document.querySelector('input').value == 'a red ball'")
    assert [entry.verdict for entry in open_collection(tmp_path / "data").entries] == ["pending"] * 4


def test_what_cannot_be_saved_is_said_and_stays_to_be_decided(
    server: ReviewServer, browser: Browser, tmp_path: Path
) -> None:
    browser.open(server.address)
    browser.wait_for("document.querySelector('input')")
    # The manifest's temporary file cannot be written where a folder has its name.
    (tmp_path / "data/manifest.jsonl.part").mkdir()
    browser.press("k")
    browser.wait_for("document.getElementById('error').textContent.includes('manifest cannot be written')")
    assert browser.ask("document.getElementById('place').textContent") == "1 / 4"


def test_captions_with_markup_are_shown_as_text(tmp_path: Path, browser: Browser) -> None:
    pending_balls(tmp_path / "data")
    found = open_collection(tmp_path / "data")
    nasty = replace(
        found.entries[0], captions={"foreground": "<img src=x onerror=document.title='caught'>"}, subject="<b>x"
    )
    write_manifest(Collection(found.folder, (nasty,)))
    with served(tmp_path / "data") as server:
        browser.open(server.address)
        browser.wait_for("document.querySelector('input')")
        assert browser.ask("document.querySelector('input').value").startswith("<img")
        assert browser.ask("document.querySelectorAll('b, img').length") == 1
        assert browser.ask("document.title") == "Review"
