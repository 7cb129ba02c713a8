"""Loading a model folder, and keeping what was loaded."""

from __future__ import annotations

import gc
from collections.abc import Collection
from dataclasses import dataclass, field

import torch
from safetensors import SafetensorError

from acetate.models.devices import available, best_device, empty_caches
from acetate.models.diffusion_model import LoadedModel
from acetate.models.inventory import state_of
from acetate.models.loader import load_base
from acetate.models.memory_plan import Footprint, Plan, choose, footprint, ladder_for, takes_eight_bits
from acetate.models.offload import place, shrink
from acetate.models.registry import Catalogue, ModelEntry, missing_model
from acetate.models.vocabulary import load_vocabulary
from acetate.transparency import fastest_dtype, fastest_layout, short_dtype


@dataclass
class ModelStore:
    """The models in memory: loaded when first asked for, then kept."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    device: torch.device = field(default_factory=lambda: best_device())
    dtype: torch.dtype | None = None
    _loaded: dict[str, LoadedModel] = field(default_factory=dict)
    _states: dict[str, object] = field(default_factory=dict)

    def get(self, name: str, plan: Plan | None = None) -> LoadedModel:
        """The model of that name, in memory as a plan says; without one, as it is or else resident.

        Raises WireError `unknown_model` or `model_missing`.
        """
        model = self._loaded.get(name)
        if model is not None and (plan is None or (model.dtype, model.eight) == (self._dtype(plan), plan.eight)):
            if plan is not None:
                place(model, plan)
            return model
        self.forget(name)
        wanted = plan or Plan()
        entry = self.catalogue.entry(name)
        self._states[name] = state_of(entry)
        self._loaded[name] = load_model(entry, self.device, self._dtype(wanted), wanted)
        return self._loaded[name]

    def plan(self, name: str, mode: str, given: Collection[str], side: tuple[int, int], thrift: int = 0) -> Planned:
        """How a mode of a model is to use memory for a drawing of `side` (width and height in pixels).

        It is the fastest plan that fits, or the `thrift`th after it. Models that are in the way are dropped, and so is
        this one where its files were written anew, as by a training. Raises WireError as `get` does.
        """
        entry = self.catalogue.entry(name)
        if name in self._loaded and self._states[name] != state_of(entry):
            self.forget(name)
        usual = self._dtype(Plan()).itemsize
        way = entry.way(mode, given)
        ladder = ladder_for(self.device.type, usual, eight=takes_eight_bits(way))
        try:
            needs = footprint(entry, way, *side, usual)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise missing_model(f"the model {name} in {entry.file or entry.folder} is damaged ({error!r})") from error
        loaded = self._loaded.get(name)
        there = loaded is not None and loaded.placement == "resident"
        number = choose(ladder, needs, available(self.device), loaded=there)
        if number > 0 and len(self._loaded) > there:
            for other in [other for other in self._loaded if other != name]:
                self.forget(other)
            number = choose(ladder, needs, available(self.device), loaded=there)
        return Planned(ladder[min(number + thrift, len(ladder) - 1)], needs, available(self.device))

    def forget(self, name: str) -> None:
        """Drop a model from memory; nothing happens when it is not there."""
        if self._loaded.pop(name, None) is not None:
            gc.collect()
            empty_caches()

    @property
    def loaded(self) -> tuple[str, ...]:
        """The models in memory."""
        return tuple(self._loaded)

    def _dtype(self, plan: Plan) -> torch.dtype:
        if plan.short:
            return short_dtype(self.device)
        return fastest_dtype(self.device) if self.dtype is None else self.dtype


@dataclass(frozen=True)
class Planned:
    """A plan, what it is made for, and the bytes that were free when it was made."""

    plan: Plan
    needs: Footprint
    free: int


def load_model(entry: ModelEntry, device: torch.device, dtype: torch.dtype, plan: Plan) -> LoadedModel:
    """Load a model into memory as a plan says, weights from .safetensors only, without any network.

    Raises WireError `model_missing` naming the place when a file is unreadable or does not fit its configuration.
    """
    try:
        base = load_base(entry, dtype)
        for network in (base.vae, base.unet):
            network.to(memory_format=fastest_layout(device))
        model = LoadedModel(
            entry=entry,
            vae=base.vae,
            unet=base.unet,
            text=base.text,
            scheduler_config=base.scheduler_config,
            vocabulary=load_vocabulary(entry.folder),
            device=device,
            dtype=dtype,
            eight=plan.eight,
        )
        if plan.eight:
            shrink(model.unet)
        place(model, plan)
        if not entry.family.decoders:
            model.transparency, model.upsampler  # noqa: B018  # a damaged model is refused when it is loaded
        return model
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        where = entry.file or entry.folder
        raise missing_model(f"the model {entry.name} in {where} cannot be read ({reason:.300})") from error
