# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender properties on a class, in a form that type checkers understand."""

from __future__ import annotations

from typing import Any, Callable, TypeVar

T = TypeVar("T", bound=type)


def fields(**properties: Any) -> Callable[[T], T]:
    """Give a class these `bpy.props`, as if they stood in its body as annotations."""

    def add(cls: T) -> T:
        cls.__annotations__ = properties
        return cls

    return add
