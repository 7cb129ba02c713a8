# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist, the F3 search and scripts can do."""

from __future__ import annotations

import bpy

from . import base, generate, jobs, layer_list, layers, maintenance, masks, sequences

PARTS = (generate, sequences, jobs, layers, layer_list, masks, maintenance)
"""What lists its operators when it is imported."""
register, unregister = bpy.utils.register_classes_factory(base.CLASSES)
