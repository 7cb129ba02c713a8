"""The engine that runs `acetate.pipelines` with the models of the catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from acetate_wire.errors import AcetateError
from acetate_wire.request import LayerRequest

from acetate.generation import GenerationProgress, LayerOutput
from acetate.worker.engine import EngineJob, EngineResult, ModelInfo, ProgressCallback

if TYPE_CHECKING:
    from acetate_wire.vocabulary import Vocabulary

    from acetate.models.registry import ModelRegistry, ModelSpec


class DiffusionEngine:
    """Loads a model when a job first asks for it and keeps it; PyTorch is imported when an engine is made."""

    def __init__(self) -> None:
        """Choose the device; no model is loaded yet."""
        from acetate.models.memory_plan import plans_for
        from acetate.models.model_cache import ModelCache
        from acetate.transparency import fastest_dtype

        self._store = ModelCache(registry=self.catalogue(), compiles=True)
        device = self._store.device
        self.memory_levels = len(plans_for(device.type, fastest_dtype(device).itemsize)) - 1

    @staticmethod
    def catalogue() -> ModelRegistry:
        """The models that there are."""
        from acetate.models.registry import ModelRegistry

        return ModelRegistry()

    @classmethod
    def models(cls) -> tuple[ModelInfo, ...]:
        """What the catalogue holds, also models whose files are missing."""
        catalogue = cls.catalogue()
        return tuple(_model_info(catalogue, name) for name in catalogue.sources)

    @classmethod
    def vocabulary(cls, model: str) -> Vocabulary | None:
        """The words of a model's captions; None for an unknown model, and for one that does not list them."""
        from acetate.models.vocabulary import load_vocabulary

        source = cls.catalogue().sources.get(model)
        return None if source is None or source.folder is None else load_vocabulary(source.folder)

    @classmethod
    def resolve(cls, request: LayerRequest) -> LayerRequest:
        """The request with every default filled in, without loading a model. Raises AcetateError."""
        from acetate.pipelines.validation import resolve_request

        return resolve_request(request, cls.catalogue())

    def device(self) -> str:
        """PyTorch's name of the device."""
        return str(self._store.device)

    def loaded(self) -> tuple[str, ...]:
        """The models in memory."""
        return self._store.loaded

    def run(self, job: EngineJob, report: ProgressCallback, memory_level: int) -> EngineResult:
        """Make the layers of a job. Raises AcetateError, `out_of_memory` among them, and JobCancelled."""
        import torch

        from acetate import pipelines
        from acetate.pipelines.working_size import WorkingSize

        request = _pipeline_request(job.request)
        report(GenerationProgress("loading", 0, 1))
        # The artist may have added a model since the last job.
        self._store.registry = self.catalogue()
        size = WorkingSize.base(request, self._store.registry.entry(request.model).learned).size
        side = (size.width, size.height)
        loras, kinds = [lora.name for lora in request.loras], [control.kind for control in request.controls]
        planned = self._store.plan(
            request.model, request.mode, request.inputs, side, memory_level, loras=loras, controls=kinds
        )
        self._store.check_time(request, size, planned)
        plan = planned.plan
        if plan.single_pass:
            request = replace(request, passes=1)
        self._store.get(request.model, plan)
        inputs = {role: torch.from_numpy(rgba).movedim(-1, 0) for role, rgba in job.inputs.items()}
        controls = [torch.from_numpy(rgba).movedim(-1, 0) for rgba in job.controls]
        made = pipelines.run_resolved(request, inputs, self._store, report, controls)
        return EngineResult(
            layers=tuple(
                LayerOutput(layer.name, layer.role, layer.x, layer.y, layer.picture.cpu().numpy()) for layer in made
            ),
            seed=made[0].settings.seed,
            settings={"layers": [layer.settings.to_map() for layer in made]},
            warnings=tuple(dict.fromkeys(warning for layer in made for warning in layer.warnings)),
        )


def _pipeline_request(request: LayerRequest) -> LayerRequest:
    """The request without what the worker does after the layers are made: grey answers and ICC profiles."""
    if request.reply_format == "gray8":
        request = replace(request, reply_format="rgba8")
    if request.reply_space == "icc":
        request = replace(request, reply_space="linear", reply_profile_frame=None)
    return request


def _model_info(catalogue: ModelRegistry, name: str) -> ModelInfo:
    from acetate.models.adapter_files import installed_control_kinds, installed_loras
    from acetate.models.vocabulary import VOCABULARY_FILE

    family = catalogue.sources[name].family
    try:
        entry = catalogue.entry(name)
    except AcetateError as error:
        return ModelInfo(name, family.name, (), family.native_size, str(error))
    return ModelInfo(
        name,
        family.name,
        entry.modes,
        entry.full_size,
        controls=installed_control_kinds(family.name),
        samplers=family.samplers,
        loras=installed_loras(),
        clip_layers=_clip_layers(entry),
        max_aspect=family.max_aspect,
        vocabulary=(entry.folder / VOCABULARY_FILE).is_file(),
    )


def _clip_layers(entry: ModelSpec) -> int:
    from acetate.models.embeddings import text_layers

    if not entry.family.decoders:
        return 0
    try:
        return text_layers(entry)
    except (OSError, ValueError, KeyError):
        return 0
