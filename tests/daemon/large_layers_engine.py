"""A stand-in whose layers are made at once, whatever their size: each is one shade of grey."""

from __future__ import annotations

import numpy as np
from acetate.generation import LayerOutput
from acetate.worker.engine import EngineJob, EngineResult, ProgressCallback
from acetate_wire.request import output_roles

from tests.daemon.standin import StandIn


class LargeLayers(StandIn):
    """Layers in the format that is asked for, as those of `split` are."""

    def run(self, job: EngineJob, report: ProgressCallback, memory_level: int) -> EngineResult:
        """All layers fill the target."""
        target = job.request.target
        [given] = job.inputs.values()
        assert given.shape == (target.height, target.width, 4)
        layers = (
            LayerOutput(f"{role} {n}", role, target.x, target.y, np.full(given.shape, 10 + n, np.uint8))
            for n, role in enumerate(output_roles(job.request))
        )
        return EngineResult(tuple(layers), 0, {})
