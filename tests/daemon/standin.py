"""An engine for fault tests: fast, deterministic, and told by the prompt what to do.

The prompt is a list of words, each `name` or `name=value`: `steps=N` and `pause=SECONDS` (a step), `die` (kill the
worker, `die=once` only the first time), `fail` (an unexpected error), `memory=LEVEL` (out of memory below it),
`crowded` (out of memory while there is another worker), `hang=SECONDS` (no step is reported), `echo` (every input and
control comes back as a layer), `round` (a disc instead of a full rectangle), `clear` (nothing at all, which `remove`
always makes), `warn` (the layers come with a warning), `hours` (too slow, unless that is allowed). Anything
else is passed over.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from acetate.generation import GenerationProgress, LayerOutput
from acetate.worker.engine import EngineJob, EngineResult, ModelInfo, ProgressCallback
from acetate_wire.errors import AcetateError
from acetate_wire.events import LayerWarning
from acetate_wire.modes import MODES
from acetate_wire.request import LayerRequest, output_roles
from acetate_wire.vocabulary import Vocabulary

if TYPE_CHECKING:
    from acetate.worker.engine import Pixels


LACKED = "ACETATE_TEST_LACKED"
"""The environment variable by which a machine lacks the model `narrow`."""


class StandIn:
    """Makes layers of one colour, which the seed and the layer's number decide."""

    memory_levels = 2

    def __init__(self) -> None:
        self._loaded: tuple[str, ...] = ()

    @classmethod
    def models(cls) -> tuple[ModelInfo, ...]:
        """Every mode, a model whose files are missing, and one that can do little."""
        return (
            ModelInfo(
                "starter",
                "starter",
                tuple(MODES),
                64,
                max_aspect=1.0,
                controls=("depth", "normal"),
                loras=("broken", "ink"),
                vocabulary=True,
            ),
            ModelInfo("absent", "sdxl", tuple(MODES), 1024, missing="the model absent lacks unet/config.json"),
            ModelInfo(
                "narrow",
                "sd15",
                ("text",),
                512,
                clip_layers=12,
                missing="it is not here" if LACKED in os.environ else "",
            ),
        )

    @classmethod
    def vocabulary(cls, model: str) -> Vocabulary | None:
        """A few words for the starter; the others tell none."""
        if model != "starter":
            return None
        return Vocabulary(frozenset({"red", "apple", "fish"}), {"apple": "apple", "fish": "fish"}, {"trout": "fish"})

    @classmethod
    def resolve(cls, request: LayerRequest) -> LayerRequest:
        """Refuse one sampler and one LoRA, as an engine refuses what it does not know; Euler is the default."""
        if request.sampler == "unheard of":
            raise AcetateError("bad_request", "there is no sampler 'unheard of'", field="sampler", hint="choose Euler")
        for lora in request.loras:
            if lora.name == "broken":
                raise AcetateError("bad_request", f"the LoRA broken at {lora.weight:g} does not fit", field="loras")
        return replace(request, sampler=request.sampler or "Euler")

    def device(self) -> str:
        """The processor."""
        return "cpu"

    def loaded(self) -> tuple[str, ...]:
        """The model of the latest job."""
        return self._loaded

    def run(self, job: EngineJob, report: ProgressCallback, memory_level: int) -> EngineResult:
        """Do what the prompt says."""
        words = {name: value for name, _, value in (word.partition("=") for word in job.request.prompt.split())}
        self._loaded = (job.request.model,)
        if "die" in words and (words["die"] != "once" or _first_time(job.id)):
            os.kill(os.getpid(), signal.SIGKILL)
        if "fail" in words:
            raise RuntimeError("the stand-in was told to fail")
        if "hours" in words and not job.request.however_long:
            message = "text takes at least 7 hours on the processor, over the limit of 2 hours"
            raise AcetateError("too_slow", message, field="steps", hint="ask for fewer steps, or wait all the same")
        if memory_level < int(words.get("memory") or 0):
            raise MemoryError
        if "crowded" in words and len(psutil.Process(os.getppid()).children()) > 1:
            raise MemoryError
        time.sleep(float(words.get("hang") or 0))
        steps = int(words.get("steps") or 2)
        for step in range(1, steps + 1):
            time.sleep(float(words.get("pause") or 0))
            preview = shape(words, colour(job.request.seed or 0, 0, 300, 400)) if report.wants_preview else None
            report(GenerationProgress("drawing", step, steps, preview=preview))
        target, seed = job.request.target, job.request.seed or 0
        if "echo" in words:
            layers = [LayerOutput(role, role, target.x, target.y, rgba) for role, rgba in job.inputs.items()]
            layers += [LayerOutput("control", "layer", target.x, target.y, rgba) for rgba in job.controls]
            return EngineResult(tuple(layers), seed, {})
        if job.request.mode == "remove":
            words["clear"] = ""
        names = output_roles(job.request) * job.request.count
        if job.request.mode == "stack":
            return EngineResult(_stacked(job.request, names, seed), seed, {"memory_level": memory_level})
        return EngineResult(
            tuple(
                LayerOutput(
                    f"{name} {n}",
                    name,
                    target.x,
                    target.y,
                    shape(words, colour(seed, n, target.height, target.width)),
                )
                for n, name in enumerate(names)
            ),
            seed,
            {"memory_level": memory_level, "steps": steps, "pid": os.getpid()},
            (LayerWarning("opaque", "it covers all", "say less"),) if "warn" in words else (),
        )


def _stacked(request: LayerRequest, names: tuple[str, ...], seed: int) -> tuple[LayerOutput, ...]:
    """A layer for each of the stack, of its own colour, in its region; the first is the lowest."""
    behind = [(request.prompt, request.target)] if "background" in names else []
    places = [*behind, *((layer.prompt, layer.target) for layer in request.stack)]
    return tuple(
        LayerOutput(words, name, rect.x, rect.y, colour(seed, n, rect.height, rect.width))
        for n, (name, (words, rect)) in enumerate(zip(names, places, strict=True))
    )


def colour(seed: int, number: int, height: int, width: int) -> Pixels:
    """The layer that the stand-in makes from a seed: one colour, exact in 8 bits."""
    import numpy as np  # not at the top: the daemon imports this module

    value = [(seed + number) % 256, (seed // 256 + number) % 256, 77, 255]
    return np.broadcast_to(np.array(value, np.float32) / np.float32(255), (height, width, 4)).copy()


def shape(words: dict[str, str], rgba: Pixels) -> Pixels:
    """The layer as it is, or a disc of it with soft edges when the prompt says `round`."""
    import numpy as np

    if "clear" in words:
        rgba[...] = 0
    if "round" in words:
        height, width = rgba.shape[:2]
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        rgba[..., 3] = np.clip(4 - 5 * np.hypot(x * width / height, y), 0, 1)
    return rgba


def _first_time(job: str) -> bool:
    mark = Path(os.environ["ACETATE_STATE_DIR"]) / f"died-{job}"
    if mark.exists():
        return False
    mark.touch()
    return True
