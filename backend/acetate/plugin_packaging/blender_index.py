"""The listing that makes a folder of extensions a repository, from which Blender installs and updates.

Format: Blender's extension repository listing, version 1, as `blender --command extension server-generate` writes it
(https://developer.blender.org/docs/features/extensions/api_listing/).
"""

from __future__ import annotations

import hashlib
import json
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

NAME = "index.json"
LISTED = (
    *("schema_version", "id", "name", "tagline", "version", "type", "maintainer", "license", "blender_version_min"),
    *("blender_version_max", "website", "copyright", "permissions", "tags", "platforms"),
)
"""The fields of a manifest that the listing repeats."""


def write_index(folder: Path, packages: Sequence[Path], manifest: str, pythons: Sequence[str]) -> Path:
    """List `packages`, which lie in `folder` and have their manifest under that name; returns the listing's path.

    `pythons` are the versions of Python that each package has wheels for.
    """
    data = [{**_of_package(package, manifest), "python_versions": list(pythons)} for package in packages]
    index = folder / NAME
    index.write_text(json.dumps({"version": "v1", "blocklist": [], "data": data}, indent=2) + "\n", "utf-8")
    return index


def _of_package(package: Path, manifest: str) -> dict[str, Any]:
    with zipfile.ZipFile(package) as archive:
        fields = tomllib.loads(archive.read(manifest).decode())
    packed = package.read_bytes()
    return {
        **{name: fields[name] for name in LISTED if name in fields},
        "archive_url": f"./{quote(package.name)}",
        "archive_size": len(packed),
        "archive_hash": f"sha256:{hashlib.sha256(packed).hexdigest()}",
    }
