"""Everything that makes a layer again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from acetate_wire.element import DIFFUSION, FORMULA, Element
from acetate_wire.request import Control, LayerRequest, Lora, PictureSpec, Rect

import acetate

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float
    from numpy.typing import NDArray
    from torch import Tensor

SHARED_FIELDS = (
    "prompt",
    "negative",
    "model",
    "seed",
    "steps",
    "guidance",
    "sampler",
    "clip_skip",
    "passes",
    "fill",
    "mode",
    "strength",
    "transparency_weight",
    "stop_at",
    "detail",
    "element",
    "keep_matte",
    "layers",
    "blending",
)
"""The settings that a request has under the same name."""


@dataclass(frozen=True)
class LoraMetadata:
    """A LoRA file by name or path, and how strongly it applied."""

    name: str
    weight: float = 1.0


@dataclass(frozen=True)
class ControlMetadata:
    """A control's kind, the `picture_hash` of its picture, and how it steered."""

    kind: str
    picture: str
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0

    @classmethod
    def of(cls, control: Control, picture: str) -> ControlMetadata:
        """The setting of a request's control, whose picture has this hash."""
        return cls(control.kind, picture, control.weight, control.start, control.end)


@dataclass(frozen=True)
class GenerationMetadata:
    """The settings of one layer, none left to a default; with the same version on the same device it comes out
    the same.

    `inputs` has the `picture_hash` of each given layer by its role: the pictures themselves are not kept, and neither
    are those of `controls`. `stop_at` None is each step's own. `area` is the part of those pictures that was worked on
    (x, y, width, height), None for all of them. `method` is DIFFUSION, or FORMULA for an `element`, which takes no
    steps, guidance, sampler or passes. `library` computed the UNet, or the last of several: `torch`, or OpenVINO
    with its version; empty without a UNet.
    """

    prompt: str
    negative: str
    model: str
    width: int
    height: int
    seed: int
    steps: int | None
    guidance: float | None
    sampler: str | None
    passes: int | None
    mode: str = "text"
    role: str = "layer"
    layer_prompts: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    strength: float = 1.0
    transparency_weight: float = 1.0
    stop_at: float | None = None
    clip_skip: int | None = None
    detail: float = 0.0
    fill: bool = False
    layers: int | None = None
    blending: str = "encoded"
    loras: tuple[LoraMetadata, ...] = ()
    controls: tuple[ControlMetadata, ...] = ()
    area: tuple[int, int, int, int] | None = None
    keep_matte: bool = False
    method: str = DIFFUSION
    element: Element | None = None
    version: str = acetate.__version__
    library: str = ""

    @classmethod
    def of(
        cls,
        request: LayerRequest,
        seed: int,
        role: str = "layer",
        inputs: Mapping[str, str] = {},
        controls: Sequence[str] = (),
        library: str = "",
    ) -> GenerationMetadata:
        """The settings of the layer that a checked request draws from this seed.

        `inputs` has the hashes of the given layers by role, `controls` those of the controls' pictures in order.
        """
        numbers = (request.steps, request.guidance, request.sampler, request.passes)
        if request.element is None and None in numbers:
            raise ValueError("the request is not checked: steps, guidance, sampler or passes are still open")
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
            role=role,
            layer_prompts=dict(request.layer_prompts),
            inputs=dict(inputs),
            strength=request.strength,
            transparency_weight=request.transparency_weight,
            stop_at=request.stop_at,
            clip_skip=request.clip_skip,
            detail=request.detail,
            fill=request.fill,
            layers=request.layers,
            blending=request.blending,
            loras=tuple(LoraMetadata(lora.name, lora.weight) for lora in request.loras),
            controls=tuple(map(ControlMetadata.of, request.controls, controls)),
            keep_matte=request.keep_matte,
            method=DIFFUSION if request.element is None else FORMULA,
            element=request.element,
            library=library,
        )

    def request(self, inputs: Mapping[str, PictureSpec] = {}) -> LayerRequest:
        """A request for the same layer from such pictures, alone on a canvas of its size, without its controls.

        Raises AcetateError when a picture that it was made from is not among `inputs`.
        """
        return LayerRequest(
            canvas=(self.width, self.height),
            target=Rect(0, 0, self.width, self.height),
            layer_prompts=dict(self.layer_prompts),
            inputs=inputs,
            returns=(self.role,),
            loras=tuple(Lora(lora.name, lora.weight) for lora in self.loras),
            **{name: getattr(self, name) for name in SHARED_FIELDS},
        )

    def to_map(self) -> dict[str, Any]:
        """These settings as plain values."""
        return asdict(self)


def picture_hash(picture: Float[Tensor, "4 h w"]) -> str:
    """A digest of a given picture's pixels, by which it is known again."""
    return pixels_hash(picture.movedim(0, -1).float().contiguous().numpy())


def pixels_hash(pixels: NDArray[np.float32]) -> str:
    """The same of rows of pixels "h w 4": straight alpha, sRGB-encoded, in [0, 1]."""
    return hashlib.sha256(pixels.tobytes()).hexdigest()
