"""The starter's own engine with a tiny untrained model, and the same with little memory."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from acetate.worker.diffusion_engine import DiffusionEngine
from acetate.worker.engine import EngineJob, EngineResult, ProgressCallback

if TYPE_CHECKING:
    from acetate.models.registry import ModelRegistry


class TinyStarter(DiffusionEngine):
    """Draws noise, but all of the way."""

    @staticmethod
    def catalogue() -> ModelRegistry:
        """The folder that the test names."""
        from acetate.models.families import ModelSource
        from acetate.models.registry import STARTER, ModelRegistry

        return ModelRegistry({"starter": ModelSource(Path(os.environ["ACETATE_TEST_MODEL"]), STARTER, "Apache-2.0")})


class Starved(TinyStarter):
    """Has as much memory as it holds when its model is loaded, and some megabytes more."""

    def run(self, job: EngineJob, report: ProgressCallback, memory_level: int) -> EngineResult:
        """Run a job with little memory."""
        self._store.get(job.request.model)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + (192 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        try:
            return super().run(job, report, memory_level)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
