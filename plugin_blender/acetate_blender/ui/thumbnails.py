# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures in the panel: previews of running jobs and the layers of finished ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy.utils.previews
import numpy as np
from acetate_wire.events import Picture

SIDE = 128
CHECKS = (0.42, 0.55)
"""The two greys of the ground that transparency is shown on."""

_icons: Any = None
_shown: dict[str, int] = {}
"""Which preview each job's icon shows, by the picture's identity."""


def register() -> None:
    """Make room for icons."""
    global _icons
    _icons = bpy.utils.previews.new()


def unregister() -> None:
    """Free the icons."""
    bpy.utils.previews.remove(_icons)
    _shown.clear()


def of_preview(job: str, picture: Picture) -> int:
    """The icon of a running job's newest preview; 0 where there is none."""
    name = f"preview {job}"
    if _shown.get(name) != id(picture):
        header = picture.header
        rows = np.frombuffer(picture.pixels, np.uint8).reshape(header.height, header.width, 4)
        _draw(name, rows[::-1].astype(np.float32) / 255)
        _shown[name] = id(picture)
    return int(_icons[name].icon_id)


def of_file(path: Path) -> int:
    """The icon of a kept layer; 0 where its file is gone."""
    name = str(path)
    if name not in _icons:
        if not path.is_file():
            return 0
        _icons.load(name, name, "IMAGE")
    return int(_icons[name].icon_id)


def of_image(image: Any) -> int:
    """The icon of an image datablock."""
    preview: Any | None = image.preview_ensure()
    return int(preview.icon_id) if preview else 0


def _draw(name: str, rgba: Any) -> None:
    """Show straight-alpha numbers (rows bottom-up) over a ground of checks."""
    step = max(1, -(-max(rgba.shape[:2]) // SIDE))
    small = rgba[::step, ::step]
    height, width = small.shape[:2]
    checks = np.add.outer(np.arange(height) // 8, np.arange(width) // 8) % 2
    ground = np.take(np.array(CHECKS, np.float32), checks)[..., None]
    alpha = small[..., 3:]
    over = np.ones((height, width, 4), np.float32)
    over[..., :3] = small[..., :3] * alpha + ground * (1 - alpha)
    icon = _icons[name] if name in _icons else _icons.new(name)
    icon.image_size = (width, height)
    icon.image_pixels_float.foreach_set(over.ravel())
    icon.icon_size = (width, height)
    icon.icon_pixels_float.foreach_set(over.ravel())
