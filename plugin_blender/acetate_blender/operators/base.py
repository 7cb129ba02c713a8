# SPDX-License-Identifier: GPL-3.0-or-later
"""How operators are made known to Blender, and how they tell the artist what is wrong."""

from __future__ import annotations

from typing import Any, Callable, TypeVar

import bpy
from acetate_wire.errors import AcetateError

from ..bpy_props import fields
from ..i18n import tr

CHANGES = {"REGISTER", "UNDO"}
"""The options of an operator that the artist sees among those that were done, and can undo."""
Act = Callable[[Any, Any], object]
"""What an operator does, by itself and the context; False ends it as cancelled."""
T = TypeVar("T", bound=type)
CLASSES: list[type] = []
"""All operators, for Blender."""


def listed(**properties: Any) -> Callable[[T], T]:
    """Give an operator's class these `bpy.props`, and list it."""

    def add(cls: T) -> T:
        CLASSES.append(fields(**properties)(cls))
        return cls

    return add


def operator(
    id: str,
    name: str,
    description: str,
    options: set[str] = CHANGES,
    needs: tuple[Callable[[Any], object], str] | None = None,
    **properties: Any,
) -> Callable[[Act], Act]:
    """Make a function the operator `acetate.<id>`. An AcetateError of its own is reported as Blender does that.

    `needs` is a question to the context without which it cannot be done, and what is said then.
    """

    def make(act: Act) -> Act:
        body: dict[str, Any] = {
            **{"bl_idname": f"acetate.{id}", "bl_label": name, "bl_description": description, "bl_options": options},
            "execute": lambda self, context: attempt(self, lambda: act(self, context)),
        }
        if needs is not None:
            body["poll"] = classmethod(lambda cls, context: allowed(cls, context, *needs))
        listed(**properties)(type(f"ACETATE_OT_{id}", (bpy.types.Operator,), body))
        return act

    return make


def attempt(self: Any, act: Callable[[], object]) -> set[str]:
    """End an operator as what it does says; an AcetateError is reported, and leaves no undo step."""
    try:
        return {"CANCELLED"} if act() is False else {"FINISHED"}
    except AcetateError as error:
        self.report({"ERROR"}, str(error))
        return {"CANCELLED"}


def allowed(cls: Any, context: Any, question: Callable[[Any], object], said: str) -> bool:
    """Whether something can be done; what is said where it cannot goes to Blender."""
    cls.poll_message_set(tr(said))
    return bool(question(context))
