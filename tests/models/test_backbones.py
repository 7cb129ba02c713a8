"""What only one architecture has stays in the room of its backbone."""

from __future__ import annotations

import tokenize
from pathlib import Path

import acetate

ROOT = Path(acetate.__file__).parent
ROOMS = ("models/backbones", "adapters")
WORDS = {"unet", "alphas_cumprod"}


def test_names_of_stable_diffusion_are_used_by_its_backbone_and_adapters_alone() -> None:
    found, inside = [], 0
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        with path.open("rb") as file:
            names = {token.string for token in tokenize.tokenize(file.readline) if token.type == tokenize.NAME}
        if place.startswith(ROOMS):
            inside += bool(names & WORDS)
        elif names & WORDS:
            found.append(place)
    assert found == []
    assert inside > 5
