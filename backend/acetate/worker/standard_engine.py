"""The engine of a daemon that nobody chose one for: diffusion models, and elements beside them."""

from __future__ import annotations

from acetate_wire.element import ELEMENTS
from acetate_wire.request import LayerRequest
from acetate_wire.vocabulary import Vocabulary

from acetate.worker.diffusion_engine import DiffusionEngine
from acetate.worker.element_engine import ElementEngine
from acetate.worker.engine import Engine, EngineJob, EngineResult, ModelInfo, ProgressCallback
from acetate.worker.engine_loader import guess_device


class StandardEngine:
    """Gives each request to the engine that has its model; PyTorch is imported when a diffusion model is asked for."""

    diffusion: type[Engine] = DiffusionEngine

    def __init__(self) -> None:
        """Make no engine yet."""
        self._elements = ElementEngine()
        self._diffusion: Engine | None = None
        self._last: Engine | None = None

    @classmethod
    def models(cls) -> tuple[ModelInfo, ...]:
        """The models of the catalogue, then the elements."""
        return (*cls.diffusion.models(), *ElementEngine.models())

    @classmethod
    def vocabulary(cls, model: str) -> Vocabulary | None:
        """The words of a model."""
        return (ElementEngine if model == ELEMENTS else cls.diffusion).vocabulary(model)

    @classmethod
    def resolve(cls, request: LayerRequest) -> LayerRequest:
        """The request with every default filled in. Raises AcetateError."""
        return (ElementEngine if request.model == ELEMENTS else cls.diffusion).resolve(request)

    @property
    def memory_levels(self) -> int:
        """Those of the engine that ran last."""
        return (self._last or self._of_models()).memory_levels

    def device(self) -> str:
        """Where diffusion models are computed."""
        return guess_device() if self._diffusion is None else self._diffusion.device()

    def loaded(self) -> tuple[str, ...]:
        """The models in memory."""
        return () if self._diffusion is None else self._diffusion.loaded()

    def run(self, job: EngineJob, report: ProgressCallback, memory_level: int) -> EngineResult:
        """Do a job. Raises what its engine raises."""
        self._last = self._elements if job.request.model == ELEMENTS else self._of_models()
        return self._last.run(job, report, memory_level)

    def _of_models(self) -> Engine:
        if self._diffusion is None:
            self._diffusion = self.diffusion()
        return self._diffusion
