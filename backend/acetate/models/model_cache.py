"""Loads models and caches them in memory."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import torch
from acetate_wire.request import LayerRequest
from safetensors import SafetensorError

from acetate.image.sizes import Size
from acetate.models.backbones.architectures import footprint, load
from acetate.models.backbones.stable_diffusion.compiled.unets import CompiledUNets, compiled_bytes, is_enabled
from acetate.models.backbones.stable_diffusion.network import StableDiffusion
from acetate.models.devices import best_device, empty_caches, free_memory
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.drawing_time import check_time, least_seconds, measured_speed
from acetate.models.inventory import file_fingerprint
from acetate.models.memory_plan import (
    CARDS,
    Footprint,
    MemoryPlan,
    adapter_bytes,
    choose_plan,
    largest_batch,
    plans_for,
    supports_int8,
    supports_nf4,
    with_batch,
)
from acetate.models.offload import apply_plan, is_quantized, quantize_int8, store_in_fp8, store_in_nf4
from acetate.models.registry import ModelRegistry, ModelSpec, model_missing_error
from acetate.models.vocabulary import load_vocabulary
from acetate.transparency import fastest_dtype, short_dtype

log = logging.getLogger("acetate.models")


@dataclass
class ModelCache:
    """The models in memory, each loaded on first use and cached.

    With `compiles`, OpenVINO computes the UNets that it is faster with, while memory is not short.
    """

    registry: ModelRegistry = field(default_factory=ModelRegistry)
    device: torch.device = field(default_factory=lambda: best_device())
    dtype: torch.dtype | None = None
    compiles: bool = False
    _loaded: dict[str, DiffusionModel] = field(default_factory=dict)
    _fingerprints: dict[str, object] = field(default_factory=dict)
    _plans: dict[str, MemoryPlan] = field(default_factory=dict)
    _wider: dict[str, torch.dtype] = field(default_factory=dict)

    def get(self, name: str, plan: MemoryPlan | None = None) -> DiffusionModel:
        """The model of that name, placed by a plan; None leaves a loaded one as it is, and loads others resident.

        Raises AcetateError `unknown_model` or `model_missing`.
        """
        model = self._loaded.get(name)
        if model is not None and (
            plan is None or model.format == (self._dtype(name, plan), plan.int8, plan.fp8, plan.nf4)
        ):
            if plan is not None:
                apply_plan(model, plan)
                self._plans[name] = plan
                self._set_compiled(model, plan)
            return model
        self.unload(name)
        chosen = plan or MemoryPlan()
        entry = self.registry.entry(name)
        started = time.monotonic()
        self._fingerprints[name] = file_fingerprint(entry)
        dtype = self._dtype(name, chosen)
        self._loaded[name] = load_model(entry, self.device, dtype, chosen)
        self._plans[name] = chosen
        self._set_compiled(self._loaded[name], chosen)
        seconds = time.monotonic() - started
        log.info("loaded %s in %.1f s: %s, %s on %s", name, seconds, chosen, dtype, self.device)
        return self._loaded[name]

    def plan(
        self,
        name: str,
        mode: str,
        inputs: Collection[str],
        side: tuple[int, int],
        memory_level: int = 0,
        *,
        loras: Sequence[str] = (),
        controls: Sequence[str] = (),
    ) -> PlannedMemory:
        """The fastest plan that fits for a mode at `side` (width and height in pixels).

        `loras` are the names of the job's LoRAs and `controls` the kinds of its controls. `memory_level` takes the plan
        so many places after it. Unloads other models where that makes a faster plan fit,
        and this one where its files have changed. Raises AcetateError as `get` does.
        """
        entry = self.registry.entry(name)
        if name in self._loaded and self._fingerprints[name] != file_fingerprint(entry):
            self.unload(name)
        usual = self._dtype(name, MemoryPlan()).itemsize
        recipe = entry.recipe(mode, inputs)
        shorter = {"int8": supports_int8(recipe), "nf4": supports_nf4() and torch.version.cuda is not None}
        plans = plans_for(self.device.type, usual, native=entry.family.is_native, **shorter)
        loaded = self._loaded.get(name)
        cached = () if loaded is None else loaded.adapters
        adapters = adapter_bytes(entry.family.name, loras, controls, usual, cached)
        own_memory = self.device.type in CARDS
        try:
            needs = footprint(entry, recipe, *side, usual, adapters=adapters, main_memory=not own_memory)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise model_missing_error(
                f"the model {name} in {entry.file or entry.folder} is damaged ({error!r})"
            ) from error
        if (
            self._compiles
            and not entry.family.is_native
            and not (loaded and loaded.compiled and loaded.compiled.is_open)
        ):
            needs = replace(needs, compiled=compiled_bytes((needs.denoiser + needs.layers) // usual))
        there = loaded is not None and loaded.placement == "resident"
        number = choose_plan(plans, needs, free_memory(self.device), loaded=there)
        if number > 0 and len(self._loaded) > there:
            for other in [other for other in self._loaded if other != name]:
                self.unload(other)
            number = choose_plan(plans, needs, free_memory(self.device), loaded=there)
        plan, free = plans[min(number + memory_level, len(plans) - 1)], free_memory(self.device)
        if number + memory_level == 0 and not entry.family.is_native:
            plan = with_batch(plan, needs, free, largest_batch(recipe, *side), loaded=there)
        return PlannedMemory(plan, needs, free)

    def check_time(self, request: LayerRequest, size: Size, planned: PlannedMemory) -> None:
        """Raise AcetateError `too_slow` where a transformer would draw a resolved request for hours.

        Other models are never refused: what they take was always bearable, on processors too.
        """
        entry = self.registry.entry(request.model)
        if not entry.family.is_native or request.however_long:
            return
        speed = measured_speed(self.device, self._dtype(request.model, planned.plan))
        seconds = least_seconds(entry, request, size, planned.plan, planned.needs.denoiser, speed)
        check_time(request, seconds, self.device)

    def unload(self, name: str) -> None:
        """Drop a model from memory; nothing happens when it is not there."""
        if self._loaded.pop(name, None) is not None:
            log.info("unloaded %s", name)
            gc.collect()
            empty_caches()

    @property
    def loaded(self) -> tuple[str, ...]:
        """The models in memory."""
        return tuple(self._loaded)

    def widen(self, name: str) -> bool:
        """Load a model that overflowed in float16 again in a wider format, for the next jobs too; False for others.

        The wider format is bfloat16 where the device is fast with it, else float32.
        """
        model = self._loaded.get(name)
        if model is None or model.dtype != torch.float16:
            return False
        fastest = fastest_dtype(self.device)
        self._wider[name] = torch.float32 if fastest == torch.float16 else fastest
        log.warning("%s overflowed in float16: it is loaded again in %s", name, self._wider[name])
        self.get(name, self._plans[name])
        return True

    def narrow(self, name: str) -> None:
        """Go back to the usual format, where `widen` did not help."""
        self._wider.pop(name, None)
        self.unload(name)

    def _set_compiled(self, model: DiffusionModel, plan: MemoryPlan) -> None:
        """Have a model's UNet compiled under the fastest plan, which alone counts the bytes of that."""
        if not plan.is_fastest or not self._compiles or not isinstance(model.backbone, StableDiffusion):
            model.compiled = None
        elif model.compiled is None:
            model.compiled = CompiledUNets.of(model.backbone, model.spec.native_size)

    @property
    def _compiles(self) -> bool:
        return self.compiles and is_enabled(self.device)

    def _dtype(self, name: str, plan: MemoryPlan) -> torch.dtype:
        """The number format of the network that predicts.

        On cards the published families compute in float16: bfloat16 would round off most of a small weight delta.
        """
        if name in self._wider:
            return self._wider[name]
        if plan.half:
            return short_dtype(self.device)
        if self.dtype is not None:
            return self.dtype
        source = self.registry.sources.get(name)
        if self.device.type in CARDS and source is not None and source.family.decoders:
            return torch.float16
        return fastest_dtype(self.device)


@dataclass(frozen=True)
class PlannedMemory:
    """A plan, its estimate, and the free bytes when it was made."""

    plan: MemoryPlan
    needs: Footprint
    free: int


def load_model(entry: ModelSpec, device: torch.device, dtype: torch.dtype, plan: MemoryPlan) -> DiffusionModel:
    """Load a model as a plan says, weights from .safetensors only, without network access.

    Raises AcetateError `model_missing` naming the path when a file is unreadable or does not fit its configuration.
    """
    try:
        backbone = load(entry, device, dtype)
        model = DiffusionModel(
            spec=entry,
            backbone=backbone,
            vocabulary=load_vocabulary(entry.folder),
            device=device,
            dtype=dtype,
            int8=plan.int8,
            fp8=plan.fp8 and not is_quantized(backbone.denoiser),
            nf4=plan.nf4 and not is_quantized(backbone.denoiser),
        )
        if plan.int8:
            quantize_int8(model.backbone.denoiser)
        if model.fp8:
            store_in_fp8(model.backbone.denoiser, dtype)
        if model.nf4:
            store_in_nf4(model.backbone.denoiser, dtype, device)
        apply_plan(model, plan)
        if entry.family.has_own_transparency:
            model.transparency, model.upsampler  # noqa: B018  # a damaged model is refused when it is loaded
        return model
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        where = entry.file or entry.folder
        raise model_missing_error(f"the model {entry.name} in {where} cannot be read ({reason:.300})") from error
