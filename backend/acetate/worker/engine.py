"""What an engine is: the values that cross its border, without any framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from acetate_wire.element import DIFFUSION
from acetate_wire.events import LayerWarning
from acetate_wire.request import LayerRequest
from acetate_wire.vocabulary import Vocabulary

from acetate.generation import GenerationProgress, LayerOutput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.float32]


class OutOfMemory(Exception):  # noqa: N818
    """The job does not fit into memory in the way that was asked for."""


@dataclass(frozen=True)
class ModelInfo:
    """A model that can be asked for; `missing` says in words which files are not there.

    `native_size` is the side in pixels of what the model draws by itself, and `max_aspect` the longest side over the
    shortest at which a lone subject keeps its shape. `controls` are the kinds of structure pictures that can steer it,
    `samplers` and `loras` the names that it takes. `clip_layers` is the most that `clip_skip` can be, or 0
    where it is not worth offering: every model of the family was trained with the same layer of its text encoder.
    `vocabulary` says whether it tells which words it knows.
    `method` is DIFFUSION, or FORMULA for one that has `kinds`: maps with their names, words and parameters.
    """

    name: str
    family: str
    modes: tuple[str, ...]
    native_size: int
    missing: str = ""
    controls: tuple[str, ...] = ()
    samplers: tuple[str, ...] = ()
    loras: tuple[str, ...] = ()
    clip_layers: int = 0
    max_aspect: float = 1.0
    vocabulary: bool = False
    method: str = DIFFUSION
    kinds: tuple[Mapping[str, Any], ...] = ()

    def to_map(self) -> dict[str, Any]:
        """This offer as it stands in `welcome`."""
        lists = {name: list(getattr(self, name)) for name in ("modes", "controls", "samplers", "loras", "kinds")}
        return {**asdict(self), **lists}


@dataclass(frozen=True)
class EngineJob:
    """One job for an engine: `inputs` by role and `controls` in order, RGBA h w 4, straight, sRGB-encoded, 0 to 1."""

    id: str
    request: LayerRequest
    inputs: Mapping[str, Pixels]
    controls: tuple[Pixels, ...] = ()


@dataclass(frozen=True)
class EngineResult:
    """What came of a job: layers in stacking order from below, the seed, and every setting to make them again.

    The layers' pictures are numpy arrays. `warnings` are what the artist should know about the layers.
    """

    layers: tuple[LayerOutput, ...]
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[LayerWarning, ...] = ()


class ProgressCallback(Protocol):
    """How an engine tells how far it is, at every denoising step."""

    def __call__(self, progress: GenerationProgress) -> None:
        """Report a step. Raises JobCancelled, which an engine lets pass."""

    @property
    def wants_preview(self) -> bool:
        """Whether a preview given now would be shown."""


class Engine(Protocol):
    """Makes layers, one job at a time. `memory_levels` counts the ways of saving memory that it knows, first the
    quickest.
    """

    memory_levels: int

    @classmethod
    def models(cls) -> tuple[ModelInfo, ...]:
        """What can be asked for; looked up in the daemon, without any framework."""

    @classmethod
    def vocabulary(cls, model: str) -> Vocabulary | None:
        """The words that a model knows, where it tells; asked in the daemon, without any framework."""

    @classmethod
    def resolve(cls, request: LayerRequest) -> LayerRequest:
        """The request with every default filled in; called once, in the daemon, without any framework.

        `run` gets what this returns. Raises AcetateError for a request that would be refused.
        """

    def device(self) -> str:
        """Where it computes, as `cpu` or `cuda:0`."""

    def loaded(self) -> tuple[str, ...]:
        """The models in memory."""

    def run(self, job: EngineJob, progress: ProgressCallback, memory_level: int) -> EngineResult:
        """Do a job. Raises OutOfMemory when the ways of saving up to `memory_level` do not help, and AcetateError."""
