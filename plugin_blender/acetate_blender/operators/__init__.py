# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist, the F3 search and scripts can do."""

from __future__ import annotations

import bpy

from . import generate, jobs, layer_list, layers, maintenance, masks, sequences

CLASSES = (
    *generate.CLASSES,
    *sequences.CLASSES,
    *jobs.CLASSES,
    *layers.CLASSES,
    *layer_list.CLASSES,
    *masks.CLASSES,
    *maintenance.CLASSES,
)


def register() -> None:
    """Make the operators known to Blender."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    """Take them back."""
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
