"""Fine threads: spider webs and dandelions."""

from __future__ import annotations

import numpy as np

from acetate_lab.synthetic.soft.paint import Canvas, Colour, Field, Rendered, Strands, mix, smoothstep


def spider_web(rng: np.random.Generator, size: int) -> Rendered:
    """An orb web: jittered spokes, sagging rings between them, and a few dew drops."""
    canvas = Canvas(size)
    spokes, rings = int(rng.integers(11, 17)), int(rng.integers(8, 13))
    hub = rng.uniform(-0.12, 0.12, 2)
    angle = (np.arange(spokes) + rng.uniform(-0.25, 0.25, spokes)) * 2 * np.pi / spokes + rng.uniform(0, 6.28)
    way = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    reach = rng.uniform(0.78, 0.92, spokes)
    ends = np.clip(hub + way * reach[:, None], -0.9, 0.9)
    tint = mix((0.93, 0.94, 0.96), (0.74, 0.76, 0.80), rng.random())
    strong = rng.uniform(0.75, 0.95)
    t = np.linspace(0, 1, 8)[:, None]
    canvas.splat(Strands(hub + (ends - hub)[:, None] * t, 0.019, tint, strong))
    # One ring after another from the hub outwards; each segment sags towards the hub between two spokes.
    share = np.concatenate([[0.06, 0.1], np.linspace(0.18, 0.94, rings)])[:, None]
    share = share + rng.normal(0, 0.008, (len(share), spokes))
    knots = hub + share[..., None] * (ends - hub)
    following = np.roll(knots, -1, axis=1)
    sag = 4 * t * (1 - t) * rng.uniform(0.10, 0.2)
    threads = knots[:, :, None] * (1 - t) + following[:, :, None] * t
    threads = threads + sag * (hub - threads)
    threads = threads.reshape(-1, 8, 2)
    kept = rng.random(len(threads)) > rng.uniform(0, 0.05)
    canvas.splat(Strands(threads[kept], 0.013, tint, strong * rng.uniform(0.8, 1.0)))
    if rng.random() < 0.6:
        drops = threads[rng.integers(0, len(threads), int(rng.integers(8, 40))), 4]
        canvas.sprinkle(drops, 0.013, (0.80, 0.90, 0.98), 0.85)
        canvas.sprinkle(drops + np.array([-0.006, 0.006]), 0.006, (1, 1, 1), 0.9)
    return canvas.finished()


def _parachutes(rng: np.random.Generator, stems: Field, aims: Field, hairs: int, reach: float, spread: float) -> Field:
    """Fans of hairs (n * hairs, 6, 2) at the points `stems` (n, 2), opening along the unit vectors `aims`."""
    count = len(stems)
    side = np.stack([-aims[:, 1], aims[:, 0]], axis=-1)
    turn = np.linspace(-spread, spread, hairs) + rng.normal(0, 0.05, (count, hairs))
    length = reach * rng.uniform(0.85, 1.1, (count, hairs))
    t = np.linspace(0, 1, 6)
    # Hairs first rise along the stalk, then lean out, as an umbrella's ribs.
    out = (np.sin(turn) * length)[..., None] * t**1.3
    up = (np.cos(turn) * length)[..., None] * t
    fans = stems[:, None, None] + out[..., None] * side[:, None, None] + up[..., None] * aims[:, None, None]
    return fans.reshape(count * hairs, 6, 2)


def _stem(canvas: Canvas, points: Field, width: float, tint: Colour) -> None:
    shade = np.asarray(tint)
    canvas.draw(Strands(points[None], width, shade * 0.72))
    canvas.draw(Strands(points[None] + np.array([-0.15 * width, 0]), 0.55 * width, shade))


def dandelion_clock(rng: np.random.Generator, size: int) -> Rendered:
    """A round seed head on its stem; some seeds may already have flown off on one side."""
    canvas = Canvas(size)
    head = np.array([rng.uniform(-0.12, 0.12), rng.uniform(0.24, 0.32)])
    radius = rng.uniform(0.50, 0.58)
    t = np.linspace(0, 1, 30)
    lean = rng.uniform(-0.25, 0.25)
    stalk = np.stack([head[0] + lean * t**1.7, head[1] - 0.06 - t * (head[1] + 0.82)], axis=-1)
    _stem(canvas, stalk, rng.uniform(0.045, 0.06), (0.55, 0.70, 0.32))
    count = int(rng.integers(90, 130))
    # A Fibonacci sphere spreads the seeds evenly.
    index = np.arange(count) + 0.5
    depth, turn = 1 - 2 * index / count, index * np.pi * (1 + 5**0.5) + rng.uniform(0, 6.28)
    flat = np.sqrt(1 - depth**2)
    way = np.stack([flat * np.cos(turn), flat * np.sin(turn)], axis=-1)
    if rng.random() < 0.4:
        lost = rng.uniform(0, 2 * np.pi)
        kept = way @ np.array([np.cos(lost), np.sin(lost)]) < rng.uniform(0.25, 0.6)
        way, depth = way[kept], depth[kept]
    tips = head + way * (radius * 0.72)
    near = (depth + 1) / 2
    line = np.linspace(0.1, 1, 5)[:, None]
    white = mix((0.74, 0.76, 0.78), (0.99, 0.99, 0.97), near)[:, None]
    canvas.sprinkle(head + way * 0.05, 0.016, (0.50, 0.40, 0.25), 0.6)
    canvas.splat(Strands(head + (tips - head)[:, None] * line, 0.012, white * 0.92, 0.35 + 0.3 * near[:, None]))
    aims = way / np.maximum(np.hypot(way[:, 0], way[:, 1]), 0.35)[:, None]
    hairs = 12
    fans = _parachutes(rng, tips, aims, hairs, radius * 0.30, 1.25)
    tone = np.repeat(white[:, 0], hairs, axis=0)[:, None]
    clear = np.repeat(0.34 + 0.40 * near, hairs)[:, None] * np.linspace(1, 0.45, 6)
    canvas.splat(Strands(fans, 0.011, tone, clear))
    return canvas.finished()


def dandelion_seed(rng: np.random.Generator, size: int) -> Rendered:
    """One flying seed: brown achene, thin stalk and an umbrella of white hairs."""
    canvas = Canvas(size)
    tilt = rng.uniform(-0.7, 0.7)
    up = np.array([np.sin(tilt), np.cos(tilt)])
    t = np.linspace(0, 1, 24)
    bow = rng.uniform(-0.08, 0.08) * np.sin(np.pi * t)
    side = np.array([up[1], -up[0]])
    foot, crown = -0.55 * up, 0.20 * up
    stalk = foot + (crown - foot) * t[:, None] + bow[:, None] * side
    hairs = int(rng.integers(22, 34))
    fans = _parachutes(rng, crown[None], up[None], hairs, rng.uniform(0.58, 0.66), rng.uniform(1.2, 1.45))
    white = mix((0.84, 0.86, 0.89), (1, 1, 0.98), rng.random((hairs, 1)))
    canvas.splat(Strands(fans, 0.020, white, np.linspace(0.9, 0.5, 6)))
    # Each hair carries a fringe of finer ones.
    twigs = fans[:, 2:, None] + rng.normal(0, 0.055, (hairs, 4, 5, 2))
    pairs = np.stack([np.broadcast_to(fans[:, 2:, None], twigs.shape), twigs], axis=-2).reshape(-1, 2, 2)
    canvas.splat(Strands(pairs, 0.010, (0.95, 0.96, 0.97), 0.4))
    canvas.draw(Strands(stalk[None], 0.022, (0.82, 0.78, 0.66)))
    seed = foot + np.linspace(0.06, -0.28, 14)[:, None] * up
    girth = 0.085 * np.sin(np.linspace(0.25, 3.0, 14)) ** 0.8
    canvas.draw(Strands(seed[None], girth, (0.40, 0.27, 0.14)))
    canvas.draw(Strands(seed[None] - side * 0.012, girth * 0.45, (0.60, 0.43, 0.25)))
    glint = smoothstep(0.05, 0.0, np.hypot(canvas.x - crown[0], canvas.y - crown[1]))
    canvas.over(0.8 * glint, (0.95, 0.93, 0.85))
    return canvas.finished()
