"""Drawn layers with known answers, and what a decoder makes of them: the known failures as checks with names.

Users of the published decoder found three: solid colours come back with a reddish cast, regions shrink, and opaque
parts lose opacity. Two more stand beside them: partial opacity that comes back wrong, and haze where a layer is clear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from acetate_lab.evaluation.metric import Metric
from acetate_lab.evaluation.thresholds import THRESHOLDS
from acetate_lab.evaluation.transparency.reconstruction import Autoencoder, round_trip

EDGE = 4
"""Pixels on either side of an outline that no check looks at: blur there is measured by the matting errors."""

SOLIDS: dict[str, tuple[float, float, float]] = {
    "dark grey": (0.2, 0.2, 0.2),
    "grey": (0.5, 0.5, 0.5),
    "light grey": (0.8, 0.8, 0.8),
    "skin": (0.85, 0.65, 0.55),
    "green": (0.25, 0.6, 0.3),
    "blue": (0.25, 0.35, 0.75),
    "purple": (0.5, 0.3, 0.65),
    "ochre": (0.75, 0.6, 0.25),
}
"""Colours with room above and below in every channel, so that a cast shows either way."""
OPACITIES = (0.25, 0.5, 0.75)
DISC_SHARES = (0.4, 0.2, 0.1)
"""Radii of the discs whose area is known, as shares of the picture's side."""
BAR_SHARES = (1 / 16, 1 / 32)
"""Widths of the bars whose area is known."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A synthetic layer with known pixels: one shape of one colour, all else clear. `about` names its group."""

    name: str
    about: str
    colour: tuple[float, float, float]
    opacity: float
    picture: Float[Tensor, "4 h w"]

    def inside(self) -> Bool[Tensor, "h w"]:
        """Where the shape is, well away from its outline."""
        return _shrunk(self.picture[3] >= self.opacity - 1e-6)

    def outside(self) -> Bool[Tensor, "h w"]:
        """Where the layer is clear, well away from the shape."""
        return _shrunk(self.picture[3] <= 0)


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """A probe and what came back.

    `red_excess` is the mean over its inside of how much more red rose than green and blue did, `lost_area` the share
    of its outline's area that is gone, `lost_opacity` the share of its inside's alpha that is gone (negative where
    there is more than given), `haze` the mean alpha where it is clear.
    """

    probe: Probe
    decoded: Float[Tensor, "4 h w"]
    red_excess: float
    lost_area: float
    lost_opacity: float
    haze: float


def draw_probes(size: int) -> tuple[Probe, ...]:
    """All probes as pictures of `size` pixels, which is 64 at least."""
    found = [_disc(f"{name} disc", "solid colours", colour, 1.0, 0.36, size) for name, colour in SOLIDS.items()]
    found += [
        _disc(f"{name} at {opacity:.0%}", "opacity", SOLIDS[name], opacity, 0.36, size)
        for name in ("light grey", "blue")
        for opacity in OPACITIES
    ]
    found += [_disc(f"disc of {share:.0%}", "regions", SOLIDS["grey"], 1.0, share, size) for share in DISC_SHARES]
    found += [_bar(f"bar of {share:.1%}", SOLIDS["grey"], share, size) for share in BAR_SHARES]
    return tuple(found)


def run_probes(parts: Autoencoder, size: int) -> tuple[ProbeResult, ...]:
    """Send every probe there and back."""
    results = []
    for probe in draw_probes(size):
        decoded = round_trip(parts, probe.picture[None]).decoded[0]
        results.append(measure_probe(probe, decoded))
    return tuple(results)


def measure_probe(probe: Probe, decoded: Float[Tensor, "4 h w"]) -> ProbeResult:
    """Compare what came back of a probe with what is known of it."""
    inside, outside = probe.inside(), probe.outside()
    if bool(inside.any()):
        change = decoded[:3][:, inside].mean(dim=1) - torch.tensor(probe.colour)
        red_excess = float(change[0] - (change[1] + change[2]) / 2)
        lost_opacity = 1 - float(decoded[3][inside].mean()) / probe.opacity
    else:
        red_excess = lost_opacity = 0.0
    half = probe.opacity / 2
    original, found = (int((picture[3] > half).sum()) for picture in (probe.picture, decoded))
    return ProbeResult(
        probe=probe,
        decoded=decoded,
        red_excess=red_excess,
        lost_area=1 - found / original,
        lost_opacity=lost_opacity,
        haze=float(decoded[3][outside].mean()),
    )


def probe_checks(results: Sequence[ProbeResult]) -> tuple[Metric, ...]:
    """The known failures, each with its bar. Raises StatisticsError when there are no results."""

    def mean(name: str, *groups: str) -> float:
        return fmean(getattr(result, name) for result in results if not groups or result.probe.about in groups)

    return (
        Metric(
            "reddish_cast",
            "Reddish cast on solid colours",
            mean("red_excess", "solid colours"),
            "",
            "how much redder plain discs come back (0 to 1)",
            THRESHOLDS["reddish_cast"],
        ),
        Metric(
            "shrinking",
            "Shrinking regions",
            mean("lost_area", "regions"),
            "%",
            "area that discs and bars lose on average; below 0 they grow",
            THRESHOLDS["shrinking"],
        ),
        Metric(
            "lowered_opacity",
            "Lowered opacity",
            mean("lost_opacity", "solid colours"),
            "%",
            "opacity lost inside opaque discs",
            THRESHOLDS["lowered_opacity"],
        ),
        Metric(
            "partial_opacity",
            "Partial opacity off",
            fmean(abs(result.lost_opacity) * result.probe.opacity for result in results if result.probe.opacity < 1),
            "",
            "how far alpha is off inside discs of 25%, 50% and 75%",
            THRESHOLDS["partial_opacity"],
        ),
        Metric(
            "haze",
            "Haze on clear ground",
            mean("haze"),
            "",
            "average alpha where a probe is clear",
            THRESHOLDS["haze"],
        ),
    )


def _disc(name: str, about: str, colour: tuple[float, float, float], opacity: float, radius: float, size: int) -> Probe:
    y, x = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
    covered = (radius * size + 0.5 - torch.hypot(x - size / 2, y - size / 2)).clamp(0, 1)
    return Probe(name, about, colour, opacity, _plain(colour, covered * opacity))


def _bar(name: str, colour: tuple[float, float, float], width: float, size: int) -> Probe:
    covered = torch.zeros(size, size)
    half, middle = max(1, round(width * size / 2)), size // 2
    covered[size // 8 : size - size // 8, middle - half : middle + half] = 1
    return Probe(name, "regions", colour, 1.0, _plain(colour, covered))


def _plain(colour: tuple[float, float, float], alpha: Float[Tensor, "h w"]) -> Float[Tensor, "4 h w"]:
    shown = torch.tensor(colour).view(3, 1, 1) * (alpha > 0)
    return torch.cat([shown, alpha[None]])


def _shrunk(where: Bool[Tensor, "h w"]) -> Bool[Tensor, "h w"]:
    """Without what is nearer than `EDGE` pixels to the other side; the frame counts as this side."""
    other = F.max_pool2d((~where).float()[None, None], 2 * EDGE + 1, stride=1, padding=EDGE)
    return other[0, 0] == 0
