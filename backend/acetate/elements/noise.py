"""Flow noise: gradient noise whose gradients turn with the phase (Perlin and Neyret 2001), with fine octaves where a
picture has the pixels for them.

Its octaves are summed once into a periodic texture, which is then read at any points: far cheaper than each octave at
each point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from acetate.elements.numbers import Field, Numbers, cosine, sine

TEXELS = 8
"""Texture samples for each cell of a texture's finest octave."""
OCTAVES = 4
"""How many octaves one texture holds; finer ones lie in a second texture."""
FINEST = 3.0
"""A cell of the finest octave has at least this many pixels."""


class Noise:
    """Fractal gradient noise, about in [-1, 1], of cells of size 1; periodic after `columns` and `rows` cells.

    `cell` is how many pixels a cell has in the picture, which limits the octaves; `gain` is the amplitude of an octave
    by that of the one before; at `phase` 1 the noise is that at 0. Columns and rows are powers of two. With `billow`
    each octave is folded at 0 into round lobes with sharp creases between them, about in [-0.5, 1].
    """

    def __init__(
        self,
        numbers: Numbers,
        name: str,
        cell: float,
        *,
        gain: float = 0.5,
        phase: float = 0.0,
        columns: int = 16,
        rows: int = 16,
        octaves: float = 8.0,
        billow: bool = False,
    ) -> None:
        """Build the textures; about 30 ms."""
        octaves = min(math.log2(max(cell / FINEST, 2)), octaves)
        weights = [gain**level * min(max(octaves - level, 0.0), 1.0) for level in range(2 * OCTAVES)]
        self.columns, self.rows = columns, rows
        lattice = _Lattice(numbers, name, phase, columns, rows, billow)
        self._coarse = _Texture(lattice, weights[:OCTAVES], 0)
        self._fine = _Texture(lattice, weights[OCTAVES:], OCTAVES) if weights[OCTAVES] > 0 else None

    def __call__(self, x: Field, y: Field) -> Field:
        """The noise at points, which are broadcast."""
        value = self._coarse(x, y)
        if self._fine is not None:
            scale = np.float32(2**OCTAVES)
            value += self._fine(x * scale, y * scale)
        return value


@dataclass(frozen=True)
class _Lattice:
    """The random gradients of all octaves at one phase."""

    numbers: Numbers
    name: str
    phase: float
    columns: int
    rows: int
    billow: bool

    def octave(self, level: int, cells: int, periods: int) -> Field:
        """Octave `level`, sampled `cells` times a cell; the periodic lattice has `periods` times its first size."""
        shape = (self.rows * periods, self.columns * periods)
        turn = self.phase * (1 + level // 2) * (1 if level % 2 else -1)
        angles = self.numbers.uniform(f"{self.name}.{level}", shape[0] * shape[1]).reshape(shape) + turn
        noise = _octave(angles.astype(np.float32), cells) * np.float32(1.5)
        return np.abs(noise) * np.float32(2) - np.float32(0.6) if self.billow else noise


class _Texture:
    """The sum of some octaves, sampled once and periodic."""

    def __init__(self, lattice: _Lattice, weights: list[float], first: int) -> None:
        used = [weight for weight in weights if weight > 0]
        self._scale = TEXELS << (len(used) - 1)
        self._wide, self._tall = lattice.columns * self._scale, lattice.rows * self._scale
        total = np.zeros((self._tall, self._wide), np.float32)
        for level, weight in enumerate(used):
            total += lattice.octave(first + level, self._scale >> level, 1 << level) * np.float32(weight)
        right, below = np.roll(total, -1, axis=1), np.roll(total, -1, axis=0)
        corner = np.roll(right, -1, axis=0)
        # The four numbers of a bilinear cell lie side by side, so that one read gets them.
        cells = np.stack([total, right - total, below - total, total - right - below + corner], axis=-1)
        self._cells = np.ascontiguousarray(cells, np.float32).view(np.complex128).ravel()

    def __call__(self, x: Field, y: Field) -> Field:
        x, y = x * np.float32(self._scale), y * np.float32(self._scale)
        column, row = np.floor(x), np.floor(y)
        place = (row.astype(np.int32) & (self._tall - 1)) * self._wide + (column.astype(np.int32) & (self._wide - 1))
        cells = self._cells.take(place, mode="clip").view(np.float32).reshape(*place.shape, 4)
        x, y = x - column, y - row
        value: Field = cells[..., 0] + cells[..., 1] * x + (cells[..., 2] + cells[..., 3] * x) * y
        return value


def _octave(angles: Field, cells: int) -> Field:
    """Gradient noise of a lattice of angles in turns, sampled `cells` times a cell, as (rows, columns)."""
    t = ((np.arange(cells) + 0.5) / cells).astype(np.float32)
    fade = t * t * t * (t * (t * 6 - 15) + 10)
    across, down = t[None, None, None, :], t[None, :, None, None]
    fade_x, fade_y = fade[None, None, None, :], fade[None, :, None, None]
    gx, gy = cosine(angles), sine(angles)

    def corner(dy: int, dx: int) -> Field:
        lattice = (np.roll(g, (-dy, -dx), axis=(0, 1))[:, None, :, None] for g in (gx, gy))
        east, south = lattice
        value: Field = east * (across - dx) + south * (down - dy)
        return value

    upper, lower = corner(0, 0), corner(1, 0)
    upper = upper + (corner(0, 1) - upper) * fade_x
    lower = lower + (corner(1, 1) - lower) * fade_x
    noise: Field = upper + (lower - upper) * fade_y
    return noise.reshape(angles.shape[0] * cells, angles.shape[1] * cells)
