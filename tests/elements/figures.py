"""What a slider moves, as figures of a premultiplied picture: how much it covers, how tall, how rough, how bright."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from acetate.elements.frame import Layer
from numpy.typing import NDArray

SLIDERS = """
rain | density cover+, length height+, width cover+, wind slant+, depth cover+
snow | density cover+, size cover+, wind slant-, depth cover+
smoke | density cover+, width width+, height height+, wind lean+, turbulence detail+, light lit_from+
smoke | contrast contrast+
steam | density cover+, wisps cover+, width width+, height height+, turbulence grain+, softness detail-
steam | wind lean+
flame | intensity light+, width width+, height height+, wind lean+, turbulence uprightness-
campfire | intensity light+, height height+, wind lean+, turbulence detail+, sparks parts+, charred whiteness-
campfire | glow cover+
match | tilt lean+, length height+, burnt whiteness-, flame cover+, wind lean+, glow cover+, flicker side-
candle | height height+, width width+, flame cover+, flicker side+, wind lean+, glow cover+
embers | density cover+, size cover+, length height+, depth cover+, glow cover+, wind lean+ density=1
embers | turbulence cover+ density=1
god_rays | brightness light+, source slant+, count parts+, contrast detail+, haze opacity+, length height+
god_rays | spread uprightness- source=0
lightning | count parts+, branches parts+, thickness cover+, jaggedness uprightness-, glow cover+, lean lean-
glow | brightness light+, core whiteness+, size cover+
hair | length height+, curl uprightness-, mess parts+, strands cover+, width width+, wind side+
hair | shine contrast+, light lit_from+
lens_flare | brightness light+, across side+, height top+, spikes detail+, length cover+, ghosts cover+
lens_flare | halo colours+, streak uprightness-
bokeh | density cover+, size cover+, brightness light+, softness detail-, rim grain+, variety colours+
sparkles | density cover+, size cover+, length cover+, glitter parts+, glow cover+, twinkle light-
sparkles | variety colours+
dust_motes | density cover+, size cover+, depth cover+, brightness light+, patches cover-
dust_motes | drift lean- density=1
fog | density cover+, height top+, patches cover-, scale detail-, stretch uprightness-
cloud | size cover+, height height+, density cover+, fluff cover+, shadow contrast+, light lit_from+
explosion | age whiteness-, size cover+, smoke whiteness-, turbulence detail+, sparks parts+, glow cover+
energy_beam | width cover+, brightness light+, strands parts+, burst cover+, glow cover+, direction top-
energy_beam | turbulence uprightness+
magic_circle | detail light+, thickness cover+, glow cover+, tilt height-, points opacity+
shockwave | age reach+, brightness light+, thickness cover+, streaks parts+, tilt height-
shockwave | turbulence unevenness+
bubbles | density cover+, size cover+, film cover+, iridescence colours+, shine contrast+
bubbles | wind lean+ density=1
drops | density cover+, size cover+, variety colours+, runs parts+, roundness cover+, refraction opacity+
drops | shine contrast+, shadow cover+
splash | height height+, width width+, crown cover+, jets cover+, drops height+, thickness cover+
splash | opacity opacity+, shine whiteness+
cracks | count parts+, branches cover+, size cover+, thickness cover+, jaggedness opacity+, relief brightness+
splatter | size cover+, fingers cover+, droplets parts+, spread uprightness-, stretch reach+, shine contrast+
ink | size cover+, density cover+, wetness contrast+, edge grain+, grain grain+, raggedness detail+
web | spokes cover+, turns cover+, sag detail+, damage cover-, thickness cover+, dew contrast+
fur | density cover+, thickness cover+, tufts grain+, mess uprightness-, wind side+, shine contrast+
fur | length detail+, curl cover+
feather | width cover+, curve side+, splits grain+, down cover+, turn side+
dandelion | size cover+, blown side+, fluff cover+, stem height+, wind lean-
grass | density cover+, height height+, width width+, blade cover+, wind lean+, mess parts+, dryness warmth+
icicles | density cover+, length height+, width cover+, ripples grain+, frost whiteness+, shine whiteness+
leaves | density cover+, size cover+, tumble cover-, wind slant+, variety colours+, age whiteness-
"""
"""What each slider of a kind moves from its lowest to its highest value, which figure it raises (+) or lowers (-), and
what else is set where a random place decides otherwise.
"""
Picture = NDArray[np.float64]


def _weights(picture: Picture) -> Picture:
    alpha = picture[..., 3]
    return np.asarray(alpha / max(alpha.sum(), 1e-12))


def _light(picture: Picture) -> Picture:
    return np.asarray(picture[..., :3] @ np.array([0.3, 0.59, 0.11]))


def _straight(picture: Picture) -> Picture:
    return np.asarray(picture[..., :3] / np.maximum(picture[..., 3:], 1e-6))


def _axes(picture: Picture) -> tuple[Picture, Picture]:
    """The x and the y upwards of each pixel, the shorter side 1."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    unit = min(height, width)
    return np.asarray((x + 0.5 - width / 2) / unit), np.asarray((height / 2 - y - 0.5) / unit)


def _spread(values: Picture, weights: Picture) -> float:
    middle = (values * weights).sum()
    return float(np.sqrt(((values - middle) ** 2 * weights).sum()))


def _slopes(picture: Picture) -> tuple[Picture, Picture]:
    alpha = picture[..., 3]
    down, across = np.gradient(alpha)
    return np.asarray(across), np.asarray(-down)


def cover(picture: Picture) -> float:
    """How much of the picture is covered."""
    return float(picture[..., 3].mean())


def opacity(picture: Picture) -> float:
    """How opaque what is covered is."""
    return float((picture[..., 3] * _weights(picture)).sum())


def light(picture: Picture) -> float:
    """How much light is in the picture."""
    return float(_light(picture).mean())


def brightness(picture: Picture) -> float:
    """How bright what is covered is."""
    return float(_light(picture).sum() / max(picture[..., 3].sum(), 1e-12))


def whiteness(picture: Picture) -> float:
    """How much of what is covered is white."""
    return float((_straight(picture).min(axis=-1) * _weights(picture)).sum())


def height(picture: Picture) -> float:
    """How far it reaches up and down."""
    return _spread(_axes(picture)[1], _weights(picture))


def width(picture: Picture) -> float:
    """How far it reaches to the sides."""
    return _spread(_axes(picture)[0], _weights(picture))


def reach(picture: Picture) -> float:
    """How far it reaches from the middle."""
    x, y = _axes(picture)
    return float((np.sqrt(x * x + y * y) * _weights(picture)).sum())


def top(picture: Picture) -> float:
    """The height of its middle."""
    return float((_axes(picture)[1] * _weights(picture)).sum())


def side(picture: Picture) -> float:
    """How far to the right its middle is."""
    return float((_axes(picture)[0] * _weights(picture)).sum())


def lean(picture: Picture) -> float:
    """How much it leans to the right with height."""
    x, y = _axes(picture)
    weights = _weights(picture)
    x, y = x - (x * weights).sum(), y - (y * weights).sum()
    return float((x * y * weights).sum() / max((y * y * weights).sum(), 1e-12))


def slant(picture: Picture) -> float:
    """How much its edges slant to the right."""
    across, up = _slopes(picture)
    return float(-(across * up).sum() / max((across**2 + up**2).sum(), 1e-12))


def uprightness(picture: Picture) -> float:
    """How much of its edges is upright."""
    across, up = _slopes(picture)
    return float((across**2).sum() / max((across**2 + up**2).sum(), 1e-12))


def lit_from(picture: Picture) -> float:
    """How far to the right its light is of its middle."""
    x, _y = _axes(picture)
    bright = _light(picture)
    return float((x * bright).sum() / max(bright.sum(), 1e-12) - (x * _weights(picture)).sum())


def detail(picture: Picture) -> float:
    """How much edge there is for what is covered."""
    across, up = _slopes(picture)
    return float(np.sqrt(across**2 + up**2).sum() / max(picture[..., 3].sum(), 1e-12))


def grain(picture: Picture) -> float:
    """How much its colours change from pixel to pixel."""
    bright = _light(picture)
    return float(
        (np.abs(np.diff(bright, axis=0)).sum() + np.abs(np.diff(bright, axis=1)).sum()) / max(bright.sum(), 1e-12)
    )


def contrast(picture: Picture) -> float:
    """How far its dark and its bright parts are apart."""
    return _spread(_light(_straight(picture)), _weights(picture))


def colours(picture: Picture) -> float:
    """How far its colours are apart."""
    straight, weights = _straight(picture), _weights(picture)
    return sum(_spread(straight[..., one] - straight[..., other], weights) for one, other in ((0, 1), (1, 2)))


def warmth(picture: Picture) -> float:
    """How much redder than blue it is."""
    straight = _straight(picture)
    return float(((straight[..., 0] - straight[..., 2]) * _weights(picture)).sum())


def unevenness(picture: Picture) -> float:
    """How far its reach from the middle differs with the direction."""
    x, y = _axes(picture)
    sector = ((np.arctan2(y, x) / np.pi + 1) * 12).astype(int) % 24
    weights = picture[..., 3] ** 2
    reached = [
        (np.sqrt(x * x + y * y) * weights)[sector == each].sum() / max(weights[sector == each].sum(), 1e-12)
        for each in range(24)
    ]
    return float(np.std(reached))


def parts(picture: Picture) -> float:
    """How many peaks it has."""
    alpha = np.pad(picture[..., 3], 1)
    middle = alpha[1:-1, 1:-1]
    peak = middle > 0.02
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if dy or dx:
                peak &= middle > alpha[1 + dy : alpha.shape[0] - 1 + dy, 1 + dx : alpha.shape[1] - 1 + dx]
    return float(peak.sum())


FIGURES: Mapping[str, Callable[[Picture], float]] = {
    each.__name__: each
    for each in (
        cover, opacity, light, brightness, whiteness, height, width, reach, top, side, lean, slant, uprightness,
        lit_from, detail, grain, contrast, colours, warmth, unevenness, parts,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Slider:
    """A slider and the figure that it moves, up (1) or down (-1), with other values set."""

    kind: str
    name: str
    figure: str
    way: int
    others: Mapping[str, float]


def sliders() -> Iterator[Slider]:
    """The rows of the table."""
    for line in SLIDERS.split("\n"):
        kind, _, listed = line.partition(" | ")
        for each in filter(None, listed.split(", ")):
            name, figure, *others = each.split(" ")
            pairs = (other.split("=") for other in others)
            way = 1 if figure.endswith("+") else -1
            yield Slider(kind, name, figure[:-1], way, {other: float(value) for other, value in pairs})


def measured(layer: Layer) -> Picture:
    """A straight layer as the figures take it."""
    return np.concatenate([layer[..., :3] * layer[..., 3:], layer[..., 3:]], axis=-1).astype(np.float64)
