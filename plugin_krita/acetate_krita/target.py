# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job works on: the selection, a layer with a margin, or the whole canvas; and how the artist is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acetate_wire.errors import bad_request
from acetate_wire.geometry import area_around, area_around_mask, intersection, square_in
from acetate_wire.request import Rect
from krita import Document, Node

from .document import lookup, selection_mask
from .generation_settings import STRUCTURE, GenerationSettings
from .i18n import mark, tr
from .jobs import PROJECTION
from .modes import mode_named

SELECTION, ALONG, LAYER, CANVAS = "selection", "along", "layer", "canvas"
ROOM = 0.6
"""How far an element that grows along a selection may reach beyond it, in shares of the selection's shorter side."""
LINES = {
    (SELECTION, False): mark("The selection: {size} at {x}, {y}"),
    (SELECTION, True): mark("The selection, the subject in the middle: {size} at {x}, {y}"),
    (ALONG, False): mark("Along the edge of the selection: {size} at {x}, {y}"),
    (LAYER, False): mark("The layer and a margin: {size}"),
    (CANVAS, False): mark("The whole canvas: {size}"),
    (CANVAS, True): mark("The whole canvas, the subject in the middle: {size}"),
}
"""By what is worked on, and whether a subject is drawn in its middle only."""


@dataclass(frozen=True)
class Target:
    """The part of the canvas that a job works on, in pixels, and why it is that part: one of the kinds of LINES.

    `subject` is where a new layer's subject goes when it does not fill `rect`. With a selection `rect` may be larger
    than what is selected: the rest is what the mode looks at to fit the change in.
    """

    kind: str
    rect: Rect
    selected: Rect | None = None
    subject: Rect | None = None

    def words(self) -> str:
        """One line for the artist."""
        shown = self.selected or self.rect
        line = tr(LINES[self.kind, self.subject is not None])
        return line.format(size=f"{shown.width} × {shown.height}", x=shown.x, y=shown.y)


def target(document: Document, form: GenerationSettings, sources: Mapping[str, str], max_aspect: float) -> Target:
    """What the settings work on in a document as it is now; `sources` are layer ids by role, or PROJECTION.

    `max_aspect` is what the model says of itself. Raises AcetateError when the mode needs a selection and there is
    none, and when the layer has no visible pixels.
    """
    mode = mode_named(form.mode)
    fill = form.fill and mode.fills
    canvas, chosen = selection_mask.canvas(document), selection_mask.selected(document)
    if form.along and chosen is not None:
        inside = intersection(chosen, canvas) or chosen
        return Target(ALONG, _with_room(inside, canvas), selected=inside)
    if mode.stacks:
        return Target(CANVAS, canvas)
    if mode.selection:
        if chosen is None:
            raise bad_request(tr("Nothing is selected"), tr("select what is to change"))
        return Target(SELECTION, area_around_mask(chosen, canvas, max_aspect), selected=chosen)
    rect = chosen or canvas
    subject = square_in(rect, max_aspect) if mode.name == "text" and not fill else rect
    apart = None if subject == rect else subject
    if chosen is not None:
        return Target(SELECTION, chosen, selected=chosen, subject=apart)
    layers = _layers(document, sources)
    if mode.around and layers:
        bounds = visible_bounds(layers[0], canvas)
        if not fill and bounds != canvas:
            return Target(LAYER, area_around(bounds, canvas, max_aspect))
    return Target(CANVAS, canvas, subject=apart)


def _with_room(selected: Rect, canvas: Rect) -> Rect:
    room = round(ROOM * min(selected.width, selected.height)) + 16
    grown = Rect(selected.x - room, selected.y - room, selected.width + 2 * room, selected.height + 2 * room)
    return intersection(grown, canvas) or grown


def visible_bounds(layer: Node, canvas: Rect) -> Rect:
    """The rectangle of a layer's visible pixels, as far as the canvas shows them when it shows any.

    Raises AcetateError when the layer has none.
    """
    box = layer.bounds()
    if box.width() <= 0 or box.height() <= 0:
        raise bad_request(
            tr("The layer {layer} has no visible pixels").format(layer=layer.name()), tr("choose another layer")
        )
    bounds = Rect(box.x(), box.y(), box.width(), box.height())
    return intersection(bounds, canvas) or bounds


def _layers(document: Document, sources: Mapping[str, str]) -> list[Node]:
    """The layers among the sources, in the order in which the mode asks for them."""
    ids = (id for role, id in sources.items() if not role.startswith(STRUCTURE) and id != PROJECTION)
    found = (lookup.find_layer(document, id) for id in ids)
    return [layer for layer in found if layer is not None]
