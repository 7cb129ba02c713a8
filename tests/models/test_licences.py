"""Licences that forbid commercial work are shown, and agreed to once, before anything is fetched."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from acetate.models.licences import agree, agreed_licences, restricted_licence
from acetate_wire.paths import config_dir

from tests.hub import Hub, serving
from tests.models.test_models_commands import Computer

LINES = "TencentARC/t2i-adapter-lineart-sdxl-1.0"
WEIGHTS = "diffusion_pytorch_model.safetensors"
NAME = "cc-by-nc-4.0"


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    return Computer(tmp_path)


@pytest.fixture
def hub(computer: Computer) -> Iterator[Hub]:
    with serving({LINES: {"config.json": b"{}", WEIGHTS: b"x" * 10}}, {LINES: NAME}) as hub:
        computer.hub = hub.address
        yield hub


@pytest.mark.parametrize(
    ("stated", "name", "allows"),
    [
        ("Qwen Research License", "qwen-research", "research"),
        ("qwen-research", "qwen-research", "research"),
        ("Qwen RESEARCH LICENSE AGREEMENT", "qwen-research", "research"),
        ("cc-by-nc-sa-4.0", "cc-by-nc-sa-4.0", "noncommercial"),
        ("flux-1-dev-non-commercial-license", "flux-1-dev-non-commercial", "noncommercial"),
        ("FAIR Noncommercial Research License", "fair-noncommercial-research", "research"),
        ("apache-2.0", None, None),
        ("CreativeML OpenRAIL++-M", None, None),
        ("cc-by-4.0", None, None),
        ("", None, None),
    ],
)
def test_a_licence_is_recognised_by_its_name(stated: str, name: str | None, allows: str | None) -> None:
    found = restricted_licence(stated, "https://example.org/LICENSE")
    assert (found and found.name, found and found.allows) == (name, allows)


def test_creative_commons_has_its_own_page() -> None:
    found = restricted_licence("CC-BY-NC-ND-4.0", "https://example.org/LICENSE")
    assert found is not None and found.link == "https://creativecommons.org/licenses/by-nc-nd/4.0/"


def test_a_script_is_refused_until_it_agrees_by_name(computer: Computer, hub: Hub) -> None:
    refused = computer.models("pull", "sdxl/line", "--yes")
    assert refused.code == 1
    assert f"Licence {NAME}: It does not allow commercial work." in refused.errors
    assert "https://creativecommons.org/licenses/by-nc/4.0/" in refused.errors
    assert f"--accept-license {NAME}" in refused.errors
    assert not any("/resolve/" in asked for asked in hub.asked)
    wrong = computer.models("pull", "sdxl/line", "--accept-license", "qwen-research")
    assert wrong.code == 1 and not any("/resolve/" in asked for asked in hub.asked)
    answer = computer.models("pull", "sdxl/line", "--accept-license", NAME)
    assert answer.code == 0, answer.errors
    [agreed] = json.loads((computer.folder / "config/licences.json").read_text(encoding="utf-8"))
    assert agreed == NAME
    again = computer.models("pull", "sdxl/line")
    assert again.code == 0 and "Licence" not in again.errors


@pytest.mark.parametrize(("typed", "code", "fetched"), [("n", 130, False), ("y", 0, True)])
def test_a_person_is_asked(computer: Computer, hub: Hub, typed: str, code: int, fetched: bool) -> None:
    terminal, keyboard = pty.openpty()
    command = [sys.executable, "-m", "acetate", "models", "pull", "sdxl/line"]
    try:
        os.write(terminal, f"{typed}\n".encode())
        done = subprocess.run(
            command, env=computer.environment, stdin=keyboard, capture_output=True, text=True, check=False, timeout=120
        )
    finally:
        os.close(terminal)
        os.close(keyboard)
    assert f"Do you agree to {NAME}?" in done.stderr and done.returncode == code
    assert any("/resolve/" in asked for asked in hub.asked) == fetched


def test_a_damaged_note_counts_as_no_agreement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACETATE_CONFIG_DIR", str(tmp_path))
    licence = restricted_licence(NAME, "")
    assert licence is not None
    agree([licence])
    assert agreed_licences() == {NAME}
    (config_dir() / "licences.json").write_text("[", encoding="utf-8")
    assert agreed_licences() == frozenset()
    agree([licence])
    assert agreed_licences() == {NAME}
