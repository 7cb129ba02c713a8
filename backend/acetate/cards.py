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
        known = _rocm_chips(root / "sys/class/kfd/kfd/topology/nodes") > 0
        problem = "PyTorch's ROCm builds do not know its chip, or its driver (amdgpu with ROCm) is not loaded"
        found.append(Card("AMD", "rocm") if known else Card("AMD", problem=problem))
    if any(maker == INTEL and device.startswith(ARC_DEVICES) for maker, device in devices):
        found.append(Card("Intel Arc", "xpu"))
    return tuple(found)


def card_count(build: str, root: Path = Path("/"), system: str = sys.platform) -> int:
    """How many cards a build of PyTorch computes on here: at least 1, for a build whose card `find_cards` has found."""
    count = 1
    if build == "cuda" and system == "win32":
        count = _driven_devices("nvlddmkm")
    elif build == "cuda":
        count = len(list((root / "proc/driver/nvidia/gpus").glob("*")))
    elif build == "rocm":
        count = _rocm_chips(root / "sys/class/kfd/kfd/topology/nodes")
    elif build == "xpu" and system.startswith("linux"):
        count = sum(maker == INTEL and device.startswith(ARC_DEVICES) for maker, device in _linux_devices(root))
    return max(1, count)


def _linux_devices(root: Path) -> list[tuple[str, str]]:
    """The maker and device numbers of all display controllers."""
    return [
        (_read(folder / "vendor"), _read(folder / "device"))
        for folder in sorted((root / "sys/bus/pci/devices").glob("*"))
        if _read(folder / "class").startswith(DISPLAY)
    ]


def _rocm_chips(nodes: Path) -> int:
    """How many chips the driver offers that PyTorch's ROCm builds compute on."""
    values = (
        line.partition(" ")[2]
        for properties in nodes.glob("*/properties")
        for line in _read(properties).splitlines()
        if line.startswith("gfx_target_version ")
    )
    return sum(value.isdigit() and int(value) in ROCM_TARGETS for value in values)


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


def _driven_devices(driver: str) -> int:
    """How many devices a Windows driver serves at present, out of the registry."""
    if sys.platform == "win32":
        import winreg

        try:
            with winreg.OpenKey(
                winreg.HKEY_LOCAL_MACHINE, rf"SYSTEM\CurrentControlSet\Services\{driver}\Enum"
            ) as served:
                return int(winreg.QueryValueEx(served, "Count")[0])
        except OSError:
            return 0
    return 0


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
