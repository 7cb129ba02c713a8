# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished layers into a document, as one undo step.

The layers are built, filled and composed where Krita does not record it, and put in by one `addChildNode`, which it
does. Krita ends that call when it has composed the document's picture anew; until then timers run and the canvas is
drawn, but input may have to wait. It would also end a stroke of the artist's, so a pen that is down is waited for.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from acetate_wire.errors import AcetateError, bad_request
from acetate_wire.request import Rect
from krita import Document, Node

from ..color import BYTES, ColorSpace, wire_format
from ..hiding import Hiding
from ..i18n import mark, tr
from ..modes import UNASKED, mode_named
from ..replacing import Source, merge
from ..results import Opener, Result, StoredLayer, Strips
from . import lookup
from .group_builder import GLANCE_S, compose
from .mask import AlphaMask, make_mask
from .scratch_document import ScratchDocument

CLIPS = ("mask", "alpha", "none")
"""How a selection clips a result: by a transparency mask, in the layer's alpha, or not at all."""
ROLE_NAMES = {
    "background": mark("Background"),
    "foreground": mark("Foreground"),
    "blend": mark("Whole picture"),
    "layer": mark("Layer"),
}
NAME_LENGTH = 40
STROKE_S = 30.0
"""How long a stroke of the artist's is waited for."""


@dataclass(frozen=True)
class Cut:
    """How a selection cuts a layer: by its `coverage`, None for not at all. A layer that is `patched` keeps its own
    pixels outside of it; at a soft edge both are then `mixed`, unless the result holds that mixture already.
    """

    coverage: AlphaMask | None
    patched: bool
    mixed: bool


@dataclass(frozen=True)
class InsertPosition:
    """Next to which layer results go: directly above the last of `above_ids` (layer ids) that is there, or directly
    below it; on top of all without one. They become the active layer when that is one of `active_ids`, or without any.
    `replaces` is the layer that is hidden with the same step, where the results take its place.
    """

    above_ids: tuple[str, ...]
    below: bool = False
    active_ids: tuple[str, ...] = ()
    replaces: str = ""


def short_name(prompt: str) -> str:
    """The start of a prompt, as the name of a group or layer."""
    words = " ".join(prompt.split())
    return words if len(words) <= NAME_LENGTH else words[: NAME_LENGTH - 1].rstrip() + "…"


def insert(
    document: Document,
    results: Sequence[Result],
    open_body: Opener,
    place: InsertPosition,
    clip: str,
    hiding: Hiding,
) -> Generator[float | None, None, str]:
    """A task: put results of one job into a document; returns the id of the layer or group that came in.

    One layer goes in by itself, several in a group. A scene's whole picture stays hidden above its layers; of several
    pictures the first is shown. Raises AcetateError when a result's pixels are gone, and ClosedError.
    """
    if document.rootNode() is None:
        raise lookup.ClosedError
    space, size = ColorSpace.of(document), (document.width(), document.height())
    scratch = ScratchDocument(space)
    source = _source(document, place)
    pictures: list[list[Node]] = []
    masks: list[Node] = []
    for result in results:
        leaves: list[Node] = []
        yield from _build(scratch, space, result, open_body, clip, source, leaves)
        pictures.append(leaves)
    if clip == "mask" and results[0].shape is not None and source is None:
        yield from make_mask(scratch, results[0].shape, tr("Selection"), masks)
    made: list[Node] = []
    yield from _group(scratch, space, size, results, pictures, masks, made)
    if source is not None:
        source.dress(made[0])
    elif {layer.blend for result in results for layer in result.layers} == {"add"}:
        # A group blends what is in it apart from what is below.
        made[0].setBlendingMode("add")
    yield from _add_to_document(document, made[0], place, hiding)
    landed = lookup.layer_id(made[0])
    # Letting go of each of these takes Krita a while.
    for held in (made, *pictures, masks):
        held.clear()
        yield GLANCE_S
    del scratch
    yield GLANCE_S
    return landed


def _source(document: Document, place: InsertPosition) -> Source | None:
    """The layer that is replaced; None where none is, or where it is gone. Raises AcetateError when it is locked."""
    node = lookup.find_layer(document, place.replaces)
    if node is None:
        return None
    if node.locked():
        raise bad_request(locked(node), tr("unlock it and insert the result from the history"))
    return Source(node)


def locked(layer: Node) -> str:
    """Says that a layer cannot be replaced because the artist has locked it."""
    return tr("The layer {layer} is locked").format(layer=layer.name())


def _group(
    scratch: ScratchDocument,
    space: ColorSpace,
    size: tuple[int, int],
    results: Sequence[Result],
    pictures: Sequence[Sequence[Node]],
    masks: Sequence[Node],
    made: list[Node],
) -> Iterator[float | None]:
    """A task: make one node of all layers and masks, and add it to `made`."""
    if len(pictures) == 1 and len(pictures[0]) == 1:
        [[whole]] = pictures
        for mask in masks:
            whole.addChildNode(mask, None)
        made.append(whole)
    elif len(pictures) == 1:
        yield from compose(scratch, space, size, title(results[0]), _shown(results[0], pictures[0]), masks, made)
    else:
        nested: list[Node] = []
        for result, leaves in zip(results, pictures):
            if len(leaves) == 1:
                nested += leaves
            else:
                yield from compose(
                    ScratchDocument(space), space, size, title(result), _shown(result, leaves), (), nested
                )
            nested[-1].setVisible(len(nested) == 1)
        yield from compose(scratch, space, size, subject(results[0]), nested[::-1], masks, made)


def _shown(result: Result, leaves: Sequence[Node]) -> Sequence[Node]:
    for number, (leaf, layer) in enumerate(zip(leaves, result.layers)):
        leaf.setVisible(number == 0 if result.is_loop else layer.role != "blend" or len(leaves) == 1)
    return leaves


def _add_to_document(document: Document, node: Node, place: InsertPosition, hiding: Hiding) -> Iterator[float | None]:
    """A task: put a layer or group in when the artist's pen is up (but do not wait for ever)."""
    end = time.monotonic() + STROKE_S
    while document.rootNode() is not None and not lookup.idle(document) and time.monotonic() < end:
        yield GLANCE_S
    active = document.activeNode()
    hidden = hiding.hide(document, place.replaces) if place.replaces else ()
    try:
        _attach(document, node, place)
    except AcetateError:
        hiding.show(document, hidden)
        raise
    if place.replaces:
        hiding.follow(document, lookup.layer_id(node), place.replaces, hidden)
    # In the next turn of its event loop Krita makes what came in the active layer.
    yield GLANCE_S
    stays = active is not None and lookup.layer_id(lookup.owner(active)) not in place.active_ids
    if place.active_ids and stays and document.rootNode() is not None:
        document.setActiveNode(active)


def title(result: Result) -> str:
    """What a result's layer or group is called: by its words, and by its number where several were asked for."""
    return f"{subject(result)} {result.number}" if result.siblings > 1 else subject(result)


def subject(result: Result) -> str:
    """What is to be seen, for all pictures of a request."""
    mode = mode_named(str(result.settings.get("mode")))
    prompt = "" if mode.words == UNASKED else result.prompt
    if mode.stacks:
        prompt = ", ".join(str(row["prompt"]) for row in result.settings["stack"])
    kind = str((result.settings.get("element") or {}).get("kind", "")).replace("_", " ")
    return short_name(prompt) or kind.capitalize() or tr(mode.verb)


def _leaf_name(result: Result, layer: StoredLayer) -> str:
    """What one of a result's layers is called: by the result's words alone, in a stack by its own, else by its role.

    The parts of a picture that was split are numbered from below.
    """
    mode = mode_named(str(result.settings.get("mode")))
    if len(result.layers) == 1:
        return title(result)
    if result.is_loop or mode.stacks:
        return short_name(layer.name)
    if mode.splits and layer.role == "foreground":
        return tr("Layer {number}").format(number=result.layers.index(layer))
    return tr(ROLE_NAMES.get(layer.role, layer.role))


def _attach(document: Document, node: Node, place: InsertPosition) -> None:
    """The one step that is recorded."""
    root = document.rootNode()
    if root is None:
        raise lookup.ClosedError
    found = (lookup.find_layer(document, id) for id in reversed(place.above_ids))
    anchor = next((layer for layer in found if layer is not None), None)
    parent = root if anchor is None else anchor.parentNode() or root
    above = anchor
    if anchor is not None and place.below:
        siblings = parent.childNodes()
        at = [lookup.layer_id(child) for child in siblings].index(lookup.layer_id(anchor))
        if at > 0:
            above = siblings[at - 1]
        else:
            # Krita lets no script put a layer below the lowest one: this one paints behind it instead.
            node.setBlendingMode("behind")
    if not parent.addChildNode(node, above):
        raise AcetateError("internal", tr("Krita did not take the layers"), retry=True)


def _build(
    scratch: ScratchDocument,
    space: ColorSpace,
    result: Result,
    open_body: Opener,
    clip: str,
    source: Source | None,
    leaves: list[Node],
) -> Generator[None, None, None]:
    """A task: make and fill the layers of one result."""
    coverage: AlphaMask | None = None
    mode = mode_named(str(result.settings.get("mode")))
    if result.shape is not None and (clip == "alpha" or (clip == "mask" and source is not None)):
        coverage = AlphaMask(result.shape)
        yield from coverage.work()
    with open_body(result) as body:
        for layer in result.layers:
            name = _leaf_name(result, layer)
            window = result.shape.rect if result.shape is not None and clip != "none" else layer.rect
            patched = source is not None and not mode.splits and (coverage is not None or not source.within(layer.rect))
            if source is not None and patched:
                node = yield from source.copy(scratch, space, name)
            else:
                node = scratch.layer(name)
            if layer.blend != "normal":
                node.setBlendingMode(layer.blend)
            cut = Cut(coverage, patched, mixed=mode.name == "refine")
            yield from _fill(scratch, space, node, layer, body, window, cut)
            leaves.append(node)


def _fill(
    scratch: ScratchDocument,
    target: ColorSpace,
    node: Node,
    layer: StoredLayer,
    body: BinaryIO | Strips,
    window: Rect,
    cut: Cut,
) -> Generator[None, None, None]:
    """A task: write the part of a layer that lies inside `window`."""
    way = wire_format(target)
    direct = way.intermediate is None and (way.format, way.space) == (layer.format, layer.space)
    source = layer.color_space
    rect, pixel = layer.rect, BYTES[layer.format]
    left, right = max(rect.x, window.x), min(rect.x + rect.width, window.x + window.width)
    for rows, size in layer.strips():
        packed = body.read(size)
        first, last = max(rect.y + rows.start, window.y), min(rect.y + rows.stop, window.y + window.height)
        if last <= first or right <= left:
            continue
        strip = zlib.decompress(packed)
        if left > rect.x or right < rect.x + rect.width or last - first < len(rows):
            strip = _cut(
                strip,
                rect.width * pixel,
                first - rect.y - rows.start,
                last - first,
                left - rect.x,
                right - rect.x,
                pixel,
            )
        coverage = cut.coverage
        if coverage is not None and not cut.patched:
            faded = bytearray(strip)
            coverage.fade(faded, layer.format, first - coverage.rect.y, last - first)
            strip = bytes(faded)
        if not direct:
            strip = scratch.convert(strip, right - left, last - first, source, target)
        if coverage is not None and cut.patched:
            under = bytes(node.pixelData(left, first, right - left, last - first))
            covers = [coverage.row(row) for row in range(first - coverage.rect.y, last - coverage.rect.y)]
            strip = yield from merge(under, strip, covers, target.depth, cut.mixed)
        node.setPixelData(strip, left, first, right - left, last - first)
        yield


def _cut(strip: bytes, row_bytes: int, top: int, rows: int, left: int, right: int, pixel: int) -> bytes:
    """Part of a strip: `rows` rows from `top`, of each the pixels from `left` to `right`."""
    starts = range(top * row_bytes, (top + rows) * row_bytes, row_bytes)
    return b"".join(strip[start + left * pixel : start + right * pixel] for start in starts)
