"""LoRAs and checkpoints that were distilled to draw in few steps, recognised by the names of their published files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class FewSteps:
    """How distilled weights are drawn with, as their authors do it; a guidance of 1 is none."""

    kind: str
    steps: int
    sampler: str
    guidance: float = 1.0


KINDS: tuple[tuple[str, FewSteps], ...] = (
    # ByteDance/SDXL-Lightning
    (r"lightning-(?P<steps>[248])-?steps?\b", FewSteps("Lightning", 4, "Euler")),
    # ByteDance/Hyper-SD; those with CFG in their name were distilled to be guided
    (r"hyper-sd(15|xl)-(?P<steps>\d+)-?steps?-cfg\b", FewSteps("Hyper-SD", 8, "DDIM", 5.0)),
    (r"hyper-sd(15|xl)-(?P<steps>[248])-?steps?\b", FewSteps("Hyper-SD", 4, "DDIM")),
    # stabilityai/sdxl-turbo
    (r"\b(sd-xl|sdxl)-turbo\b", FewSteps("Turbo", 4, "Euler a")),
    # tianweiy/DMD2
    (r"\bdmd2\b", FewSteps("DMD2", 4, "LCM")),
    # latent-consistency/lcm-lora-sdxl and lcm-lora-sdv1-5
    (r"\blcm\b", FewSteps("LCM", 4, "LCM")),
    # h1t/TCD-SDXL-LoRA
    (r"\btcd\b", FewSteps("TCD", 4, "TCD")),
)
"""Parts of file names in lower case with `-` between words, and what they tell; `steps` in a name counts."""


def few_steps_of(name: str) -> FewSteps | None:
    """How weights of this file name are drawn with, None where nothing tells that they are distilled."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower())
    for pattern, found in KINDS:
        match = re.search(pattern, plain)
        if match:
            steps = match.groupdict().get("steps")
            return FewSteps(found.kind, int(steps) if steps else found.steps, found.sampler, found.guidance)
    return None


def few_steps_among(names: Iterable[str]) -> FewSteps | None:
    """The first of these names that tells how it is drawn with."""
    return next((found for found in map(few_steps_of, names) if found is not None), None)
