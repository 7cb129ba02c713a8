# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements in the sidebar: which kind, its sliders, and the frames of a loop; beside other models the offer of one."""

from __future__ import annotations

from typing import Any

import bpy
from acetate_editor.elements import ABOUT, COLOUR, fitting
from acetate_wire.element import ELEMENTS

from .. import elements
from ..i18n import tr
from .wrapped_label import wrapped_label

ICON = "MOD_FLUIDSIM"
SETTINGS = "scene.acetate.settings"


class ACETATE_MT_element(bpy.types.Menu):
    bl_idname = "ACETATE_MT_element"
    bl_label = "Element"

    def draw(self, context: Any) -> None:
        for name, label in (("", tr("As the Words Say")), *((kind.name, tr(kind.label)) for kind in elements.kinds())):
            set_it = self.layout.operator("wm.context_set_string", text=label, translate=False)
            set_it.data_path, set_it.value = f"{SETTINGS}.element", name


def draw(layout: Any, context: Any, settings: Any) -> None:
    """The settings of an element, where the model draws by formula."""
    wrapped_label(layout, tr(ABOUT), context.region.width, ICON)
    kind = elements.shown({"element": settings.element, "prompt": settings.prompt})
    row = layout.split(factor=0.4, align=True)
    row.alignment = "RIGHT"
    row.label(text="Element")
    own = next((each for each in elements.kinds() if each.name == settings.element), None)
    row.menu("ACETATE_MT_element", text=tr("As the Words Say") if own is None else tr(own.label), translate=False)
    if kind is None:
        return
    column = layout.column(align=True)
    group = elements.sliders(context.scene, kind)
    for setting in kind.settings:
        column.prop(group, setting.name, slider=setting.type != COLOUR)
    if settings.element_parameters:
        _set(column, "element_parameters", "", tr("As the Words Say"), "LOOP_BACK")
    if kind.outlined:
        layout.prop(settings, "along")
    if kind.loops:
        layout.prop(settings, "frames")


def roles(settings: Any) -> tuple[str, ...]:
    """The roles of the pictures that the panel asks for."""
    names = ("mode", "known", "model", "along", "element", "prompt")
    return elements.roles({name: getattr(settings, name) for name in names})


def draw_offer(layout: Any, settings: Any) -> None:
    """Offer to draw as an element what the words name, beside another model."""
    if settings.mode == "text" and fitting(elements.kinds(), settings.prompt) is not None:
        _set(layout, "model", ELEMENTS, tr("Draw as Element?"), ICON)


def _set(layout: Any, name: str, value: str, text: str, icon: str) -> None:
    set_it = layout.operator("wm.context_set_string", text=text, icon=icon, translate=False)
    set_it.data_path, set_it.value = f"{SETTINGS}.{name}", value


MENUS = (ACETATE_MT_element,)
