# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the releases of Blender, in one place."""

from __future__ import annotations

from typing import Any

import bpy

EXTENSIONS_SINCE = (4, 2, 0)
"""From this release on, add-ons are extensions, and EEVEE sorts and blends as `surface_render_method` says."""


def eevee_engine() -> str:
    """The name of EEVEE as a render engine."""
    return "BLENDER_EEVEE_NEXT" if EXTENSIONS_SINCE <= bpy.app.version < (5, 0, 0) else "BLENDER_EEVEE"


def blend(material: Any) -> None:
    """Have EEVEE blend this material's layers smoothly and in order, not by a pattern of dots."""
    if bpy.app.version >= EXTENSIONS_SINCE:
        material.surface_render_method = "BLENDED"
        material.use_transparency_overlap = True
    else:
        material.blend_method = "BLEND"
        material.show_transparent_back = True
        material.shadow_method = "NONE"


def is_blended(material: Any) -> bool:
    """Whether EEVEE blends this material smoothly."""
    if bpy.app.version >= EXTENSIONS_SINCE:
        return bool(material.surface_render_method == "BLENDED")
    return bool(material.blend_method == "BLEND")


def node_tree(owner: Any) -> Any:
    """The node tree of a material; made first where materials start without one."""
    if bpy.app.version < (5, 0, 0):
        owner.use_nodes = True
    return owner.node_tree


def no_light_source(material: Any) -> None:
    """Tell Cycles not to look for light in this glowing material."""
    if hasattr(material.cycles, "emission_sampling"):
        material.cycles.emission_sampling = "NONE"
    else:
        material.cycles.sample_as_light = False


def is_rendering() -> bool:
    """Whether a render runs now."""
    return bool(bpy.app.is_job_running("RENDER"))


def may_go_online() -> bool:
    """Whether the artist lets Blender reach other machines; releases before 4.2 do not ask."""
    return bool(getattr(bpy.app, "online_access", True))
