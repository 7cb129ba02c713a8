"""Which build of PyTorch is installed: by pretended cards, from an index on this machine, with the real pip."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from acetate.cards import Card, build_of, device_numbers, find_cards, unused
from acetate.worker import engine_loader

from tests.test_run import copy_door

BACKEND = '''
"""A build backend without requirements: an editable installation that needs torch."""
import pathlib, zipfile

def build_editable(folder, settings=None, metadata=None):
    name = "acetate-0.1.0-py3-none-any.whl"
    about = "Metadata-Version: 2.1\\nName: acetate\\nVersion: 0.1.0\\nRequires-Dist: torch\\n"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        wheel.writestr("acetate.pth", str(pathlib.Path.cwd() / "backend"))
        wheel.writestr("acetate-0.1.0.dist-info/METADATA", about)
        tags = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr("acetate-0.1.0.dist-info/WHEEL", tags)
        wheel.writestr("acetate-0.1.0.dist-info/RECORD", "")
    return name
'''
PYPROJECT = """
[build-system]
requires = []
build-backend = "plain_backend"
backend-path = ["."]
[project]
name = "acetate"
version = "0.1.0"
"""
LINUX_X86 = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.uname().machine != "x86_64", reason="PyPI's wheel differs elsewhere"
)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def write_wheel(folder: Path, version: str) -> None:
    """A wheel called torch that holds nothing, in a folder that is an index when it is served."""
    place = folder / "torch"
    place.mkdir(parents=True, exist_ok=True)
    about = f"torch-{version}.dist-info"
    with zipfile.ZipFile(place / f"torch-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with `pypi`, `rocm7.2`, `xpu`, `cpu` and `cu130`, as far as PyTorch is concerned."""
    folder = tmp_path_factory.mktemp("indexes")
    write_wheel(folder / "pypi", "2.13.0")
    for build in ("rocm7.2", "xpu", "cpu", "cu130"):
        write_wheel(folder / build, f"2.13.0+{build}")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass(frozen=True)
class Door:
    """A project whose `run.py` installs from the served indexes, on a computer with the cards in `machine`."""

    folder: Path
    pypi: str

    @property
    def machine(self) -> Path:
        return self.folder / "machine"

    def run(self, *arguments: str) -> str:
        program = (
            "import sys, functools, run; from pathlib import Path;"
            f"run.cards.find_cards = functools.partial(run.cards.find_cards, Path({str(self.machine)!r}));"
            "sys.exit(run.main(sys.argv[1:]))"
        )
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        answer = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
            cwd=self.folder,
            env={**environment, "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": self.pypi},
        )
        return answer.stderr

    def torch(self) -> str:
        """The version that is installed."""
        [found] = (self.folder / ".venv").glob("lib/python3*/site-packages/torch-*.dist-info")
        return found.name[len("torch-") : -len(".dist-info")]


@pytest.fixture
def door(tmp_path: Path, indexes: str) -> Door:
    copy_door(tmp_path)
    (tmp_path / "backend" / "acetate" / "__main__.py").write_text("")
    (tmp_path / "plain_backend.py").write_text(BACKEND)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "constraints.txt").write_text("torch==2.13.0\n")
    builds = (tmp_path / "torch_builds.toml").read_text().replace("https://download.pytorch.org/whl", indexes)
    (tmp_path / "torch_builds.toml").write_text(builds)
    return Door(tmp_path, f"{indexes}/pypi")


def write_machine(root: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="ascii")


def pci(vendor: str, device: str, slot: str = "0000:03:00.0", kind: str = "0x030000") -> dict[str, str]:
    place = f"sys/bus/pci/devices/{slot}"
    return {f"{place}/class": f"{kind}\n", f"{place}/vendor": f"{vendor}\n", f"{place}/device": f"{device}\n"}


NVIDIA_READY = {**pci("0x10de", "0x2684"), "proc/driver/nvidia/version": "NVRM version: 580\n"}
ROCM_NODE = "sys/class/kfd/kfd/topology/nodes/1/properties"
AMD_READY = {**pci("0x1002", "0x744c"), ROCM_NODE: "simd_count 192\ngfx_target_version 110000\n"}
AMD_OLD = {**pci("0x1002", "0x1638"), ROCM_NODE: "simd_count 32\ngfx_target_version 90012\n"}
ARC = pci("0x8086", "0x56a0")
MACHINES: list[tuple[dict[str, str], tuple[Card, ...]]] = [
    ({}, ()),
    (NVIDIA_READY, (Card("NVIDIA", "cuda"),)),
    ({"usr/lib/wsl/lib/libcuda.so.1": ""}, (Card("NVIDIA", "cuda"),)),
    (AMD_READY, (Card("AMD", "rocm"),)),
    (ARC, (Card("Intel Arc", "xpu"),)),
    (pci("0x8086", "0x64a0"), (Card("Intel Arc", "xpu"),)),
    (pci("0x8086", "0x3e92"), ()),
    (pci("0x10de", "0x10f8", kind="0x040300"), ()),
    ({**AMD_READY, **pci("0x10de", "0x2684", "0000:04:00.0"), **NVIDIA_READY}, (Card("NVIDIA", "cuda"),)),
]


@pytest.mark.parametrize(("files", "found"), MACHINES)
def test_cards_are_found_in_the_systems_lists(tmp_path: Path, files: dict[str, str], found: tuple[Card, ...]) -> None:
    write_machine(tmp_path, files)
    assert find_cards(tmp_path, "linux") == found


@pytest.mark.parametrize(("files", "maker"), [(pci("0x10de", "0x2684"), "NVIDIA"), (AMD_OLD, "AMD")])
def test_a_card_that_no_build_can_use_is_told_with_the_reason(
    tmp_path: Path, files: dict[str, str], maker: str
) -> None:
    write_machine(tmp_path, files)
    [card] = find_cards(tmp_path, "linux")
    assert (card.maker, card.build) == (maker, "")
    assert card.problem in unused((card,), "cpu")


def test_windows_cards_are_found_by_their_device_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [r"PCI\VEN_8086&DEV_56A0&SUBSYS_10018086", r"pci\ven_1002&dev_744c", "ROOT\\BasicDisplay"]
    monkeypatch.setattr("acetate.cards._windows_devices", lambda: set(map(device_numbers, names)))
    amd, intel = find_cards(tmp_path, "win32")
    assert (amd.maker, amd.build) == ("AMD", "") and "Windows" in amd.problem
    assert intel == Card("Intel Arc", "xpu")
    write_machine(tmp_path, {"Windows/System32/nvcuda.dll": ""})
    assert find_cards(tmp_path, "win32")[0] == Card("NVIDIA", "cuda")


@pytest.mark.parametrize(
    ("version", "system", "machine", "build"),
    [
        ("2.13.0", "linux", "x86_64", "cuda"),
        ("2.13.0", "linux", "aarch64", "cpu"),
        ("2.13.0", "win32", "AMD64", "cpu"),
        ("2.13.0", "darwin", "arm64", "mps"),
        ("2.13.0+cpu", "linux", "x86_64", "cpu"),
        ("2.13.0+cu130", "win32", "AMD64", "cuda"),
        ("2.13.0+rocm7.2", "linux", "x86_64", "rocm"),
        ("2.13.0+xpu", "win32", "AMD64", "xpu"),
    ],
)
def test_a_version_tells_its_build(version: str, system: str, machine: str, build: str) -> None:
    assert build_of(version, system, machine) == build


def test_a_card_that_the_installed_build_cannot_use_is_told_with_the_way_out() -> None:
    assert "--torch rocm" in unused((Card("AMD", "rocm"),), "cuda")
    assert unused((Card("AMD", "rocm"),), "rocm") == "" == unused((), "cpu")


@pytest.mark.parametrize(
    ("installed", "cards", "device"),
    [
        ("2.13.0", (Card("NVIDIA", "cuda"),), "cuda"),
        ("2.13.0+cpu", (Card("NVIDIA", "cuda"),), "cpu"),
        ("2.13.0+rocm7.2", (Card("AMD", "rocm"),), "cuda"),
        ("2.13.0+xpu", (Card("Intel Arc", "xpu"),), "xpu"),
        ("2.13.0+xpu", (), "cpu"),
    ],
)
def test_the_daemon_foretells_the_device_by_card_and_build(
    monkeypatch: pytest.MonkeyPatch, installed: str, cards: tuple[Card, ...], device: str
) -> None:
    monkeypatch.setattr(engine_loader, "version", lambda name: installed)
    monkeypatch.setattr(engine_loader, "find_cards", lambda: cards)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert engine_loader.guess_device() == device


@LINUX_X86
@pytest.mark.parametrize(
    ("files", "version"), [({}, "2.13.0"), (NVIDIA_READY, "2.13.0"), (AMD_READY, "2.13.0+rocm7.2"), (ARC, "2.13.0+xpu")]
)
def test_the_build_that_fits_the_card_is_installed_and_later_runs_start_at_once(
    door: Door, files: dict[str, str], version: str
) -> None:
    write_machine(door.machine, files)
    assert "installing Acetate" in door.run("samplers")
    assert door.torch() == version
    assert door.run("samplers") == ""


@LINUX_X86
def test_another_build_can_be_asked_for_and_stays(door: Door) -> None:
    for build, version in (
        ("cpu", "2.13.0+cpu"),
        ("cuda", "2.13.0+cu130"),
        ("rocm", "2.13.0+rocm7.2"),
        ("cpu", "2.13.0+cpu"),
    ):
        door.run("--torch", build, "samplers")
        assert door.torch() == version
    write_machine(door.machine, AMD_READY)
    assert door.run("samplers") == "", "what was asked for is not complained of"
    assert door.torch() == "2.13.0+cpu"


@pytest.mark.slow
@LINUX_X86
def test_without_the_builds_host_pypis_own_is_installed_and_said(door: Door, indexes: str) -> None:
    write_machine(door.machine, AMD_READY)
    builds = door.folder / "torch_builds.toml"
    reachable = builds.read_text()
    builds.write_text(reachable.replace(f"{indexes}/rocm7.2", "http://127.0.0.1:9/rocm7.2"))
    told = door.run("samplers")
    assert "did not give that build" in told and "--torch rocm" in told
    assert door.torch() == "2.13.0"
    again = door.run("samplers")
    assert "installing" not in again and "--torch rocm" in again
    builds.write_text(reachable)
    assert "--torch" not in door.run("--torch", "rocm", "samplers")
    assert door.torch() == "2.13.0+rocm7.2"


def test_an_unknown_build_is_refused_with_those_that_there_are(door: Door) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        door.run("--torch", "metal", "samplers")
    assert "choose from cpu, cuda, rocm, xpu" in refusal.value.stderr
