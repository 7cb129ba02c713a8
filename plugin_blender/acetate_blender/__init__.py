# SPDX-License-Identifier: GPL-3.0-or-later
"""Acetate in Blender: transparent layers from words, as planes before the camera.

`session` polls the daemon and places finished layers, `operators` are what can be done, `interface` is the tab in the
sidebar; `capture` reads the scene, `jobs` remembers, `placing` puts layers where they belong.
"""

from __future__ import annotations

import bpy

from . import i18n, operators, preferences, runtime, settings, ui
from .insert import plane

# Blender before 4.2 reads this without running it: no names in it.
bl_info = {
    "name": "Acetate",
    "author": "The Acetate project",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "Sidebar (N) > Acetate",
    "description": "Transparent picture layers, generated as camera-aligned planes",
    "category": "Import-Export",
}


def register() -> None:
    """Enable the add-on."""
    i18n.register()
    bpy.utils.register_class(preferences.AcetatePreferences)
    settings.register()
    plane.register()
    operators.register()
    ui.register()
    runtime.register()


def unregister() -> None:
    """Disable it, and leave nothing behind."""
    runtime.unregister()
    ui.unregister()
    operators.unregister()
    plane.unregister()
    settings.unregister()
    bpy.utils.unregister_class(preferences.AcetatePreferences)
    i18n.unregister()
