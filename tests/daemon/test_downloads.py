"""Models are fetched by a process of their own: sizes and licences first, progress, cancel, and only for the owner."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acetate_editor.downloads import Download, decoded
from acetate_wire.events import Connected, DownloadList, ModelList, Rejected

from tests.daemon.harness import STAND_IN, Daemon, Editor, Raw, running_daemon, until
from tests.hub import Hub, serving

EDGES, LINES = "diffusers/controlnet-canny-sdxl-1.0", "TencentARC/t2i-adapter-lineart-sdxl-1.0"
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A hub with two adapters, one of them not for commercial work."""
    large, small = bytes(range(256)) * 12 * 1024, b"x" * 1000
    files = {EDGES: {"config.json": b"{}", WEIGHTS: large}, LINES: {"config.json": b"{}", WEIGHTS: small}}
    with serving(files, {EDGES: "openrail++", LINES: "cc-by-nc-4.0"}) as hub:
        yield hub


@pytest.fixture(scope="module")
def daemon(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that asks this hub."""
    folder = tmp_path_factory.mktemp("hub")
    with running_daemon(STAND_IN, **hub.environment(folder)) as daemon:
        yield daemon


def asked(editor: Editor, kind: str = "downloads", **fields: Any) -> dict[str, Download]:
    """The daemon's answer to a question about downloads, by their names."""
    editor.events.clear()
    editor.client.ask(kind, fields)
    return {each.name: each for each in decoded(editor.wait(DownloadList).downloads)}


def test_sizes_and_licences_come_before_anything_is_fetched(daemon: Daemon, editor: Editor) -> None:
    first = asked(editor)
    assert {"sd15", "sdxl", "sdxl/edge", "sd15/style"} <= set(first)
    assert not first["sdxl/edge"].here and first["sdxl/edge"].about(str) == "Asking for its size …"
    until(lambda: all(asked(editor)[name].bytes for name in ("sdxl/line", "sdxl/edge")), "the sizes")
    listed = asked(editor)
    assert listed["sdxl/edge"].about(str) == "3 MB · openrail++" and not listed["sdxl/edge"].warning(str)
    assert "commercial" in listed["sdxl/line"].warning(str)
    assert listed["sdxl/line"].title(str) == "Lines for Stable Diffusion XL"
    until(lambda: "does not answer, or lacks" in asked(editor)["sd15"].message, "what the hub lacks")


def test_a_download_is_told_cancelled_and_goes_on_where_it_stopped(daemon: Daemon, editor: Editor, hub: Hub) -> None:
    until(lambda: asked(editor)["sdxl/edge"].bytes, "the size")
    hub.pause = 0.1
    assert asked(editor, "download", name="sdxl/edge")["sdxl/edge"].busy
    until(lambda: asked(editor)["sdxl/edge"].bytes_done > 1 << 18, "some bytes")
    share = asked(editor)["sdxl/edge"].share
    assert share is not None and 0 < share < 1
    began = time.monotonic()
    assert asked(editor, "cancel_download", name="sdxl/edge")["sdxl/edge"].state == "cancelled"
    assert time.monotonic() - began < 1.0 and not asked(editor)["sdxl/edge"].here
    hub.pause = 0.0
    asked(editor, "download", name="sdxl/edge")
    until(lambda: asked(editor)["sdxl/edge"].state == "done", "the end")
    assert asked(editor)["sdxl/edge"].here
    [file] = Path(daemon.environment["HF_HOME"]).rglob(f"*canny*/snapshots/*/{WEIGHTS}")
    assert file.read_bytes() == hub.repositories[EDGES][WEIGHTS]


def test_what_forbids_commercial_work_is_agreed_to_once_and_by_name(daemon: Daemon, editor: Editor, hub: Hub) -> None:
    until(lambda: asked(editor)["sdxl/line"].bytes, "the licence")
    assert asked(editor)["sdxl/line"].to_accept == ["cc-by-nc-4.0"]
    for accept in ([], ["qwen-research"]):
        editor.events.clear()
        editor.client.ask("download", {"name": "sdxl/line", "accept": accept})
        refusal = editor.wait(Rejected)
        assert refusal.code == "not_allowed" and refusal.field == "licence" and "cc-by-nc-4.0" in refusal.message
    assert not any("lineart" in line and "/resolve/" in line for line in hub.asked)
    asked(editor, "download", name="sdxl/line", accept=asked(editor)["sdxl/line"].to_accept)
    until(lambda: asked(editor)["sdxl/line"].state == "done", "the end")
    assert asked(editor)["sdxl/line"].to_accept == []
    noted = Path(daemon.environment["ACETATE_CONFIG_DIR"]) / "licences.json"
    assert "cc-by-nc-4.0" in noted.read_text(encoding="utf-8")


def test_what_fails_is_told_in_words(daemon: Daemon, editor: Editor) -> None:
    asked(editor, "download", name="sdxl/pose")
    until(lambda: asked(editor)["sdxl/pose"].state == "failed", "the failure")
    failed = asked(editor)["sdxl/pose"]
    assert failed.message and failed.hint and not failed.busy


def test_a_lora_put_there_meanwhile_is_found_when_the_list_is_opened(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    editor.client.ask("models")
    listed = editor.wait(ModelList)
    assert listed.lora_folder == str(Path(daemon.environment["ACETATE_MODELS_DIR"]) / "lora")
    assert [model["name"] for model in listed.models] == ["starter", "absent", "narrow"]


@pytest.mark.parametrize("kind", ["downloads", "download", "cancel_download"])
def test_only_the_machines_owner_may_fetch(make_daemon: Any, tmp_path: Path, kind: str) -> None:
    from acetate.daemon.auth import pair
    from acetate_wire import connection as connections

    daemon = make_daemon(tcp="127.0.0.1:*").start()
    pair(daemon.state, "other", daemon.connection().tcp, tmp_path / "other.json")
    found = connections.find(tmp_path / "other.json")
    assert found is not None
    raw = Raw(daemon, connection=found)
    raw.send(kind, name="sdxl/edge")
    assert raw.answer()["code"] == "not_allowed"
    raw.send("models")
    assert raw.answer()["lora_folder"] == ""
    raw.close()
