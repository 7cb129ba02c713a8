# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what the artist has set can be asked for now, and what would be worked on; the reason where it cannot."""

from __future__ import annotations

from collections.abc import Mapping

from acetate_editor.connection import ABSENT
from acetate_editor.messages import too_large
from acetate_wire.errors import AcetateError
from acetate_wire.modes import MODES
from acetate_wire.request import FOUND_LAYERS
from krita import Document

from . import stacking
from .color import ColorSpace, wire_format
from .daemon_connection import DaemonConnection
from .document import lookup
from .document.insert import locked
from .generation_settings import GenerationSettings
from .i18n import tr
from .modes import NEEDED, Mode, mode_named
from .target import Target, target


def find_target(
    document: Document | None, form: GenerationSettings, sources: Mapping[str, str], link: DaemonConnection
) -> tuple[Target | None, str]:
    """What a job would work on now, or why there is nothing."""
    if document is None:
        return None, tr("Open or make a document first")
    mode = mode_named(form.mode)
    try:
        found = target(document, form, sources, link.max_aspect(form.model))
    except AcetateError as error:
        return None, tr("Select what is to change first") if mode.selection else error.message
    problem = too_large(_size(document, form, sources, found), link.client.limits, tr)
    return (found, "") if problem is None else (None, str(problem))


def _size(document: Document, form: GenerationSettings, sources: Mapping[str, str], found: Target) -> int:
    """The bytes of what a job sends, or of what it brings back where that is more."""
    made = (form.layers or FOUND_LAYERS) if MODES[form.mode].splits else len(MODES[form.mode].outputs)
    pictures = max(len(sources), form.count * made)
    return pictures * found.rect.width * found.rect.height * wire_format(ColorSpace.of(document)).pixel_bytes


def why_not_now(
    document: Document | None,
    form: GenerationSettings,
    sources: Mapping[str, str],
    link: DaemonConnection,
    no_target: str,
) -> str:
    """Why nothing can be asked for now, in words; empty when it can. `no_target` is what `find_target` says."""
    mode = mode_named(form.mode)
    if document is None:
        return tr("Open or make a document first")
    if link.state.kind == ABSENT:
        return link.state.line
    reason = link.unavailable_reason(mode.name, form.model) or no_target
    if reason:
        return reason
    if mode.stacks:
        return stacking.missing(form, drawn_behind="background" not in sources)
    if mode.words == NEEDED and not _all_said(mode, form):
        return tr("Say what to draw first")
    layer = lookup.find_layer(document, sources.get(mode.beside, "")) if mode.replaces else None
    if layer is not None and layer.locked():
        return locked(layer) + ": " + tr("unlock it first")
    return ""


def _all_said(mode: Mode, form: GenerationSettings) -> bool:
    """Whether every layer of a mode has words: of its own, or those of the whole picture."""
    named = form.is_element and form.element.get("kind")
    return bool(form.prompt or named) or bool(mode.prompts and set(mode.prompts) <= set(form.layer_prompts))
