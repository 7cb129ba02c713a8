"""Layers that came out opaque to their border or empty, where a subject before nothing was asked for."""

from __future__ import annotations

import torch
from acetate_wire.events import LayerWarning
from acetate_wire.modes import MODES
from acetate_wire.request import LayerRequest
from acetate_wire.vocabulary import Vocabulary
from jaxtyping import Float
from torch import Tensor

from acetate.i18n import tr as _

COVERED = 0.5
"""Alpha above this covers a pixel."""
INVISIBLE = 1 / 255
"""Alpha up to this is not seen."""
BORDER_SHARE = 0.5
"""A layer of which more of the frame's outermost pixels are covered has no clear surroundings: what the starter draws
from words of other languages covers 0.55 to 1 of them, its subjects about none.
"""
TRIES = 3
"""How often such a layer is drawn again, each time from another seed."""
STRIDE = 1000
"""How far that seed is from the one before: further than `count` reaches, so that no layer comes twice, and the same
for every layer, so that a seed leads to the same layer in any company.
"""


def can_be_opaque(request: LayerRequest) -> bool:
    """Whether a request asks for a subject before nothing: from words alone, and not to fill the target."""
    return MODES[request.mode].makes_lone_layer and not request.fill


def is_opaque(layer: Float[Tensor, "4 h w"]) -> bool:
    """Whether a layer, as it was drawn, is covered along most of its border."""
    alpha = layer[3]
    border = torch.cat([alpha[0], alpha[-1], alpha[1:-1, 0], alpha[1:-1, -1]])
    return bool((border > COVERED).float().mean() > BORDER_SHARE)


def empty_warning(request: LayerRequest, layer: Float[Tensor, "4 h w"]) -> LayerWarning | None:
    """What the artist is told of such a layer in which nothing is visible; None for others."""
    if not can_be_opaque(request) or bool((layer[3] > INVISIBLE).any()):
        return None
    message = _("“{prompt}” came out empty: every pixel is clear")
    return LayerWarning("empty", message.format(prompt=request.prompt), _("say it in fewer words, or try another seed"))


def opaque_warning(request: LayerRequest, vocabulary: Vocabulary | None) -> LayerWarning:
    """What the artist is told of a layer that stayed opaque, with the way out."""
    unknown = () if vocabulary is None else vocabulary.unknown(request.prompt)
    near = [each.nearest for each in unknown if each.nearest]
    if near:
        hint = _("the model does not know every word: try {things}").format(things=", ".join(dict.fromkeys(near)))
    elif unknown:
        hint = _("the model does not know every word: say it in fewer and plainer words")
    else:
        hint = _("say it in fewer words, or try another seed")
    message = _("“{prompt}” came out with no clear surroundings, also from {tries} other seeds")
    return LayerWarning("opaque", message.format(prompt=request.prompt, tries=TRIES), hint)
