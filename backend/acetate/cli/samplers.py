"""`acetate samplers`: the names that `--sampler` takes."""

from __future__ import annotations

from acetate.cli.console import echo
from acetate.models.backbones.stable_diffusion.samplers import SAMPLERS


def samplers() -> None:
    """List the samplers, the ways from noise to a picture, that --sampler takes."""
    for sampler in SAMPLERS:
        echo(sampler.name)
