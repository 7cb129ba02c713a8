"""How far a job is: steps over all its layers, the time left, and when a preview is due."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from acetate.generation import GenerationProgress

PREVIEW_TIME_SHARE = 0.03
"""Previews take at most about this share of the time."""


@dataclass
class ProgressTracker:
    """Counts the steps of a job, one drawing after the other.

    `steps` is how many all its drawings have together. `previews` tells that they were asked for.
    """

    report: Callable[[GenerationProgress], None]
    steps: int
    previews: bool
    _before: int = 0
    _planned: int = 0
    _started: float = field(default_factory=time.monotonic)
    _next_preview: float = 0.0

    def more(self, steps: int) -> None:
        """A drawing that was not planned is to be made, with so many steps."""
        self.steps += steps

    def start_stage(self, planned: int) -> None:
        """The next drawing begins; it has `planned` steps."""
        self._planned = planned

    def step(self, share: float, preview: Callable[[], UInt8[np.ndarray, "h w 4"]] | None) -> None:
        """This drawing is done to `share`; `preview` makes a small picture of it as it stands."""
        now = time.monotonic()
        done = self._before + share * self._planned
        left = (now - self._started) / done * (self.steps - done)
        picture = None
        if self.previews and preview is not None and share < 1 and now >= self._next_preview:
            picture = preview()
            self._next_preview = now + (time.monotonic() - now) / PREVIEW_TIME_SHARE
        self.report(GenerationProgress("drawing", round(done), self.steps, left, picture))

    def finish_stage(self) -> None:
        """This drawing's last step is over; what is left of it is to decode it."""
        self._before += self._planned
        self.report(GenerationProgress("finishing", self._before, self.steps))
