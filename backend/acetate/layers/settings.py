"""Everything that makes a layer again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from acetate_wire.request import LayerRequest, Rect

import acetate


@dataclass(frozen=True)
class Settings:
    """The settings of one layer, none left to a default; with the same version on the same device it comes out
    the same.
    """

    prompt: str
    negative: str
    model: str
    width: int
    height: int
    seed: int
    steps: int
    guidance: float
    sampler: str
    passes: int
    mode: str = "text"
    version: str = acetate.__version__

    @classmethod
    def of(cls, request: LayerRequest, seed: int) -> Settings:
        """The settings of the layer that a checked request draws from this seed."""
        if request.steps is None or request.guidance is None or request.sampler is None:
            raise ValueError("the request is not checked: steps, guidance and sampler are still open")
        return cls(
            prompt=request.prompt,
            negative=request.negative,
            model=request.model,
            width=request.target.width,
            height=request.target.height,
            seed=seed,
            steps=request.steps,
            guidance=request.guidance,
            sampler=request.sampler,
            passes=request.passes,
            mode=request.mode,
        )

    def request(self) -> LayerRequest:
        """A request for the same layer, alone on a canvas of its size."""
        return LayerRequest(
            mode=self.mode,
            canvas=(self.width, self.height),
            target=Rect(0, 0, self.width, self.height),
            prompt=self.prompt,
            model=self.model,
            negative=self.negative,
            seed=self.seed,
            steps=self.steps,
            guidance=self.guidance,
            sampler=self.sampler,
            passes=self.passes,
        )

    def to_map(self) -> dict[str, Any]:
        """These settings as plain values."""
        return asdict(self)
