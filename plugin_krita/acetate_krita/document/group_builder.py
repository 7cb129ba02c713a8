# SPDX-License-Identifier: GPL-3.0-or-later
"""Several layers in one group, composed before it goes into the artist's document.

Krita composes a group when a layer comes into it, not when the group comes into a document with its layers. Here it is
composed on a bench of the canvas's size, by Krita's own threads, while the artist paints on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from krita import Node

from ..color import ColorSpace
from .scratch_document import ScratchDocument

GLANCE_S = 0.01
"""How long to wait before looking again whether a group is composed."""


def compose(
    canvas: ScratchDocument,
    space: ColorSpace,
    size: tuple[int, int],
    name: str,
    layers: Sequence[Node],
    masks: Sequence[Node],
    out: list[Node],
) -> Iterator[float | None]:
    """A task: put layers, the first lowest, and masks into a group for a document of this size, and add it to `out`.

    `canvas` is a bench of that document's colour space, to which the group belongs afterwards. While it is made, a
    second bench has it in `hand`: Krita then composes it on the canvas, but waits for the hand alone, which has nothing
    to compose.
    """
    hand = ScratchDocument(space)
    group = hand.layer(name, "grouplayer")
    for layer in layers[:-1]:
        group.addChildNode(layer, None)
    yield None
    canvas.resize(*size)
    yield None
    hand.resize(*size)
    yield None
    canvas.attach(group)
    for node in (layers[-1], *masks):
        yield from _settle(canvas)
        group.addChildNode(node, None)
    yield from _settle(canvas)
    out.append(group.clone())
    # Letting go of a bench takes a while, too.
    yield None


def _settle(canvas: ScratchDocument) -> Iterator[float | None]:
    yield None
    while not canvas.idle:
        yield GLANCE_S
