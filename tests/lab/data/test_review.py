"""The review's server: on this computer only, for whoever has the token, and strict about what it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from acetate_lab.data.collection import open_collection
from acetate_lab.data.review.review_server import ReviewServer
from acetate_wire.errors import AcetateError

from tests.reviewing import served
from tests.tiny_data import write_scenes


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ReviewServer]:
    write_scenes(tmp_path / "data")
    with served(tmp_path / "data") as server:
        yield server


def ask(
    server: ReviewServer, path: str, body: object = None, *, host: str | None = None, kind: str = "application/json"
) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Host": host or f"127.0.0.1:{server.port}"}
    if body is None:
        connection.request("GET", path, headers=headers)
    else:
        connection.request("POST", path, json.dumps(body), headers | {"Content-Type": kind})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def test_the_token_opens_the_page_the_list_and_every_picture_of_a_scene(server: ReviewServer) -> None:
    status, page = ask(server, f"/{server.token}/")
    assert status == 200 and b"{{" not in page
    entries = json.loads(ask(server, f"/{server.token}/entries")[1])
    assert len(entries) == 4
    for role in entries[0]["files"]:
        status, content = ask(server, f"/{server.token}/picture/0/{role}")
        assert status == 200 and content.startswith(b"\x89PNG")


@pytest.mark.parametrize("path", ["/", "/wrong/", "/wrong/entries", "/entries", "//", "/%00/"])
def test_without_the_token_nothing_is_told(server: ReviewServer, path: str) -> None:
    status, content = ask(server, path)
    assert status == 403 and b"pictures/" not in content


def test_another_name_for_this_computer_is_refused(server: ReviewServer) -> None:
    assert ask(server, f"/{server.token}/", host=f"evil.example:{server.port}")[0] == 403


@pytest.mark.parametrize(
    "path", ["picture/0/../../manifest.jsonl", "picture/0/%2e%2e", "picture/no/blend", "manifest.jsonl"]
)
def test_only_pictures_of_the_manifest_are_served(server: ReviewServer, path: str) -> None:
    assert ask(server, f"/{server.token}/{path}")[0] == 404


@pytest.mark.parametrize(
    "told",
    [
        {"verdict": "perhaps"},
        {"captions": "x"},
        {"captions": {"nobody": "x"}},
        {"captions": {"blend": 3}},
        {"captions": {"blend": "x" * 2000}},
        ["kept"],
    ],
)
def test_a_decision_that_makes_no_sense_changes_nothing(server: ReviewServer, tmp_path: Path, told: object) -> None:
    before = (tmp_path / "data/manifest.jsonl").read_bytes()
    assert ask(server, f"/{server.token}/decide/0", told)[0] == 400
    assert (tmp_path / "data/manifest.jsonl").read_bytes() == before


def test_a_form_of_another_site_decides_nothing(server: ReviewServer, tmp_path: Path) -> None:
    assert ask(server, f"/{server.token}/decide/0", {"verdict": "dropped"}, kind="text/plain")[0] == 404
    assert open_collection(tmp_path / "data").entries[0].verdict == "kept"


def test_a_caption_that_names_a_held_out_subject_moves_the_picture_there(server: ReviewServer, tmp_path: Path) -> None:
    # The subjects of these scenes are told, not taken from captions: a picture that has its own keeps it.
    assert ask(server, f"/{server.token}/decide/0", {"captions": {"foreground": "a  yellow   disc"}})[0] == 200
    entry = open_collection(tmp_path / "data").entries[0]
    assert entry.captions["foreground"] == "a yellow disc"
    assert (entry.subject, entry.split) == ("red", "train")


def test_a_port_in_use_is_refused_in_words(server: ReviewServer, tmp_path: Path) -> None:
    with pytest.raises(AcetateError, match=f"port {server.port}"):
        ReviewServer(tmp_path / "data", server.port)
