"""Krita's docker, with everything that Krita's own Python lacks.

The plug-in carries Acetate's own shared packages and, for each Python that a Krita comes with, pyzmq and msgpack in a
folder of their own; the plug-in picks the one that fits (`plugin_krita/acetate_krita/vendor_path.py`).
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from acetate_wire.errors import AcetateError
from acetate_wire.launch import FILE_NAME, save_launch_command
from acetate_wire.paths import config_dir, ensure_private_dir

import acetate
from acetate.plugin_packaging import SHARED, sources, wheels

ROOM = "plugin_krita"
NAME = "acetate_krita"
SWITCH = f"enable_{NAME}"
PYTHONS = {
    "3.9": ("pyzmq==27.3.0", "msgpack==1.1.2"),
    "3.10": ("pyzmq==27.3.0", "msgpack==1.2.4"),
    "3.11": ("pyzmq==27.3.0", "msgpack==1.2.4"),
    "3.12": ("pyzmq==27.3.0", "msgpack==1.2.4"),
}
"""What each Python needs; pyzmq for 3.12 serves later ones too, and msgpack then falls back to plain Python."""


@dataclass(frozen=True)
class KritaPlatform:
    """A kind of computer that has a package of its own, and the tags of the wheels that run there."""

    name: str
    tags: tuple[str, ...]


PLATFORMS = (
    KritaPlatform("linux-x86_64", ("manylinux_2_28_x86_64", "manylinux_2_26_x86_64", "manylinux2014_x86_64")),
    KritaPlatform("linux-aarch64", ("manylinux_2_28_aarch64", "manylinux_2_26_aarch64", "manylinux2014_aarch64")),
    KritaPlatform("windows", ("win_amd64",)),
    KritaPlatform("macos", ("macosx_11_0_universal2", "macosx_10_15_universal2", "macosx_11_0_arm64")),
)


def build(folder: Path) -> tuple[Path, ...]:
    """One zip for each kind of computer, for Krita's *Tools > Scripts > Import Python Plugin from File*."""
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(build_for(kind, folder) for kind in PLATFORMS)


def build_for(kind: KritaPlatform, folder: Path) -> Path:
    """The zip for one kind of computer."""
    target = folder / f"{NAME}-{acetate.__version__}-{kind.name}.zip"
    part = target.with_suffix(".part")
    with tempfile.TemporaryDirectory() as scratch:
        assemble(kind, Path(scratch))
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(scratch).rglob("*")):
                archive.write(path, path.relative_to(scratch))
    part.replace(target)
    return target


def install() -> Path:
    """Put the docker into this user's Krita and switch it on; Krita reads it at its next start.

    An older version is replaced. Also notes how the daemon is started, so that the docker can do it.
    """
    plugins = resource_folder() / "pykrita"
    plugins.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=plugins, prefix=".acetate-") as scratch:
        fresh = Path(scratch)
        assemble(this_platform(), fresh)
        target = plugins / NAME
        if target.exists():
            target.rename(fresh / "before")
        (fresh / NAME).rename(target)
        (fresh / f"{NAME}.desktop").replace(plugins / f"{NAME}.desktop")
        actions = plugins.parent / "actions"
        actions.mkdir(exist_ok=True)
        (fresh / f"{NAME}.action").replace(actions / f"{NAME}.action")
    _switch_on(kritarc())
    if not (config_dir() / FILE_NAME).exists():
        save_launch_command([sys.executable, "-m", "acetate.daemon"], ensure_private_dir(config_dir()))
    return target


def assemble(kind: KritaPlatform, folder: Path) -> None:
    """Everything that belongs into Krita's plug-in folder, for one kind of computer."""
    room = sources(ROOM)
    shutil.copy2(room / f"{NAME}.desktop", folder)
    shutil.copy2(room / f"{NAME}.action", folder)
    junk = shutil.ignore_patterns("__pycache__", "vendor")
    shutil.copytree(room / NAME, folder / NAME, ignore=junk)
    vendor = folder / NAME / "vendor"
    for shared in SHARED:
        shutil.copytree(Path(shared.__file__ or "").parent, vendor / "common" / shared.__name__, ignore=junk)
    for python, requirements in PYTHONS.items():
        wheels.unpack(wheels.fetch(requirements, python, kind.tags), vendor / f"python{python}")


def this_platform() -> KritaPlatform:
    """The kind of computer that this is. Raises AcetateError when there are no wheels for it."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    name = {"win32": "windows", "darwin": "macos"}.get(sys.platform, f"linux-{machine}")
    for kind in PLATFORMS:
        if kind.name == name:
            return kind
    raise AcetateError(
        "internal",
        f"the docker is not packed for {name}",
        hint=f"it runs on {', '.join(kind.name for kind in PLATFORMS)}",
    )


def kritarc() -> Path:
    """Krita's settings file of this user; it may not exist yet."""
    if sys.platform == "win32":
        return Path(os.environ["LOCALAPPDATA"]) / "kritarc"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Preferences" / "kritarc"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kritarc"


def resource_folder() -> Path:
    """Krita's resource folder of this user: the one chosen in its settings, else the platform's."""
    chosen = _entry(_lines(kritarc()), "", "ResourceDirectory")
    if chosen and Path(chosen).is_dir():
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ["APPDATA"]) / "krita"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "krita"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "krita"


def _switch_on(settings: Path) -> None:
    """Switch the docker on in Krita's settings; everything else in the file stays as it is."""
    lines = _lines(settings)
    if _entry(lines, "python", SWITCH) == "true":
        return
    kept = [line for group, line in _grouped(lines) if not (group == "python" and line.startswith(f"{SWITCH}="))]
    if "[python]" not in kept:
        kept += ["", "[python]"]
    kept.insert(kept.index("[python]") + 1, f"{SWITCH}=true")
    settings.parent.mkdir(parents=True, exist_ok=True)
    part = settings.with_name(f"{settings.name}.acetate")
    part.write_text("\n".join(kept) + "\n", encoding="utf-8")
    part.replace(settings)


def _lines(settings: Path) -> list[str]:
    try:
        return settings.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _grouped(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Each line with the group that it stands in; the first ones stand in none."""
    group = ""
    for line in lines:
        if line.startswith("["):
            group = line.strip()[1:-1]
        yield group, line


def _entry(lines: list[str], group: str, name: str) -> str:
    found = (line for place, line in _grouped(lines) if place == group and line.startswith(f"{name}="))
    return next(found, "").partition("=")[2]
