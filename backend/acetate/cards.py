"""Which graphics cards this computer has, and which builds of PyTorch can compute on them.

Read from the system's own lists within a few milliseconds, without any framework: `run.py` asks before anything is
installed, so this uses the standard library alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

NVIDIA, AMD, INTEL = "0x10de", "0x1002", "0x8086"
"""The makers' numbers on the PCI bus."""
DISPLAY = "0x03"
"""What the class of display controllers begins with on the PCI bus."""
ROCM_TARGETS = (90000, 90006, 90008, 90010, 90402, 90500, 100300, 110000, 110001, 110002, 110501, 120000, 120001)
"""AMD's chips in PyTorch's ROCm builds, as the kernel numbers them: gfx1030 is 100300."""
ARC_DEVICES = ("0x56", "0xe2", "0x64a", "0x7d5", "0x7dd")
"""What the device numbers of Intel's Arc cards and Arc graphics inside processors begin with."""
WINDOWS_ADAPTERS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
BUILDS = {"cuda": "NVIDIA (CUDA)", "rocm": "AMD (ROCm)", "xpu": "Intel (XPU)", "mps": "Apple (MPS)"}
"""The builds that compute on a graphics card, in words; besides them there is `cpu`."""


@dataclass(frozen=True)
class Card:
    """A graphics card: its maker, and the build of PyTorch that computes on it.

    `build` is empty where none can, for the reason in `problem`.
    """

    maker: str
    build: str = ""
    problem: str = ""


def find_cards(root: Path = Path("/"), system: str = sys.platform) -> tuple[Card, ...]:
    """The graphics cards of this computer, one for each maker; `root` is where its file system begins."""
    if system == "win32":
        return _windows_cards(root / "Windows/System32/nvcuda.dll", _windows_devices())
    if not system.startswith("linux"):
        return ()
    devices = _linux_devices(root)
    makers = {maker for maker, _ in devices}
    found = []
    if (root / "proc/driver/nvidia/version").exists() or (root / "usr/lib/wsl/lib/libcuda.so.1").exists():
        found.append(Card("NVIDIA", "cuda"))
    elif NVIDIA in makers:
        found.append(Card("NVIDIA", problem="its driver is not installed"))
    if AMD in makers:
        known = _rocm_ready(root / "sys/class/kfd/kfd/topology/nodes")
        problem = "PyTorch's ROCm builds do not know its chip, or its driver (amdgpu with ROCm) is not loaded"
        found.append(Card("AMD", "rocm") if known else Card("AMD", problem=problem))
    if any(maker == INTEL and device.startswith(ARC_DEVICES) for maker, device in devices):
        found.append(Card("Intel Arc", "xpu"))
    return tuple(found)


def _linux_devices(root: Path) -> set[tuple[str, str]]:
    """The maker and device numbers of all display controllers."""
    found = set()
    for folder in sorted((root / "sys/bus/pci/devices").glob("*")):
        if _read(folder / "class").startswith(DISPLAY):
            found.add((_read(folder / "vendor"), _read(folder / "device")))
    return found


def _rocm_ready(nodes: Path) -> bool:
    """Whether the driver offers a chip that PyTorch's ROCm builds compute on."""
    for properties in nodes.glob("*/properties"):
        for line in _read(properties).splitlines():
            name, _, value = line.partition(" ")
            if name == "gfx_target_version" and value.isdigit() and int(value) in ROCM_TARGETS:
                return True
    return False


def _windows_cards(nvidia_driver: Path, devices: set[tuple[str, str]]) -> tuple[Card, ...]:
    found = [Card("NVIDIA", "cuda")] if nvidia_driver.exists() else []
    makers = {maker for maker, _ in devices}
    if NVIDIA in makers and not found:
        found.append(Card("NVIDIA", problem="its driver is not installed"))
    if AMD in makers:
        found.append(Card("AMD", problem="PyTorch has no build for AMD's cards on Windows"))
    if any(maker == INTEL and device.startswith(ARC_DEVICES) for maker, device in devices):
        found.append(Card("Intel Arc", "xpu"))
    return tuple(found)


def _windows_devices() -> set[tuple[str, str]]:
    """The maker and device numbers of all display adapters, out of the registry."""
    found: set[tuple[str, str]] = set()
    if sys.platform == "win32":
        import winreg

        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, WINDOWS_ADAPTERS) as adapters:
            for number in range(winreg.QueryInfoKey(adapters)[0]):
                try:
                    with winreg.OpenKey(adapters, winreg.EnumKey(adapters, number)) as adapter:
                        found.add(device_numbers(winreg.QueryValueEx(adapter, "MatchingDeviceId")[0]))
                except OSError:
                    continue
    return found


def device_numbers(matching: str) -> tuple[str, str]:
    """The maker and device numbers in Windows' name of a device, such as `PCI\\VEN_8086&DEV_56A0`."""
    numbers = dict(part.split("_", 1) for part in matching.lower().rpartition("\\")[2].split("&") if "_" in part)
    return f"0x{numbers.get('ven', '')}", f"0x{numbers.get('dev', '')}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def build_of(version: str, system: str, machine: str) -> str:
    """Which build a version of PyTorch is: `cuda`, `rocm`, `xpu`, `mps` or `cpu`; `system` is that of `sys.platform`.

    The plain wheels of PyPI, whose versions do not say so, compute on NVIDIA's cards on Linux with an x86 processor,
    on Apple's devices on a Mac, and else on the processor alone.
    """
    local = version.partition("+")[2]
    for start, build in (("cu", "cuda"), ("rocm", "rocm"), ("xpu", "xpu"), ("cpu", "cpu")):
        if local.startswith(start):
            return "mps" if build == "cpu" and system == "darwin" else build
    if system == "darwin":
        return "mps" if machine == "arm64" else "cpu"
    return "cuda" if system.startswith("linux") and machine in ("x86_64", "AMD64") else "cpu"


def unused(cards: tuple[Card, ...], build: str) -> str:
    """What to do about cards that a build of PyTorch cannot use, empty where it uses one or there is none."""
    if any(card.build == build for card in cards):
        return ""
    for card in cards:
        if card.build:
            computes = BUILDS.get(build, "the processor alone")
            return (
                f"there is a graphics card ({card.maker}) that the installed PyTorch, for {computes}, cannot use; "
                f"to install another: python3 run.py --torch {card.build}"
            )
    return next((f"the graphics card ({card.maker}) is not used: {card.problem}" for card in cards), "")
