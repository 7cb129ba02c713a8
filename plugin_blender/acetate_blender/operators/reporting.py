# SPDX-License-Identifier: GPL-3.0-or-later
"""How operators tell the artist what is wrong."""

from __future__ import annotations

from typing import Any

from acetate_wire.errors import AcetateError


def refuse(operator: Any, error: AcetateError) -> set[str]:
    """Report an error in Blender's way and end the operator without an undo step."""
    operator.report({"ERROR"}, str(error))
    return {"CANCELLED"}
