# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of a stack as the artist has set them: where each stands, and what is still to be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acetate_wire.errors import bad_request
from acetate_wire.geometry import Rect, intersection
from krita import Document

from .document import lookup, selection_mask
from .generation_settings import GenerationSettings
from .i18n import tr

Row = Mapping[str, Any]
"""A layer of the stack: `prompt`, and `region` as in GenerationSettings."""


def region(document: Document, row: Row) -> Rect:
    """The part of the canvas that a layer stands in. Raises AcetateError where there is none."""
    canvas, chosen = selection_mask.canvas(document), row["region"]
    if chosen is None:
        return canvas
    if isinstance(chosen, str):
        layer = lookup.find_layer(document, chosen)
        if layer is None:
            hint = tr("choose another place for it")
            raise bad_request(tr("The layer that “{words}” stands in is gone").format(**_words(row)), hint)
        box = layer.bounds()
        chosen = (box.x(), box.y(), box.width(), box.height())
    seen = intersection(Rect(*chosen), canvas) if chosen[2] > 0 and chosen[3] > 0 else None
    if seen is None:
        hint = tr("choose another place for it")
        raise bad_request(tr("“{words}” has no place on the canvas").format(**_words(row)), hint)
    return seen


def regions(document: Document, stack: Sequence[Row]) -> list[Rect]:
    """The parts of the canvas that the layers stand in, in their order. Raises AcetateError where one has none."""
    return [region(document, row) for row in stack]


def missing(form: GenerationSettings, drawn_behind: bool) -> str:
    """What must still be said before the stack can be drawn; empty for nothing."""
    if not form.stack:
        return tr("Add a layer first")
    if not all(str(row["prompt"]).strip() for row in form.stack):
        return tr("Say what each layer shows")
    if drawn_behind and not form.prompt:
        return tr("Say what the background shows")
    return ""


def honest(model: Mapping[str, Any], places: Sequence[Rect]) -> str:
    """What a model does less well than the artist may expect of these places, in words; empty for nothing."""
    side, aspect = int(model.get("native_size", 0)), float(model.get("max_aspect", 1.0))
    lines = []
    if any(max(place.width, place.height) > aspect * min(place.width, place.height) for place in places) and aspect < 2:
        lines.append(tr("Draws each thing square, in the middle of its place."))
    if side and any(max(place.width, place.height) > 2 * side for place in places):
        lines.append(tr("Draws at {side} pixels and enlarges: a large place gets soft.").format(side=side))
    if str(model.get("family")) == "starter":
        lines.append(tr("Knows nothing of words like “beside” or “holding”: the places alone say where things are."))
    return " ".join(lines)


def _words(row: Row) -> dict[str, str]:
    return {"words": str(row["prompt"])}
