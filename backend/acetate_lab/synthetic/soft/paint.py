"""Brushes for procedural soft-alpha pictures: a premultiplied canvas, gradient noise, colour ramps, strands.

Coordinates run from -1 to 1 with x to the right and y up. Colours are sRGB-encoded, in [0, 1].
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

Field = NDArray[np.float64]
Picture = NDArray[np.uint8]
Colour = tuple[float, float, float]

HUES: dict[str, tuple[float, float]] = {
    "red": (-0.02, 0.015),
    "orange": (0.06, 0.09),
    "yellow": (0.13, 0.16),
    "green": (0.27, 0.40),
    "blue": (0.55, 0.65),
    "purple": (0.73, 0.79),
    "pink": (0.87, 0.93),
}
"""The hue range, in turns, that each colour word of a caption stands for."""


@dataclass(frozen=True)
class Rendered:
    """One picture and the words its caption may add.

    `picture` is (size, size, 4) RGBA with straight alpha; `caption_words` are adjectives such as "blue"; `phrases` say
    of this one picture what its subject's names do not, such as "woman with messy hair".
    """

    picture: Picture
    caption_words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()


def pick_hue(rng: np.random.Generator, *words: str) -> tuple[str, float]:
    """A colour word of `words` (all of `HUES` by default) and a hue in [0, 1) that fits it."""
    word = str(rng.choice(words or tuple(HUES)))
    return word, float(rng.uniform(*HUES[word])) % 1.0


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """A colour from hue (turns, any real), saturation and value in [0, 1]."""
    return colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0))


def mix(first: ArrayLike, second: ArrayLike, share: ArrayLike) -> Field:
    """Colours (..., 3) between `first` (share 0) and `second` (share 1); `share` has no colour axis."""
    weight = np.clip(np.asarray(share, dtype=np.float64), 0.0, 1.0)[..., None]
    mixed: Field = np.asarray(first, dtype=np.float64) * (1 - weight) + np.asarray(second) * weight
    return mixed


def smoothstep(low: ArrayLike, high: ArrayLike, value: ArrayLike) -> Field:
    """Hermite step from 0 at `low` to 1 at `high`; `low` above `high` gives the falling step."""
    low_, span = np.asarray(low, dtype=np.float64), np.asarray(high) - np.asarray(low)
    t = np.clip((np.asarray(value) - low_) / span, 0.0, 1.0)
    step: Field = t * t * (3 - 2 * t)
    return step


def ramp(values: Field, stops: Sequence[tuple[float, Colour]]) -> Field:
    """Colours (..., 3) of `values` on a piecewise linear ramp of (position, colour) stops, ends held."""
    positions = [position for position, _ in stops]
    channels = [np.interp(values, positions, [colour[c] for _, colour in stops]) for c in range(3)]
    return np.stack(channels, axis=-1)


class Noise:
    """Periodic gradient noise with its own random lattice; one lattice cell is one unit."""

    def __init__(self, rng: np.random.Generator, period: int = 64) -> None:
        """Draw the lattice from `rng`; the noise repeats after `period` cells."""
        angles = rng.uniform(0, 2 * np.pi, (period, period))
        self._period = period
        self._gradients = np.stack([np.cos(angles), np.sin(angles)])

    def __call__(self, x: ArrayLike, y: ArrayLike) -> Field:
        """Noise at the points, roughly in [-1, 1], zero on lattice points."""
        x, y = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
        column, row = np.floor(x), np.floor(y)
        u, v = x - column, y - row
        left, top = column.astype(np.intp) % self._period, row.astype(np.intp) % self._period
        right, bottom = (left + 1) % self._period, (top + 1) % self._period
        fade_u, fade_v = (t * t * t * (t * (6 * t - 15) + 10) for t in (u, v))

        def corner(iy: NDArray[np.intp], ix: NDArray[np.intp], dx: Field, dy: Field) -> Field:
            gradient = self._gradients[:, iy, ix]
            dot: Field = gradient[0] * dx + gradient[1] * dy
            return dot

        upper = corner(top, left, u, v) * (1 - fade_u) + corner(top, right, u - 1, v) * fade_u
        lower = corner(bottom, left, u, v - 1) * (1 - fade_u) + corner(bottom, right, u - 1, v - 1) * fade_u
        value: Field = 1.5 * (upper * (1 - fade_v) + lower * fade_v)
        return value

    def fbm(self, x: ArrayLike, y: ArrayLike, octaves: int = 4, gain: float = 0.5) -> Field:
        """Fractal sum of `octaves` octaves, each at about twice the frequency, roughly in [-1, 1]."""
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        total, weight = np.zeros(np.broadcast(x, y).shape), 1.0
        for octave in range(octaves):
            scale = 2.03**octave
            total += weight * self(x * scale + 17.3 * octave, y * scale + 9.1 * octave)
            weight *= gain
        return total

    def curl(self, x: Field, y: Field, octaves: int = 2) -> tuple[Field, Field]:
        """A divergence-free flow (dx, dy): the rotated gradient of the noise (Bridson 2007)."""
        step = 0.05
        along_y = self.fbm(x, y + step, octaves) - self.fbm(x, y - step, octaves)
        along_x = self.fbm(x + step, y, octaves) - self.fbm(x - step, y, octaves)
        return along_y / (2 * step), -along_x / (2 * step)


@dataclass(frozen=True)
class Strands:
    """`n` polylines of `k` points each, drawn in order.

    `points` (n, k, 2) in canvas coordinates; `widths` (n, k) in the same unit; `colours` (n, k, 3);
    `alphas` (n, k). The three last may have any shape that broadcasts to these.
    """

    points: Field
    widths: ArrayLike
    colours: ArrayLike
    alphas: ArrayLike = 1.0

    def spread(self) -> tuple[Field, Field, Field]:
        """Widths, colours and alphas in their full shapes."""
        count, length, _ = self.points.shape
        return (
            np.broadcast_to(np.asarray(self.widths, dtype=np.float64), (count, length)),
            np.broadcast_to(np.asarray(self.colours, dtype=np.float64), (count, length, 3)),
            np.broadcast_to(np.asarray(self.alphas, dtype=np.float64), (count, length)),
        )


class Canvas:
    """A clear premultiplied picture, `oversampling` times larger than what `finished` returns.

    `x` and `y` hold the coordinates of the canvas pixels' centres, `pixel` the size of one of them.
    """

    def __init__(self, size: int, oversampling: int = 2) -> None:
        """`size` is the side of the finished square picture in pixels."""
        self.size, self.oversampling, self.side = size, oversampling, size * oversampling
        self.pixel = 2.0 / self.side
        across = (np.arange(self.side) + 0.5) * self.pixel - 1.0
        self.x, self.y = np.meshgrid(across, -across)
        self.colour: Field = np.zeros((self.side, self.side, 3))
        self.alpha: Field = np.zeros((self.side, self.side))

    def over(self, alpha: ArrayLike, colour: ArrayLike, window: tuple[slice, slice] | None = None) -> None:
        """Paint `colour` (3) or (side, side, 3) with coverage `alpha` (side, side) over what is there.

        With a `window` of rows and columns, alpha and colour are only as large as it is.
        """
        cover = np.clip(np.asarray(alpha, dtype=np.float64), 0.0, 1.0)
        rows = np.nonzero(cover.any(axis=1))[0]
        if len(rows) == 0:
            return
        # Only the rows that are painted: most brushes are much smaller than the canvas.
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        cover, ink = cover[part], np.clip(colour, 0, 1)
        ink = ink[part] if ink.ndim == 3 else ink
        whole = window or (slice(None), slice(None))
        below, beneath = self.colour[whole][part], self.alpha[whole][part]
        below[...] = below * (1 - cover[..., None]) + ink * cover[..., None]
        beneath[...] = beneath * (1 - cover) + cover

    def inside(self, distance: Field) -> Field:
        """Coverage of a shape from its signed distance, positive inside, with an anti-aliased edge."""
        return np.clip(distance / (self.pixel * self.oversampling) + 0.5, 0.0, 1.0)

    def draw(self, strands: Strands) -> None:
        """Draw opaque strands back to front; the oversampling smooths their edges."""
        image = Image.new("RGBA", (self.side, self.side))
        pen = ImageDraw.Draw(image)
        widths, colours, alphas = strands.spread()
        places = self._pixels(strands.points).tolist()
        thick = np.maximum(np.rint(widths / self.pixel), 1).astype(int).tolist()
        inks = np.rint(np.clip(np.concatenate([colours, alphas[..., None]], axis=-1), 0, 1) * 255)
        for line, pens, ink in zip(places, thick, inks.astype(int).tolist(), strict=True):
            for i in range(len(line) - 1):
                pen.line((*line[i], *line[i + 1]), fill=tuple(ink[i]), width=pens[i])
        layer = np.asarray(image, dtype=np.float64) / 255
        self.over(layer[..., 3], layer[..., :3])

    def splat(self, strands: Strands) -> None:
        """Blend translucent strands in any order: optical depths add up, colours mix by optical depth."""
        widths, colours, alphas = strands.spread()
        length = strands.points.shape[1]
        places = self._pixels(strands.points)
        steps = np.hypot(*np.moveaxis(np.diff(places, axis=1), -1, 0))
        dense = min(max(int(1.6 * steps.sum(axis=1).max() / (length - 1)) + 1, 1), 256)
        share = (np.arange(dense) + 0.5) / dense

        def along(values: Field) -> Field:
            between: Field = values[:, :-1, None] * (1 - share[:, None]) + values[:, 1:, None] * share[:, None]
            return between

        normal = np.diff(places, axis=1)[..., ::-1] * [1, -1] / np.maximum(steps, 1e-9)[..., None]
        wide = along(widths[..., None] / self.pixel)
        lanes = max(int(np.ceil(wide.max())), 1)
        offsets = (np.arange(lanes) + 0.5) / lanes - 0.5
        points = along(places)[..., None, :] + (normal[:, :, None, :] * wide)[..., None, :] * offsets[:, None]
        depth = -np.log1p(-np.clip(along(alphas[..., None])[..., 0], 0, 0.99))
        depth = depth * (steps / dense)[..., None] * wide[..., 0] / lanes
        self._deposit(
            points.reshape(-1, 2),
            np.repeat(depth.ravel(), lanes),
            np.repeat(along(colours).reshape(-1, 3), lanes, axis=0),
        )

    def sprinkle(self, points: Field, radii: ArrayLike, colours: ArrayLike, alphas: ArrayLike) -> None:
        """Paint Gaussian dots at `points` (n, 2) of standard deviation `radii` and centre `alphas`."""
        count = len(points)
        sigma = np.broadcast_to(np.asarray(radii, dtype=np.float64), count)[:, None]
        depth = np.broadcast_to(-np.log1p(-np.clip(alphas, 0, 0.999)), count)[:, None]
        inks = np.broadcast_to(np.asarray(colours, dtype=np.float64), (count, 3))
        # A Gaussian is the product of its profiles along x and y, so all dots add up in one matrix product.
        rows = np.exp(-(((self.y[:, 0] - points[:, 1:]) / sigma) ** 2) / 2) * depth
        columns = np.exp(-(((self.x[0] - points[:, :1]) / sigma) ** 2) / 2)
        tinted = np.stack([(rows * inks[:, c : c + 1]).T @ columns for c in range(3)], axis=-1)
        self._blend(rows.T @ columns, tinted)

    def finished(self, margin: float = 0.05, words: Sequence[str] = (), phrases: tuple[str, ...] = ()) -> Rendered:
        """The picture at its final size, its alpha faded to nothing over `margin` of the frame's half."""
        clear = 1 - self.pixel * self.oversampling
        full = min(1 - margin, clear - self.pixel * self.oversampling)
        fade = smoothstep(clear, full, np.abs(self.x)) * smoothstep(clear, full, np.abs(self.y))
        stacked = np.concatenate([self.colour, self.alpha[..., None]], axis=-1) * fade[..., None]
        blocks = stacked.reshape(self.size, self.oversampling, self.size, self.oversampling, 4)
        small = blocks.mean(axis=(1, 3))
        alpha = small[..., 3:]
        seen = np.rint(alpha * 255) > 0
        colour = np.where(seen, small[..., :3] / np.maximum(alpha, 1e-6), 0.0)
        rgba = np.concatenate([colour, np.where(seen, alpha, 0.0)], axis=-1)
        picture = np.rint(np.clip(rgba, 0, 1) * 255).astype(np.uint8)
        return Rendered(picture, tuple(words), phrases)

    def _pixels(self, points: Field) -> Field:
        """Canvas coordinates as (column, row) of the pixel grid, pixel centres at whole numbers."""
        placed: Field = np.stack([points[..., 0] + 1, 1 - points[..., 1]], axis=-1) / self.pixel - 0.5
        return placed

    def _deposit(self, places: Field, depth: Field, colours: Field) -> None:
        corner = np.floor(places).astype(np.intp)
        part = places - corner
        total, tinted = np.zeros(self.side**2), np.zeros((3, self.side**2))
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            column, row = corner[:, 0] + dx, corner[:, 1] + dy
            share = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1]) * depth
            kept = (column >= 0) & (column < self.side) & (row >= 0) & (row < self.side) & (share > 0)
            cell, share = (row * self.side + column)[kept], share[kept]
            total += np.bincount(cell, share, self.side**2)
            for channel in range(3):
                tinted[channel] += np.bincount(cell, share * colours[kept, channel], self.side**2)
        shape = (self.side, self.side)
        self._blend(total.reshape(shape), tinted.T.reshape(*shape, 3))

    def _blend(self, depth: Field, tinted: Field) -> None:
        """Paint optical depths (side, side) whose colours, weighted by depth, sum up to `tinted`."""
        self.over(1 - np.exp(-depth), tinted / np.maximum(depth, 1e-12)[..., None])
