"""`acetate profile`: where the time of a request goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from acetate.cli import app
from typer.testing import CliRunner


def profile(*arguments: str) -> str:
    return CliRunner().invoke(app, ["profile", *arguments], catch_exceptions=False).stdout


def test_a_request_is_measured_network_by_network_and_traced(
    tiny_starter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models/base").mkdir(parents=True)
    (tmp_path / "models/base/tiny").symlink_to(tiny_starter)
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path / "models"))
    figures, trace = tmp_path / "figures.json", tmp_path / "trace.json"
    size = ("--model", "tiny", "--size", "64", "--steps", "3")
    shown = profile("refine", *size, "--json", str(figures), "--trace", str(trace))
    measured = json.loads(figures.read_text())
    networks = {network["name"]: network for network in measured["networks"]}
    # Half of three steps are drawn, and the layer goes in and out of its latent once.
    assert {name: network["calls"] for name, network in networks.items() if name in ("Encoder", "Decoder")} == {
        "Encoder": 1,
        "Decoder": 1,
    }
    assert networks["UNet2DConditionModel"]["calls"] == 3
    assert measured["second"] == pytest.approx(
        measured["outside"] + sum(network["seconds"] for network in networks.values())
    )
    assert all(0 < network["seconds"] < measured["second"] for network in networks.values())
    assert "UNet2DConditionModel" in shown and str(trace) in shown
    events = json.loads(trace.read_text())["traceEvents"]
    spans = [event for event in events if event.get("name") == "UNet2DConditionModel"]
    operators = {event.get("name") for event in events}
    assert len([event for event in spans if event.get("cat") == "user_annotation"]) == 3
    assert any(str(name).startswith("aten::") for name in operators)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("painting",), "there is no mode 'painting'"),
        (("text", "--trace", "trace.png"), "trace.png"),
        (("text", "--steps", "0"), "steps"),
        (("text", "--model", "nobody"), "nobody"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_words(arguments: tuple[str, ...], said: str) -> None:
    answer = CliRunner().invoke(app, ["profile", *arguments])
    assert answer.exit_code != 0
    assert said in str(answer.exception)
