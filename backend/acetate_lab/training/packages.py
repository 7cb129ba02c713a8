"""Openly licensed picture packages: which ones, at which version, under which licence, and how to get them."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PicturePackage:
    """One npm package of pictures or of words about them; `style` is the word that captions use for its look."""

    name: str
    version: str
    licence: str
    credit: str
    style: str = ""

    @property
    def folder_name(self) -> str:
        """A folder name without the characters that npm scopes bring."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}"


FLUENT = PicturePackage("@lobehub/fluent-emoji-3d", "1.1.0", "MIT", "Fluent Emoji, Microsoft", style="3d")
NOTO = PicturePackage("@iconify-json/noto", "1.2.9", "Apache-2.0", "Noto Emoji, Google", style="cartoon")
TWEMOJI = PicturePackage("@twemoji/svg", "15.0.0", "CC-BY-4.0", "Twemoji, Twitter and contributors", style="flat")
KEYWORDS = PicturePackage("emojilib", "4.0.3", "MIT", "emojilib, Mu-An Chiou and contributors")


class PackageError(RuntimeError):
    """A picture package could not be fetched; the message says what to install or to try."""


def fetch(package: PicturePackage, cache: Path) -> Path:
    """Return the unpacked folder of `package` under `cache`, downloading it with npm when it is not there yet."""
    folder = cache / package.folder_name
    if (folder / "package.json").is_file():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise PackageError("npm is needed to download the pictures: install Node.js, then start the training again")
    cache.mkdir(parents=True, exist_ok=True)
    expected = f"{package.name}@{package.version}"
    packed = subprocess.run([npm, "pack", "--silent", expected], cwd=cache, capture_output=True, text=True, check=False)
    if packed.returncode != 0:
        raise PackageError(f"npm could not download {expected}: {packed.stderr.strip() or 'no reason given'}")
    archive = cache / packed.stdout.strip().splitlines()[-1]
    unpacked = cache / f"{package.folder_name}.part"
    shutil.rmtree(unpacked, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked, filter="data")
    (unpacked / "package").replace(folder)
    shutil.rmtree(unpacked)
    archive.unlink()
    return folder
