# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames of a loop as one animated layer.

Krita lets a script set the pixels of no frame but the one that is shown. It does import files as frames, here into a
document that nobody sees, from where the layer is copied with all of its frames.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from pathlib import Path

from acetate_wire.errors import AcetateError
from krita import Node

from ..color import ColorSpace
from ..export import file_names, save_png
from ..i18n import tr
from ..results import Opener, Result
from .group_builder import settle
from .scratch_document import ScratchDocument

_last: list[ScratchDocument] = []
"""The document of the newest loop, which stays until the next one."""


def animated_layer(
    space: ColorSpace, size: tuple[int, int], name: str, result: Result, open_body: Opener
) -> Generator[float | None, None, Node]:
    """A task: one layer with a key frame for each layer of a result, from time 0, for a canvas of this size."""
    scratch, first = ScratchDocument(space), result.layers[0]
    with tempfile.TemporaryDirectory(prefix="acetate-") as folder:
        path = Path(folder) / "frame.png"
        yield from save_png(path, result, open_body)
        made = scratch.import_frames([str(file) for file in file_names(path, result)])
    # Krita still composes the frames; a document that goes away meanwhile would take Krita with it.
    _last[:] = [scratch]
    if made is None:
        hint = tr("choose a group of layers instead, and insert it from the history")
        raise AcetateError("internal", tr("Krita could not read the frames"), hint=hint)
    yield from settle(scratch)
    scratch.resize(*size, -first.rect.x, -first.rect.y)
    yield from settle(scratch)
    made = made.clone()
    made.setName(name)
    if first.blend != "normal":
        made.setBlendingMode(first.blend)
    return made
