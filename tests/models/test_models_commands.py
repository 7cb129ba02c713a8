"""Promises of `acetate models`: what is listed is there, and what is fetched, added, removed or damaged is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from acetate.models.families import PUBLISHED, SD15

from tests.hub import COMMIT, Hub, serving
from tests.models.test_file_kinds import unet_shapes, write_zeros


@dataclass
class Answer:
    code: int
    output: str
    errors: str

    @property
    def figures(self) -> Any:
        return json.loads(self.output)


@pytest.fixture
def hub(written_families: Path) -> Iterator[Hub]:
    """A hub that has the published SD 1.5 layer files, narrow."""
    names = [*(part.files[0] for way in SD15.recipes for part in way.adapters), *SD15.encoders, *SD15.decoders]
    files = {
        f"{name}.safetensors": (written_families / "layers" / f"{name}.safetensors").read_bytes() for name in names
    }
    with serving({PUBLISHED[0]: files}) as hub:
        yield hub


@dataclass
class Computer:
    """The `acetate models` command with folders of its own."""

    folder: Path
    hub: str = "http://127.0.0.1:9"
    offline: bool = False

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "ACETATE_MODELS_DIR": str(self.folder / "models"),
            "ACETATE_CONFIG_DIR": str(self.folder / "config"),
            "HF_HOME": str(self.folder / "hub"),
            "HF_ENDPOINT": self.hub,
            "HF_HUB_OFFLINE": "1" if self.offline else "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }

    def models(self, *arguments: str) -> Answer:
        command = [sys.executable, "-m", "acetate", "models", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=300)
        return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    return Computer(tmp_path)


def test_the_list_tells_modes_licence_size_and_place(computer: Computer) -> None:
    loras = computer.folder / "models/lora"
    loras.mkdir(parents=True)
    for name in ("sdxl_lightning_8step_lora", "lightning_in_the_sky"):
        (loras / f"{name}.safetensors").touch()
    figures = computer.models("--json", "-").figures
    preset = {"kind": "Lightning", "steps": 8, "sampler": "Euler", "guidance": 1.0}
    assert figures["few_steps"] == {"sdxl_lightning_8step_lora": preset}
    listed = {model["name"]: model for model in figures["models"]}
    starter = listed["starter"]
    assert {"text", "refine", "inpaint"} <= set(starter["modes"])
    assert starter["licence"] == "Apache-2.0" and starter["bytes"] > 1_000_000 and Path(starter["place"]).is_dir()
    assert listed["sdxl"]["modes"] == [] and "acetate models pull sdxl" in listed["sdxl"]["missing"]
    text = computer.models().output
    assert "can do: text" in text and "Apache-2.0" in text and "MB" in text
    assert "LoRA sdxl_lightning_8step_lora: Lightning, drawn in 8 steps with Euler at guidance 1" in text


def test_pulled_files_are_whole_and_a_broken_download_goes_on_where_it_stopped(computer: Computer, hub: Hub) -> None:
    computer.hub = hub.address
    large = next(iter(hub.repositories[PUBLISHED[0]]))
    hub.repositories[PUBLISHED[0]][large] = bytes(range(256)) * 96 * 1024
    hub.breaks_at = 13 << 20
    answer = computer.models("pull", "sd15", "--layers")
    assert answer.code == 0, answer.errors
    assert hub.broken == 1
    ranges = [asked for asked in hub.asked if asked.startswith("GET") and large in asked and "bytes=" in asked]
    assert ranges and not any("bytes=0-" in asked for asked in ranges)
    folder = computer.folder / "hub" / "hub" / "models--LayerDiffusion--layerdiffusion-v1" / "snapshots" / COMMIT
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == hub.repositories[PUBLISHED[0]]
    hub.asked.clear()
    assert computer.models("pull", "sd15", "--layers").code == 0
    assert not any(asked.startswith("GET") and "/resolve/" in asked for asked in hub.asked)


def test_what_an_added_model_lacks_is_told_at_once_and_by_verify(computer: Computer, written_families: Path) -> None:
    computer.offline = True
    lone = write_zeros(computer.folder / "Größe (v1.5).safetensors", unet_shapes(SD15))
    answer = computer.models("add", str(lone))
    assert answer.code == 0 and "acetate models pull sd15 --configuration" in answer.errors
    pickled = computer.folder / "pickled"
    shutil.copytree(written_families / "sd15", pickled)
    weights = pickled / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    answer = computer.models("add", str(pickled))
    assert "its UNet as a pickle" in answer.errors and "fetch its .safetensors version" in answer.errors
    answer = computer.models("verify")
    assert answer.code == 1
    assert [path for path in (lone, pickled) if f"NOT USABLE              {path}\n" not in answer.output] == []


def test_a_file_that_the_hub_does_not_have_is_named(computer: Computer, hub: Hub) -> None:
    computer.hub = hub.address
    gone = next(iter(hub.repositories[PUBLISHED[0]]))
    del hub.repositories[PUBLISHED[0]][gone]
    answer = computer.models("pull", "sd15", "--layers")
    assert answer.code == 1 and f"{PUBLISHED[0]} has no {gone}" in answer.errors


def test_nothing_is_fetched_without_being_asked_or_offline(computer: Computer, hub: Hub) -> None:
    computer.hub = hub.address
    computer.models()
    computer.models("verify", "starter")
    assert hub.asked == []
    computer.offline = True
    answer = computer.models("pull", "sd15")
    assert answer.code == 1 and "offline mode is on" in answer.errors
    assert hub.asked == []


def test_an_added_model_is_listed_used_and_verified_and_its_files_outlive_it(
    computer: Computer, written_families: Path, tmp_path: Path
) -> None:
    layer = tmp_path / "my_attn.safetensors"
    layer.write_bytes((written_families / "layers" / "layer_sd15_transparent_attn.safetensors").read_bytes())
    decoder = tmp_path / "my_decoder.safetensors"
    decoder.write_bytes((written_families / "layers" / "layer_sd15_vae_transparent_decoder.safetensors").read_bytes())
    files = ("--file", f"transparent_attn={layer}", "--file", f"decoder={decoder}")
    answer = computer.models("add", str(written_families / "sd15"), "--name", "ink", "--licence", "CC0-1.0", *files)
    assert answer.code == 0, answer.errors
    listed = {model["name"]: model for model in computer.models("--json", "-").figures["models"]}
    assert (listed["ink"]["modes"], listed["ink"]["licence"], listed["ink"]["own"]) == (["text"], "CC0-1.0", True)
    checks = computer.models("verify", "ink", "--json", "-").figures["models"]["ink"]
    assert {check["path"]: check["verdict"] for check in checks}[str(layer)] == "whole"
    data = bytearray(layer.read_bytes())
    data[-1] ^= 1
    layer.write_bytes(data)
    spoilt = computer.models("verify", "ink")
    assert spoilt.code == 1 and f"DAMAGED                 {layer}" in spoilt.output
    assert computer.models("remove", "ink").code == 0
    assert layer.is_file() and (written_families / "sd15" / "unet").is_dir()
    assert "ink" not in computer.models().output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pull", "sd3"), "choose sd15, klein, qwen-layered, sdxl, qwen-image-2.1"),
        (("pull", "sdxl/weather"), "no known weather adapter for sdxl"),
        (("pull", "somebody/model"), "--family is missing"),
        (("add", "nowhere"), "no Stable Diffusion 1.5 or SDXL model"),
        (("remove", "starter"), "not on the list of added models"),
        (("remove", "nobody"), "there is no model 'nobody'"),
        (("verify", "nobody"), "there is no model 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(computer: Computer, arguments: tuple[str, ...], words: str) -> None:
    answer = computer.models(*arguments)
    assert answer.code in (1, 2)
    assert words in answer.errors and len(answer.errors.strip().splitlines()) == 1
