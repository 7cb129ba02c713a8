"""Which pictures are worth learning from: transparent ones, large enough, and not a box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from acetate_lab.data.perceptual_hash import visible_box

CLEAR, OPAQUE = 8, 247
"""Alpha up to here is clear, from here on opaque, of 255."""
LEAST_CLEAR = 0.02
LEAST_VISIBLE = 0.005
BOX = 0.985
"""The share of its bounds that a box fills with opaque pixels."""


@dataclass(frozen=True)
class Filter:
    """Requirements for a picture; `side` is the least length of the visible part's longer side, in pixels."""

    side: int = 64

    def refusal(self, picture: Image.Image) -> str | None:
        """Why an RGBA picture is not taken, in a few words; None when it is."""
        alpha = np.asarray(picture.getchannel("A"))
        if float((alpha > CLEAR).mean()) < LEAST_VISIBLE:
            return "nothing to see"
        if float((alpha < OPAQUE).mean()) < LEAST_CLEAR:
            return "opaque"
        box = visible_box(picture)
        assert box is not None
        left, top, right, bottom = box
        if max(right - left, bottom - top) < self.side:
            return "too small"
        if float((alpha[top:bottom, left:right] >= OPAQUE).mean()) > BOX:
            return "a box"
        return None
