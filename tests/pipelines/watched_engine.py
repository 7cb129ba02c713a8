"""The real engine on tiny models, which also tells whether a job left the UNet as it was."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from acetate.models.families import families
from acetate.worker.diffusion_engine import DiffusionEngine
from acetate.worker.engine import EngineJob, EngineResult, ProgressCallback

if TYPE_CHECKING:
    from acetate.models.registry import ModelRegistry


class Watched(DiffusionEngine):
    """Serves `starter`, `sd15` and `sdxl` out of the folder that the test names."""

    @staticmethod
    def catalogue() -> ModelRegistry:
        """The tiny models; their layer files are in the models folder."""
        from acetate.models.families import ModelSource
        from acetate.models.registry import ModelRegistry

        folder = Path(os.environ["ACETATE_MODELS_DIR"])
        return ModelRegistry(
            {name: ModelSource(folder / name, family, "Apache-2.0") for name, family in families().items()}
        )

    def run(self, job: EngineJob, report: ProgressCallback, memory_level: int) -> EngineResult:
        """Do a job, and add the UNet's digest before and after it to the settings."""
        before = self._digest(job.request.model)
        made = super().run(job, report, memory_level)
        return replace(made, settings={**made.settings, "unet": [before, self._digest(job.request.model)]})

    def _digest(self, name: str) -> str:
        unet = self._store.get(name).sd.unet
        digest = hashlib.sha256(repr([(key, type(value)) for key, value in unet.attn_processors.items()]).encode())
        for key, value in unet.state_dict().items():
            digest.update(key.encode())
            digest.update(value.float().numpy().tobytes())
        return digest.hexdigest()
