"""Acetate for Blender: an extension a platform, and the way into this user's Blender.

An extension carries everything it needs as wheels, which Blender unpacks: pyzmq and msgpack from PyPI for both
Pythons that Blender 4.2 and later have (3.11, from 5.1 on 3.13), and Acetate's own shared packages. Blender before 4.2
knows no extensions: there the same files become an add-on, with the unpacked wheels in the add-ons' folder `modules`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from acetate_wire.errors import AcetateError

from acetate.plugin_packaging import SHARED, path_beside, sources, wheels
from acetate.plugin_packaging.blender_index import write_index

ADD_ON = "acetate_blender"
MANIFEST = "blender_manifest.toml"
EXTENSION = "acetate"
PLATFORMS: Mapping[str, tuple[str, ...]] = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "windows-arm64": ("win_arm64",),
    "macos-arm64": ("macosx_11_0_arm64",),
    "macos-x64": ("macosx_10_15_x86_64",),
}
"""Blender's names of the platforms, and PyPI's."""
PYTHONS = ("3.11", "3.13")
EXTENSIONS_SINCE = (4, 2)
_WHO = "; ".join(
    (
        "import bpy, sys",
        "print('ACETATE', *bpy.app.version[:2], *sys.version_info[:2], bpy.utils.user_resource('SCRIPTS'))",
    )
)
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time stamp of every packed file, so that the same sources give the same packages."""


@dataclass(frozen=True)
class BlenderInstall:
    """An installed Blender: its program, its version, its Python and where its user's scripts are."""

    program: Path
    version: tuple[int, int]
    python: str
    scripts: Path


def build(folder: Path) -> tuple[Path, ...]:
    """Write the extension for each platform into `folder`, checked by Blender's own tool where one is at hand.

    The last path is the listing that makes the folder a repository of extensions.
    Raises AcetateError when the wheels cannot be had or Blender finds fault with a package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checker = extension_tool()
    made = tuple(build_for(name, folder) for name in PLATFORMS)
    if checker is not None:
        for package in made:
            _run([*checker, str(package)], f"Blender finds fault with {package.name}")
    return (*made, write_index(folder, made, MANIFEST, PYTHONS))


def build_for(platform: str, folder: Path) -> Path:
    """Write the extension for one of `PLATFORMS` and return its path."""
    name, data = shared_wheel()
    packed = {f"wheels/{name}": data}
    for python in PYTHONS:
        for path in wheels.fetch(_needed(), python, PLATFORMS[platform]):
            packed[f"wheels/{path.name}"] = path.read_bytes()
    files = {**_add_on(), **packed}
    files[MANIFEST] = _manifest(files[MANIFEST].decode(), platform, sorted(packed)).encode()
    out = folder / f"{EXTENSION}-{_version()}-{platform}.zip"
    _zip(out, files)
    return out


def install() -> Path:
    """Put the plug-in into this user's Blender and enable it; returns the folder that holds it now.

    The program is `ACETATE_BLENDER` where that is set, else `blender` on the path or in its usual place. Raises
    AcetateError when there is none, and names what to do by hand.
    """
    blender = find_blender()
    if blender.version < EXTENSIONS_SINCE:
        return install_legacy(blender)
    with tempfile.TemporaryDirectory() as scratch:
        package = build_for(this_platform(), Path(scratch))
        command = [blender.program, "--command", "extension", "install-file", "-r", "user_default", "--enable", package]
        _run([str(word) for word in command], "Blender could not install the extension")
    return blender.scripts.parent / "extensions" / "user_default" / EXTENSION


def install_legacy(blender: BlenderInstall) -> Path:
    """Copy the add-on into the scripts of a Blender before 4.2, its libraries beside it, and enable it."""
    add_ons = blender.scripts / "addons"
    place = add_ons / ADD_ON
    shutil.rmtree(place, ignore_errors=True)
    for name, data in _add_on().items():
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    with tempfile.TemporaryDirectory() as scratch:
        name, data = shared_wheel()
        shared = Path(scratch) / name
        shared.write_bytes(data)
        # Blender has this folder on its path: the add-on need not touch it.
        found = wheels.fetch(_needed(), blender.python, PLATFORMS[this_platform()])
        wheels.unpack((shared, *found), add_ons / "modules")
    enable = f"import bpy; bpy.ops.preferences.addon_enable(module={ADD_ON!r}); bpy.ops.wm.save_userpref()"
    _run([str(blender.program), "-b", "--python-exit-code", "1", "--python-expr", enable], "Blender did not enable it")
    return place


def find_blender() -> BlenderInstall:
    """This user's Blender. Raises AcetateError when there is none."""
    chosen = os.environ.get("ACETATE_BLENDER") or shutil.which("blender")
    usual = (
        "/Applications/Blender.app/Contents/MacOS/Blender",
        *sorted(map(str, Path("C:/Program Files/Blender Foundation").glob("*/blender.exe")), reverse=True),
    )
    program = chosen or next((path for path in usual if Path(path).is_file()), None)
    if program is None:
        raise AcetateError(
            "not_allowed",
            "Blender was not found",
            hint="set ACETATE_BLENDER to its program, or run `acetate plugins build blender` and drag the zip for "
            "your platform into Blender's window",
        )
    said = _run([program, "-b", "--python-expr", _WHO], "Blender did not start")
    found = re.search(r"^ACETATE (\d+) (\d+) (\d+) (\d+) (.+)$", said, re.MULTILINE)
    if found is None:
        raise AcetateError("internal", f"{program} did not say which Blender it is", hint="set ACETATE_BLENDER")
    major, minor, *python = (int(found.group(n)) for n in range(1, 5))
    return BlenderInstall(Path(program), (major, minor), "{}.{}".format(*python), Path(found.group(5)))


def shared_wheel() -> tuple[str, bytes]:
    """The packages that every plug-in carries as one wheel: its name and its bytes.

    The version carries a digest of the contents, because Blender unpacks a wheel anew only under another name.
    """
    folders = [Path(shared.__file__ or "").parent for shared in SHARED]
    files = {
        f"{folder.name}/{path.name}": path.read_bytes() for folder in folders for path in sorted(folder.glob("*.py"))
    }
    digest = hashlib.sha256(b"".join(name.encode() + data for name, data in files.items())).hexdigest()[:12]
    name = f"acetate_shared-{_version()}+{digest}"
    info = f"{name}.dist-info"
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: acetate-shared\nVersion: {_version()}+{digest}\n".encode()
    )
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: acetate\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    rows = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    with tempfile.TemporaryDirectory() as scratch:
        wheel = Path(scratch) / f"{name}-py3-none-any.whl"
        _zip(wheel, files)
        return wheel.name, wheel.read_bytes()


def extension_tool() -> list[str] | None:
    """The command that checks a package: of a Blender from 4.2 on, or of Blender as a Python module."""
    modules = (*map(Path, sys.path), *_repository_modules())
    tools = (tool for place in modules for tool in place.glob("bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    found = next(tools, None)
    if found is not None:
        return [sys.executable, str(found), "validate"]
    try:
        blender = find_blender()
    except AcetateError:
        return None
    if blender.version < EXTENSIONS_SINCE:
        return None
    return [str(blender.program), "--command", "extension", "validate"]


def _repository_modules() -> Iterable[Path]:
    """Where `.ci/editors` installs Blenders."""
    return sorted((Path(__file__).parents[3] / ".editors").glob("bpy-*/lib/python*/site-packages"))


def _add_on() -> dict[str, bytes]:
    """The add-on's own files by their path."""
    folder = sources("plugin_blender") / ADD_ON
    found = (path for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".toml") or path.name == "LICENSE")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def _manifest(text: str, platform: str, wheels: Iterable[str]) -> str:
    """The manifest for one platform, with its wheels; both belong before the first table."""
    listed = ", ".join(json.dumps(f"./{wheel}") for wheel in wheels)
    head, table, rest = text.partition("\n[permissions]")
    head = re.sub(r'^version = ".*"$', f'version = "{_version()}"', head, flags=re.MULTILINE)
    return f"{head}\nplatforms = [{json.dumps(platform)}]\nwheels = [{listed}]\n{table}{rest}"


def _zip(path: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _version() -> str:
    return version("acetate")


def _needed() -> tuple[str, ...]:
    """The libraries that the wire needs, in the versions that Acetate itself runs with."""
    return tuple(f"{name}=={version(name)}" for name in ("pyzmq", "msgpack"))


def this_platform() -> str:
    """Blender's name of the platform that this runs on. Raises AcetateError when there is no package for it."""
    system = {"linux": "linux", "win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    machine = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x64"
    name = f"{system}-{machine}"
    if name not in PLATFORMS:
        raise AcetateError("not_allowed", f"there is no package for {name}", hint=f"there are {', '.join(PLATFORMS)}")
    return name


def _run(command: Sequence[str], failure: str) -> str:
    """Run a program and return what it prints. Raises AcetateError with the end of that when it fails."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, "PATH": path_beside(command[0])},
        )
    except OSError as error:
        raise AcetateError("internal", f"{failure} ({error})", hint="is it installed?") from None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()[-1500:]
        raise AcetateError("internal", f"{failure}:\n{said}", hint="the lines above say why")
    return done.stdout
