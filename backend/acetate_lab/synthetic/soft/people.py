"""Painted busts of people, and the hair that makes a layer's alpha worth having: messy, curly, braided, long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from acetate_lab.synthetic.soft.paint import Canvas, Colour, Field, Rendered, Strands, hsv, mix, pick_hue, smoothstep
from acetate_lab.synthetic.soft.strands import FUR, HAIR

SKINS: tuple[Colour, ...] = (
    (0.99, 0.86, 0.76),
    (0.96, 0.79, 0.66),
    (0.90, 0.69, 0.53),
    (0.77, 0.55, 0.39),
    (0.60, 0.40, 0.27),
    (0.42, 0.27, 0.18),
)
EYES: tuple[Colour, ...] = ((0.33, 0.20, 0.10), (0.20, 0.42, 0.66), (0.25, 0.48, 0.28), (0.28, 0.26, 0.27))
LENGTHS = ("messy", "long", "curly", "braided", "ponytail", "short")
"""What hair may be; `messy` is drawn most often."""
SHARES = (0.34, 0.16, 0.18, 0.10, 0.11, 0.11)
DYED = ("pink", "blue", "purple", "green")


@dataclass(frozen=True)
class Head:
    """A head seen from the front: middle, half width and half height, and how narrow the chin is (0 to 1)."""

    y: float
    wide: float
    tall: float
    chin: float

    def inside(self, x: Field, y: Field, grown: float = 0.0) -> Field:
        """Signed distance to the outline, positive inside, in about the canvas' unit."""
        v = (y - self.y) / (self.tall + grown)
        narrow = 1 - self.chin * np.clip(-v, 0, 1.2) ** 1.8
        distance: Field = (1 - np.hypot(x / ((self.wide + grown) * narrow), v)) * self.wide
        return distance


@dataclass(frozen=True)
class Hair:
    """How a head's hair grows: its style, its two shades, and where it parts."""

    style: str
    dark: Colour
    light: Colour
    parting: float


def _bezier(points: Field, count: int) -> Field:
    """Cubic curves (n, count, 2) of control points (n, 4, 2)."""
    t = np.linspace(0, 1, count)[:, None]
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    curve: Field = np.sum([weight * points[:, None, k] for k, weight in enumerate(weights)], axis=0)
    return curve


def _locks(canvas: Canvas, rng: np.random.Generator, hair: Hair, points: Field, wave: float, curl: float) -> None:
    """Draw strands along cubic curves, waved and curled more towards their ends, shaded with a band of shine."""
    count, length = len(points), 26
    t = np.linspace(0, 1, length)
    lines = _bezier(points, length)
    along = np.gradient(lines, axis=1)
    along /= np.maximum(np.hypot(along[..., 0], along[..., 1]), 1e-6)[..., None]
    normal = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    phase = rng.uniform(0, 6.28, (count, 1))
    sway = wave * t**0.8 * np.sin(2 * np.pi * rng.uniform(0.8, 1.6, (count, 1)) * t + phase)
    ring = 2 * np.pi * rng.uniform(3.2, 4.6, (count, 1)) * t + phase
    grow = curl * smoothstep(0.0, 0.25, t)
    lines = lines + normal * (sway + grow * np.sin(ring))[..., None] + along * (grow * np.cos(ring))[..., None]
    shade = rng.uniform(0.08, 0.66, (count, 1)) + 0.30 * np.exp(-(((t - 0.32) / 0.13) ** 2)) - 0.10 * t
    if curl:
        shade = shade + 0.22 * np.sin(ring)
    order = np.argsort(shade.mean(axis=1) + rng.normal(0, 0.15, count))
    width = 0.020 * rng.uniform(0.6, 1.3, (count, 1)) * (1 - 0.85 * t**2)
    canvas.draw(Strands(lines[order], width[order], mix(hair.dark, hair.light, shade[order])))


def _grown(rng: np.random.Generator, head: Head, hair: Hair, count: int, side: Field) -> tuple[Field, Field]:
    """Roots (n, 2) near the parting and the bend (n, 2) over the head's side that strands go round."""
    top = head.y + head.tall * 1.16
    root = np.stack([hair.parting + side * rng.uniform(0, 0.14, count), top - rng.uniform(0.0, 0.10, count)], axis=-1)
    bend = np.stack([side * head.wide * rng.uniform(0.5, 0.85, count), top - rng.uniform(-0.05, 0.07, count)], axis=-1)
    return root, bend


def _falling(rng: np.random.Generator, head: Head, hair: Hair, count: int, ends: tuple[float, float]) -> Field:
    """Control points of strands from the parting round the head's sides and down to heights between `ends`."""
    side = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    root, bend = _grown(rng, head, hair, count, side)
    out = rng.uniform(1.0, 1.42, count)
    cheek = np.stack([side * head.wide * out * 1.08, head.y + head.tall * rng.uniform(0.1, 0.6, count)], axis=-1)
    low = rng.uniform(*ends, count)
    tip = np.stack([side * head.wide * (out * rng.uniform(0.9, 1.15, count) + 0.12), low], axis=-1)
    return np.stack([root, bend, cheek, tip], axis=1)


def _standing(rng: np.random.Generator, head: Head, hair: Hair, count: int, reach: tuple[float, float]) -> Field:
    """Control points of strands that stand off the head in every upward and sideward direction."""
    angle = rng.uniform(-0.35, np.pi + 0.35, count)
    out = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    middle = np.array([0.0, head.y + 0.02])
    size = np.array([head.wide, head.tall])
    root = middle + out * size * rng.uniform(0.78, 0.98, (count, 1))
    turn = rng.normal(0, 0.7, count)
    away = np.stack([np.cos(angle + turn), np.sin(angle + turn)], axis=-1)
    far = rng.uniform(*reach, (count, 1))
    mid = root + out * far * 0.5
    tip = mid + away * far * 0.7 - np.array([0, 1.0]) * far * rng.uniform(0, 0.7, (count, 1))
    return np.stack([root, root + out * far * 0.3, mid, tip], axis=1)


def _fringe(rng: np.random.Generator, head: Head, hair: Hair, count: int, low: float) -> Field:
    """Control points of strands from the parting over the forehead to the temples; `low` is where they end."""
    side = np.where(rng.random(count) < 0.5 + 0.4 * np.sign(-hair.parting) * (abs(hair.parting) > 0.04), 1.0, -1.0)
    root, bend = _grown(rng, head, hair, count, side)
    across = rng.uniform(0.30, 1.06, count)
    bend[:, 0] *= across
    end = np.stack([side * head.wide * across, head.y + low + 0.36 * head.tall * (1 - across)], axis=-1)
    brow = np.stack([end[:, 0] * 1.08, 0.45 * bend[:, 1] + 0.55 * end[:, 1]], axis=-1)
    return np.stack([root, bend, brow, end], axis=1)


def _cap(canvas: Canvas, head: Head, hair: Hair, low: float, swell: float) -> None:
    """Paint the hair that lies on the skull, down to a hairline `low` over the head's middle."""
    shape = head.inside(canvas.x, canvas.y, swell)
    line = canvas.y - (head.y + low) - 0.44 * head.tall * (1 - (canvas.x / head.wide) ** 2)
    light = 0.35 + 0.35 * smoothstep(head.y, head.y + head.tall, canvas.y) - 0.2 * canvas.x / head.wide
    canvas.over(canvas.inside(np.minimum(shape, line)), mix(hair.dark, hair.light, 0.75 * light))


def _body(canvas: Canvas, rng: np.random.Generator, head: Head, skin: Colour, cloth: Colour, broad: float) -> None:
    """Paint neck, shoulders and a garment with a round or pointed neckline, cut off by a round foot."""
    x, y, tone = canvas.x, canvas.y, np.asarray(skin)
    chin = head.y - head.tall
    neck = 0.40 * head.wide + 0.05 * smoothstep(chin - 0.02, chin - 0.24, y) - np.abs(x)
    neck = np.minimum(neck, np.minimum(chin + 0.2 - y, y - (chin - 0.34)))
    shade = smoothstep(chin - 0.22, chin + 0.02, y + 0.25 * np.abs(x))
    # A superellipse under the neck: round shoulders, straight arms.
    reach = np.clip(np.abs(x) / broad, 0, 1)
    slope = chin - 0.13 - 0.10 * reach - 0.55 * (1 - (1 - reach**3.2) ** 0.5)
    shoulders = np.minimum(np.minimum(slope - y, broad - np.abs(x)), y + 0.91)
    base = mix(tone, tone * 0.72, 0.55 * shade)
    canvas.over(canvas.inside(np.maximum(neck, shoulders)), base)
    drop = rng.uniform(0.10, 0.24)
    pointed = rng.random() < 0.4
    neckline = np.abs(x) * 1.1 if pointed else 1.7 * x**2
    garment = np.minimum(shoulders, np.where(np.abs(x) < 0.34, chin - 0.12 - drop + neckline - y, 1.0))
    fold = 0.06 * np.sin(x * 19 + 3 * y) * smoothstep(-0.5, -0.9, y) - 0.16 * smoothstep(0, broad, np.abs(x))
    canvas.over(canvas.inside(garment), np.clip(np.asarray(cloth) * (1 + fold - 0.08 * (x > 0))[..., None], 0, 1))
    rim = np.abs(garment) - 0.012
    canvas.over(canvas.inside(-rim) * (np.abs(x) < 0.3) * 0.5 * (shoulders > 0.03), np.asarray(cloth) * 0.7)


def _ellipse(canvas: Canvas, x: float, y: float, wide: float, tall: float) -> Field:
    """Coverage of an upright ellipse."""
    return canvas.inside((1 - np.hypot((canvas.x - x) / wide, (canvas.y - y) / tall)) * min(wide, tall))


def _arc(canvas: Canvas, points: tuple[tuple[float, float], ...], width: float, colour: Colour) -> None:
    """Draw one smooth stroke over four control points, thin at its ends."""
    line = _bezier(np.array([points]), 14)
    canvas.draw(Strands(line, width * np.sin(np.pi * np.linspace(0.12, 0.88, 14)), colour))


def _face(canvas: Canvas, rng: np.random.Generator, head: Head, skin: Colour, brow: Colour, who: str) -> None:
    """Paint skin with light from the upper left, cheeks, eyes, brows, nose and a smiling or calm mouth."""
    tone, woman, man = np.asarray(skin), who != "man", who == "man"
    for side in (-1, 1):
        canvas.over(_ellipse(canvas, side * head.wide * 0.98, head.y - 0.04, 0.055, 0.085), tone * 0.88)
    round_light = head.inside(canvas.x + 0.05, canvas.y - 0.05)
    colour = mix(tone * 0.80, np.minimum(tone * 1.05, 1), smoothstep(-0.04, 0.2, round_light))
    canvas.over(canvas.inside(head.inside(canvas.x, canvas.y)), colour)
    blush = sum(
        np.exp(-(((canvas.x - side * 0.58 * head.wide) / 0.075) ** 2) - ((canvas.y - head.y + 0.105) / 0.055) ** 2)
        for side in (-1, 1)
    )
    canvas.over((0.38 if woman else 0.16) * blush, (0.93, 0.38, 0.36))
    size = {"woman": 0.074, "man": 0.060, "girl": 0.088}[who]
    apart, level = 0.43 * head.wide, head.y + 0.02
    iris = EYES[int(rng.integers(len(EYES)))]
    look = rng.uniform(-0.012, 0.012)
    for side in (-1, 1):
        x = side * apart
        canvas.over(_ellipse(canvas, x, level, size * 1.08, size * 0.84), (0.99, 0.99, 0.99))
        canvas.over(_ellipse(canvas, x + look, level, size * 0.66, size * 0.74), iris)
        canvas.over(_ellipse(canvas, x + look, level, size * 0.34, size * 0.40), (0.05, 0.04, 0.05))
        canvas.over(_ellipse(canvas, x + look - 0.018, level + 0.02, size * 0.22, size * 0.22), (1, 1, 1))
        lid = size * (1.2 if woman else 1.0)
        _arc(
            canvas,
            ((x - lid, level + 0.005), (x - 0.5 * lid, level + size), (x + 0.5 * lid, level + size), (x + lid, level)),
            0.030 if woman else 0.02,
            (0.10, 0.06, 0.05),
        )
        lift = level + size + rng.uniform(0.05, 0.07)
        tilt = side * 0.012
        _arc(
            canvas,
            ((x - 0.09, lift - tilt), (x - 0.035, lift + 0.03), (x + 0.035, lift + 0.03), (x + 0.09, lift + tilt)),
            0.036 if man else 0.022,
            brow,
        )
    dark = (float(tone[0]) * 0.74, float(tone[1]) * 0.62, float(tone[2]) * 0.58)
    nose = head.y - 0.105
    _arc(canvas, ((-0.035, nose), (-0.02, nose - 0.02), (0.02, nose - 0.02), (0.035, nose)), 0.022, dark)
    mouth, smile = head.y - 0.60 * head.tall, rng.uniform(0.01, 0.05)
    wide = rng.uniform(0.09, 0.125)
    lips: Colour = (
        (0.80, 0.24, 0.27) if woman else (float(tone[0]) * 0.68, float(tone[1]) * 0.46, float(tone[2]) * 0.44)
    )
    line = ((-wide, mouth + smile), (-0.4 * wide, mouth - smile), (0.4 * wide, mouth - smile), (wide, mouth + smile))
    _arc(canvas, line, 0.044 if woman else 0.026, lips)


def _braid(canvas: Canvas, hair: Hair, start: tuple[float, float], lean: float, length: float) -> None:
    """Paint a braid that hangs from `start`: lobes that lie over each other left and right, and a loose tuft."""
    lobes = 9
    for number in range(lobes):
        share = number / (lobes - 1)
        side = -1 if number % 2 else 1
        x, y = start[0] + lean * share + side * 0.026 * (1 - 0.4 * share), start[1] - length * share
        size = 0.085 * (1 - 0.38 * share)
        u = (canvas.x - x) * 0.82 - side * (canvas.y - y) * 0.57
        v = (canvas.y - y) * 0.82 + side * (canvas.x - x) * 0.57
        shape = (1 - np.hypot(u / (size * 0.78), v / (size * 1.18))) * size
        light = 0.45 + 0.35 * np.sin(u / size * 9) * 0.4 - 0.45 * (v / size) * 0.5
        canvas.over(canvas.inside(shape), mix(hair.dark, hair.light, light))
        canvas.over(canvas.inside(0.007 - np.abs(shape)) * 0.6, np.asarray(hair.dark) * 0.7)


def _hair_behind(canvas: Canvas, rng: np.random.Generator, head: Head, hair: Hair) -> None:
    """Paint the hair that lies behind face and shoulders."""
    if hair.style == "messy":
        low = rng.uniform(-0.62, -0.12)
        _locks(canvas, rng, hair, _falling(rng, head, hair, 260, (low - 0.12, low + 0.25)), 0.085, 0.0)
        _locks(canvas, rng, hair, _standing(rng, head, hair, 240, (0.14, 0.40)), 0.05, 0.0)
    elif hair.style == "long":
        low = rng.uniform(-0.8, -0.55)
        _locks(canvas, rng, hair, _falling(rng, head, hair, 420, (low - 0.06, low + 0.1)), rng.uniform(0.01, 0.05), 0.0)
    elif hair.style == "curly":
        low = rng.uniform(-0.5, -0.1)
        _locks(canvas, rng, hair, _falling(rng, head, hair, 150, (low - 0.1, low + 0.3)), 0.06, 0.036)
        _locks(canvas, rng, hair, _standing(rng, head, hair, 190, (0.22, 0.40)), 0.04, 0.036)
    elif hair.style == "ponytail":
        side = rng.choice((-1.0, 1.0))
        count = 170
        root = np.stack([side * rng.normal(0.16, 0.03, count), head.y + head.tall * rng.normal(1.02, 0.04, count)], -1)
        up = root + np.stack([side * rng.uniform(0.15, 0.3, count), rng.uniform(0.10, 0.24, count)], -1)
        out = np.stack([side * rng.uniform(0.50, 0.66, count), head.y + rng.uniform(-0.1, 0.2, count)], -1)
        tip = np.stack([side * rng.uniform(0.40, 0.62, count), rng.uniform(-0.5, -0.2, count)], -1)
        _locks(canvas, rng, hair, np.stack([root, up, out, tip], axis=1), 0.03, 0.0)


def _hair_before(canvas: Canvas, rng: np.random.Generator, head: Head, hair: Hair, man: bool) -> None:
    """Paint the hair that lies on the skull and falls over forehead and temples."""
    low = rng.uniform(0.2, 0.3) * head.tall
    _cap(canvas, head, hair, low, 0.06)
    if hair.style == "messy":
        _locks(canvas, rng, hair, _fringe(rng, head, hair, 130, low - 0.10), 0.035, 0.0)
        _locks(canvas, rng, hair, _falling(rng, head, hair, 46, (-0.3, 0.1)), 0.06, 0.0)
        _locks(canvas, rng, hair, _standing(rng, head, hair, 60, (0.1, 0.34)), 0.06, 0.0)
    elif hair.style == "curly":
        _locks(canvas, rng, hair, _fringe(rng, head, hair, 70, low - 0.02), 0.02, 0.030)
        _locks(canvas, rng, hair, _standing(rng, head, hair, 60, (0.14, 0.28)), 0.03, 0.032)
    elif hair.style == "long":
        _locks(canvas, rng, hair, _fringe(rng, head, hair, 120, low - 0.04), 0.012, 0.0)
        points = _falling(rng, head, hair, 130, (-0.74, -0.4))
        _locks(canvas, rng, hair, points, 0.02, 0.0)
    elif hair.style == "short":
        _locks(canvas, rng, hair, _fringe(rng, head, hair, 150, low - 0.03), 0.01, 0.0)
        if not man:
            _locks(canvas, rng, hair, _falling(rng, head, hair, 190, (head.y - 0.34, head.y - 0.18)), 0.01, 0.0)
    else:
        _locks(canvas, rng, hair, _fringe(rng, head, hair, 150, low - 0.02), 0.006, 0.0)
    if hair.style == "braided":
        sides = (-1.0, 1.0) if rng.random() < 0.5 else (float(rng.choice((-1.0, 1.0))),)
        for side in sides:
            _braid(canvas, hair, (side * head.wide * 1.08, head.y - 0.16), side * 0.04, rng.uniform(0.5, 0.62))


def _beard(canvas: Canvas, rng: np.random.Generator, head: Head, hair: Hair) -> None:
    """Paint a full beard round mouth and chin with strands at its edge."""
    mouth = head.y - 0.60 * head.tall
    shape = np.minimum(head.inside(canvas.x, canvas.y, 0.03), mouth + 0.10 + 1.2 * canvas.x**2 - canvas.y)
    gap = 1 - _ellipse(canvas, 0, mouth, 0.11, 0.045)
    canvas.over(canvas.inside(shape) * gap, mix(hair.dark, hair.light, 0.3))
    count = 150
    across = rng.uniform(-0.85, 0.85, count)
    root = np.stack([across * head.wide, head.y - head.tall * (1.0 - 0.5 * across**2) + rng.uniform(0, 0.1, count)], -1)
    tip = root + np.stack([0.06 * across, -rng.uniform(0.05, 0.14, count)], -1)
    _locks(canvas, rng, hair, np.stack([root, root * 0.7 + tip * 0.3, root * 0.3 + tip * 0.7, tip], axis=1), 0.01, 0.0)


def _person(who: str) -> Callable[[np.random.Generator, int], Rendered]:
    """The painter of a `woman`, a `man` or a `girl`."""

    def paint(rng: np.random.Generator, size: int) -> Rendered:
        canvas = Canvas(size)
        man = who == "man"
        style = str(rng.choice(LENGTHS, p=SHARES))
        if man and style in ("braided", "ponytail"):
            style = "short"
        dyed = not man and rng.random() < 0.14
        colour = str(rng.choice(DYED if dyed else tuple(HAIR)))
        dark, light = FUR[colour]
        hair = Hair(style, dark, light, float(rng.choice((-0.1, 0.0, 0.1))))
        skin = SKINS[int(rng.integers(len(SKINS)))]
        word, hue = pick_hue(rng)
        if rng.random() < 0.25:
            word = str(rng.choice(("white", "black", "grey")))
        plain: dict[str, Colour] = {"white": (0.93, 0.93, 0.95), "black": (0.14, 0.14, 0.17), "grey": (0.5, 0.5, 0.54)}
        cloth = plain.get(word) or hsv(hue, rng.uniform(0.6, 0.82), rng.uniform(0.65, 0.92))
        wide, tall, chin = {"woman": (0.34, 0.42, 0.26), "man": (0.35, 0.43, 0.14), "girl": (0.37, 0.41, 0.20)}[who]
        head = Head(0.17, wide * rng.uniform(0.96, 1.04), tall * rng.uniform(0.97, 1.03), chin)
        broad = {"woman": 0.62, "man": 0.74, "girl": 0.54}[who] * rng.uniform(0.95, 1.06)
        _hair_behind(canvas, rng, head, hair)
        _body(canvas, rng, head, skin, cloth, broad)
        brow = mix(hair.dark, skin, 0.15)
        _face(canvas, rng, head, skin, (float(brow[0]), float(brow[1]), float(brow[2])), who)
        bearded = man and rng.random() < 0.4
        if bearded:
            _beard(canvas, rng, head, hair)
        _hair_before(canvas, rng, head, hair, man)
        return canvas.finished(phrases=_phrases(who, style, colour, word, bearded))

    return paint


def _phrases(who: str, style: str, colour: str, cloth: str, bearded: bool) -> tuple[str, ...]:
    """What this person may be called, hair first."""
    kind = {"braided": "braided hair", "ponytail": "a ponytail"}.get(style, f"{style} hair")
    both = f"a {colour} ponytail" if style == "ponytail" else f"{style} {colour} hair"
    phrases = [f"{who} with {kind}", f"{who} with {kind}", f"{who} with {both}", f"{who} with {colour} hair"]
    phrases.append(f"{who} with {both} in a {cloth} {'shirt' if who == 'man' else 'dress'}")
    if bearded:
        phrases.append(f"{who} with a beard")
    return tuple(phrases)


woman, man, girl = _person("woman"), _person("man"), _person("girl")
"""A bust from the front with one of six kinds of hair, in many colours of hair, skin and clothes."""
