# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements in Blender: a property for each parameter that the daemon offers, all held as one text of the scene.

Blender knows the range of a slider from its class, so the classes are made when the daemon has told what there is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import bpy
from acetate_editor.elements import CHOICE, COLOUR, NUMBER, WHOLE, ElementKind, Setting, fitting, kinds_of, words_of
from acetate_wire.element import ELEMENTS
from bpy.props import EnumProperty, FloatProperty, FloatVectorProperty, IntProperty, PointerProperty

from . import options
from .bpy_props import fields
from .daemon_connection import session

_kinds: tuple[ElementKind, ...] = ()
_made: dict[str, type] = {}


def offer() -> bool:
    """Make the properties of what the daemon offers now; whether anything changed."""
    global _kinds
    kinds = kinds_of(session.model(ELEMENTS))
    if not kinds or kinds == _kinds:
        return False
    forget()
    _kinds = kinds
    for kind in kinds:
        properties = {setting.name: _property(setting) for setting in kind.settings}
        made = fields(**properties)(type(f"AcetateElement_{kind.name}", (bpy.types.PropertyGroup,), {}))
        bpy.utils.register_class(made)
        setattr(bpy.types.Scene, _place(kind.name), PointerProperty(type=made))
        _made[kind.name] = made
    return True


def forget() -> None:
    """Take the properties back."""
    global _kinds
    _kinds = ()
    for name, made in _made.items():
        delattr(bpy.types.Scene, _place(name))
        bpy.utils.unregister_class(made)
    _made.clear()


def kinds() -> Sequence[ElementKind]:
    """What the daemon offers."""
    return _kinds


def shown(chosen: Mapping[str, Any]) -> ElementKind | None:
    """The kind that these settings name: the chosen one, else the one of the prompt."""
    own = next((kind for kind in _kinds if kind.name == chosen["element"]), None)
    return own or fitting(_kinds, chosen["prompt"])


def grows_along(chosen: Mapping[str, Any]) -> bool:
    """Whether these settings ask for an element that grows along the outline of a mask."""
    if chosen["model"] != ELEMENTS or chosen["mode"] != "text" or not chosen["along"]:
        return False
    kind = shown(chosen)
    return kind is not None and kind.outlined


def roles(chosen: Mapping[str, Any]) -> tuple[str, ...]:
    """The roles of the pictures that these settings need."""
    needed = options.needed_roles(chosen["mode"], chosen["known"])
    return (*needed, "mask") if grows_along(chosen) else needed


def sliders(scene: Any, kind: ElementKind) -> Any:
    """The properties of a kind."""
    return getattr(scene, _place(kind.name))


def moved(text: str) -> dict[str, Any]:
    """The parameters that the artist has set, out of the scene's text."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return dict(found) if isinstance(found, dict) else {}


def asked(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What these settings ask for, as `element_of` takes it."""
    kind, parameters = shown(chosen), moved(chosen["element_parameters"])
    known = None if kind is None else {setting.name for setting in kind.settings}
    return {
        "kind": chosen["element"],
        "parameters": {name: value for name, value in parameters.items() if known is None or name in known},
        "frames": chosen["frames"] if kind is None or kind.loops else 1,
    }


def _place(kind: str) -> str:
    return f"acetate_element_{kind}"


def _property(setting: Setting) -> Any:
    """A slider, menu or colour that reads and writes the scene's text; what is not moved is as the words say."""

    def value(group: Any) -> Any:
        settings = group.id_data.acetate.settings
        return moved(settings.element_parameters).get(setting.name, setting.said(words_of(settings.prompt)))

    def move(group: Any, new: Any) -> None:
        settings = group.id_data.acetate.settings
        if setting.type in (NUMBER, WHOLE):  # A script may set what no slider could.
            new = min(max(new, setting.low), setting.high)
        settings.element_parameters = json.dumps({**moved(settings.element_parameters), setting.name: new})

    if setting.type == COLOUR:
        return FloatVectorProperty(
            name=setting.label,
            subtype="COLOR_GAMMA",
            size=3,
            min=0.0,
            max=1.0,
            get=lambda group: _rgb(str(value(group))),
            set=lambda group, new: move(group, _hex(new)),
        )
    if setting.type == CHOICE:
        names = [name for name, _label in setting.options]
        return EnumProperty(
            name=setting.label,
            items=[(name, label, "") for name, label in setting.options],
            get=lambda group: names.index(found) if (found := value(group)) in names else 0,
            set=lambda group, number: move(group, names[number]),
        )
    if setting.type == WHOLE:
        return IntProperty(
            name=setting.label,
            min=int(setting.low),
            max=int(setting.high),
            get=lambda group: int(value(group)),
            set=move,
        )
    return FloatProperty(
        name=setting.label,
        min=setting.low,
        max=setting.high,
        get=lambda group: float(value(group)),
        set=lambda group, new: move(group, round(new, 4)),
    )


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))


def _hex(colour: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)
