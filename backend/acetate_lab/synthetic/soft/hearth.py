"""Wood that burns: logs with grain and end rings under flames and sparks, and a match with its smoke."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate_lab.synthetic.soft.fire import Tongue, burning_stick, paint_blaze, paint_halo
from acetate_lab.synthetic.soft.paint import Canvas, Colour, Field, Noise, Rendered, mix, smoothstep
from acetate_lab.synthetic.soft.smoke import SMOKES

BARKS: tuple[Colour, ...] = ((0.42, 0.27, 0.16), (0.52, 0.35, 0.21), (0.34, 0.23, 0.16), (0.60, 0.48, 0.36))


@dataclass(frozen=True)
class Log:
    """A round piece of wood from one end to the other; its cut face is at `end`."""

    start: tuple[float, float]
    end: tuple[float, float]
    radius: float

    def paint(self, canvas: Canvas, noise: Noise, bark: Colour, charred: float) -> None:
        """Paint bark with light from above, grain along it, and rings on the cut face."""
        dx, dy = self.end[0] - self.start[0], self.end[1] - self.start[1]
        length = float(np.hypot(dx, dy))
        ends = np.array([self.start, self.end])
        low, high = ends.min(axis=0) - self.radius - 0.05, ends.max(axis=0) + self.radius + 0.05
        columns = slice(*np.searchsorted(canvas.x[0], (low[0], high[0])))
        rows = slice(*np.searchsorted(-canvas.y[:, 0], (-high[1], -low[1])))
        window = (rows, columns)
        x, y = canvas.x[window], canvas.y[window]
        along = ((x - self.start[0]) * dx + (y - self.start[1]) * dy) / length
        across = ((x - self.start[0]) * -dy + (y - self.start[1]) * dx) / length
        across = across * (1 if dx >= 0 else -1)
        rough = 0.012 * noise.fbm(along * 5, across * 3, 2)
        held = np.clip(along, 0, length)
        bend = np.hypot(across, (along - held) / 0.45)
        side = across / self.radius
        light = 0.62 + 0.42 * np.clip(side, -1, 1) - 0.25 * side**2
        grain = 1 + 0.34 * noise.fbm(along * 3.5, across * 34, 3)
        burnt = charred * smoothstep(-0.3, 0.6, noise.fbm(along * 4 + 9, across * 6, 2) + 0.6 * side)
        colour = mix(np.asarray(bark) * (light * grain)[..., None], (0.09, 0.07, 0.06), 0.9 * burnt)
        canvas.over(canvas.inside(self.radius + rough - bend), colour, window)
        face = np.hypot(across, (along - length) / 0.45)
        rings = 0.5 + 0.5 * np.sin(face / self.radius * 26 + 2 * noise.fbm(along * 4, across * 4, 2))
        wood = mix((0.93, 0.76, 0.52), (0.72, 0.50, 0.29), 0.75 * rings)
        wood = wood * (1 - 0.45 * charred * smoothstep(0.3, 1.0, face / self.radius))[..., None]
        canvas.over(canvas.inside(self.radius * 0.88 - face), wood, window)


def _sparks(canvas: Canvas, rng: np.random.Generator, low: float, wide: float) -> None:
    count = int(rng.integers(8, 26))
    age = rng.random(count)
    points = np.stack([rng.normal(0, wide, count) * (0.6 + 0.7 * age), low + 0.2 + age * (0.9 - low - 0.25)], axis=-1)
    points = np.clip(points, -0.9, 0.9)
    glow = mix((1.0, 0.9, 0.5), (1.0, 0.45, 0.1), age)
    canvas.sprinkle(points, rng.uniform(0.009, 0.017, count), glow, 1 - 0.5 * age)


def _flames(rng: np.random.Generator, foot: float, wide: float, tall: float) -> list[Tongue]:
    """A fire of a high middle and lower sides on a foot of half width `wide`."""
    places = np.linspace(-1, 1, int(rng.integers(4, 8))) + rng.normal(0, 0.1, 1)
    return [
        Tongue(
            float(place * wide),
            foot + 0.05 * abs(float(place)),
            tall * float((1 - 0.5 * abs(place) ** 1.4) * rng.uniform(0.75, 1.05)),
            wide * float(rng.uniform(0.38, 0.6)),
            float(-0.12 * place + rng.uniform(-0.1, 0.1)),
            float(rng.uniform(0.04, 0.12)),
            float(rng.uniform(0, 6.28)),
        )
        for place in places
    ]


def _embers(canvas: Canvas, noise: Noise, y: float, wide: float) -> None:
    """Paint glowing coals in a low heap."""
    heap = 1 - np.hypot(canvas.x / wide, (canvas.y - y) / 0.10)
    cells = noise.fbm(canvas.x * 9, canvas.y * 11, 2)
    hot = mix((0.20, 0.06, 0.04), (1.0, 0.55, 0.12), smoothstep(-0.1, 0.5, cells + 0.5 * heap))
    canvas.over(smoothstep(0.0, 0.25, heap + 0.25 * cells), hot)


def campfire(rng: np.random.Generator, size: int) -> Rendered:
    """Crossed logs on the ground, a fire that stands on them, and sparks; sometimes a ring of stones."""
    canvas, noise = Canvas(size, 1), Noise(rng)
    bark = BARKS[int(rng.integers(len(BARKS)))]
    foot = rng.uniform(-0.66, -0.60)
    paint_halo(canvas, 0, -0.1, 0.42, rng.uniform(0.12, 0.28))
    thick = rng.uniform(0.085, 0.11)
    count = int(rng.integers(2, 4))
    spread = rng.uniform(0.60, 0.70)
    behind = [Log((sign * -0.25, foot + 0.22), (sign * spread * 0.8, foot + 0.12), thick * 0.9) for sign in (-1, 1)]
    for log in behind:
        log.paint(canvas, noise, bark, 0.7)
    paint_blaze(canvas, _flames(rng, foot - 0.02, 0.34, rng.uniform(1.15, 1.4)), noise, rng.uniform(0.4, 0.8))
    _embers(canvas, noise, foot, 0.42)
    signs = (1, -1) if rng.random() < 0.5 else (-1, 1)
    for sign in signs:
        tilt = rng.uniform(0.10, 0.24)
        Log((-sign * spread * 0.8, foot + tilt * 0.7), (sign * spread, foot - 0.12), thick).paint(
            canvas, noise, bark, rng.uniform(0.3, 0.7)
        )
    if count == 3:
        Log((0.05, foot + 0.02), (rng.uniform(-0.12, 0.12), foot - 0.14), thick).paint(canvas, noise, bark, 0.4)
    paint_blaze(canvas, _flames(rng, foot + 0.04, 0.18, rng.uniform(0.5, 0.8)), noise, rng.uniform(0.4, 0.8))
    _sparks(canvas, rng, foot + 0.3, 0.24)
    return canvas.finished()


def burning_firewood(rng: np.random.Generator, size: int) -> Rendered:
    """Split logs that lie side by side and on each other, and burn along their whole length."""
    canvas, noise = Canvas(size, 1), Noise(rng)
    bark = BARKS[int(rng.integers(len(BARKS)))]
    thick, low = rng.uniform(0.12, 0.145), rng.uniform(-0.72, -0.68)
    half, way = rng.uniform(0.52, 0.62), float(rng.choice((-1.0, 1.0)))
    slant = rng.uniform(0.02, 0.16)
    paint_halo(canvas, 0, 0.0, 0.44, rng.uniform(0.1, 0.25))
    paint_blaze(canvas, _flames(rng, low + 0.15, half * 0.8, rng.uniform(1.0, 1.25)), noise, rng.uniform(0.45, 0.8))
    charred = rng.uniform(0.25, 0.8)
    rows = ((low + 1.75 * thick, 0.72), (low, 1.0)) if rng.random() < 0.7 else ((low + 1.3 * thick, 0.8), (low, 1.0))
    for height, share in rows:
        jitter = rng.uniform(-0.06, 0.06)
        start, end = (-way * half * share + jitter, height + slant), (way * half * share + jitter, height - slant * 0.4)
        Log(start, end, thick * rng.uniform(0.88, 1.0)).paint(canvas, noise, bark, charred)
    if rng.random() < 0.6:
        lean = way * rng.uniform(0.25, 0.5)
        Log((-lean, low + 0.62), (lean, low + 0.12), thick * 0.75).paint(canvas, noise, bark, charred)
    for _ in range(int(rng.integers(2, 5))):
        at = rng.uniform(-0.6, 0.6) * half
        tongue = Tongue(at, low + rng.uniform(0.05, 0.3), rng.uniform(0.35, 0.65), rng.uniform(0.09, 0.15), 0, 0.06, at)
        paint_blaze(canvas, [tongue], noise, rng.uniform(0.3, 0.6))
    _sparks(canvas, rng, low + 0.5, 0.3)
    return canvas.finished()


def smoking_match(rng: np.random.Generator, size: int) -> Rendered:
    """A burning match from whose flame black, grey or white smoke rises and drifts."""
    canvas, noise = Canvas(size, 1), Noise(rng)
    word = str(rng.choice(("black", "grey", "white"), p=(0.6, 0.25, 0.15)))
    tilt = rng.uniform(-0.6, 0.6)
    head = (float(0.2 * np.sin(tilt)), float(rng.uniform(-0.36, -0.26)))
    tall = rng.uniform(0.5, 0.64)
    _drift(canvas, noise, rng, word, head[0], head[1] + 0.55 * tall)
    burning_stick(canvas, noise, rng, head, tilt, tall)
    return canvas.finished(phrases=(f"burning match with {word} smoke",) * 3 + (f"match with {word} smoke",))


def _drift(canvas: Canvas, noise: Noise, rng: np.random.Generator, word: str, x0: float, foot: float) -> None:
    """Paint smoke that rises from a flame's tip, turns over, and thins out."""
    v = (canvas.y - foot) / (0.92 - foot)
    held = np.clip(v, 0, 1)
    coarse = noise.fbm(canvas.x * 1.5 + 3, canvas.y * 1.5, 2)
    fine = noise.fbm(canvas.x * 3.4 + 20, canvas.y * 3.0 + 0.4 * coarse, 3)
    bend = rng.uniform(-0.3, 0.3) * held**1.4 + rng.uniform(0.05, 0.13) * held * np.sin(5 * held + rng.uniform(0, 6.28))
    x = canvas.x - x0 - bend + held * (0.15 * coarse + 0.10 * fine)
    width = 0.05 + rng.uniform(0.30, 0.42) * held**0.8
    billow = 1 - np.abs(noise.fbm(canvas.x * 3.0 + 0.25 * fine + 40, canvas.y * 3.0 + 0.25 * coarse, 4))
    section: Field = np.clip(1 - (x / width) ** 2, 0, 1)
    density = section * np.clip(0.3 + 0.9 * billow, 0.05, None) * smoothstep(0, 0.14, v)
    density = density * smoothstep(1.0, 0.6, v + 0.12 * coarse)
    shade, light = SMOKES[word]
    canvas.over(1 - np.exp(-rng.uniform(2.0, 3.4) * density), mix(shade, light, 0.35 + 0.6 * (billow - 0.55) - 0.3 * x))
