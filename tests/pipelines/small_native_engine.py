"""The standard engine with Qwen-Image-Layered in a small size, for the time that a test takes."""

from __future__ import annotations

from acetate.image.sizes import Size
from acetate.models import drawing_time
from acetate.models.families import QWEN_LAYERED
from acetate.worker.standard_engine import StandardEngine

object.__setattr__(QWEN_LAYERED, "sizes", (Size(96, 64),))


class Small(StandardEngine):
    """Everything else is as it is."""


class Impatient(StandardEngine):
    """Whatever time a transformer takes is too long."""

    def __init__(self) -> None:
        super().__init__()
        drawing_time.LONGEST_S = 0.0
