"""Pictures with known pixels, renders, and how far one is from the other."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import addon
import bpy
import numpy as np

CLEAR_SHARE = 0.3


def noise(name: str, width: int = 256, height: int = 256, seed: int = 1) -> str:
    """An image with detail in every pixel and all kinds of alpha, clear in places; its name."""
    rng = np.random.default_rng(seed)
    rgba = rng.integers(0, 256, (height, width, 4)).astype(np.float32)
    alpha = np.clip(1.6 - 1.5 * _distance(width, height), 0, 1) * 255
    rgba[..., 3] = np.where(rng.random((height, width)) < CLEAR_SHARE, 0, np.rint(alpha))
    return _image(name, rgba)


def painted(name: str, width: int = 256, height: int = 256, seed: int = 1) -> str:
    """An image such as an artist's: shapes with soft edges in soft colours, half transparent in places; its name."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    rgba = np.zeros((height, width, 4), np.float32)
    for channel in range(4):
        for _ in range(5):
            middle_x, middle_y, size = rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(0.2, 0.7)
            shape = np.exp(-((x - middle_x) ** 2 + (y - middle_y) ** 2) / size**2)
            rgba[..., channel] += rng.uniform(60, 160) * shape
    rgba[..., 3] = np.clip((rgba[..., 3] - 90) * 4, 0, rng.choice((255, 150)))
    return _image(name, np.clip(np.rint(rgba), 0, 255))


def _distance(width: int, height: int) -> Any:
    return np.add.outer(np.linspace(-1, 1, height) ** 2, np.linspace(-1, 1, width) ** 2)


def _image(name: str, rgba: Any) -> str:
    height, width = rgba.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=True)
    image.alpha_mode = "STRAIGHT"
    image.pixels.foreach_set((rgba / 255).ravel())
    image.use_fake_user = True
    return str(image.name)


def numbers(name: str) -> Any:
    """An image's pixels, rows bottom-up, 0 to 1."""
    image = bpy.data.images[name]
    out = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(out)
    return out.reshape(image.size[1], image.size[0], 4)


def render(engine: str = "CYCLES", samples: int = 1, filter_width: float = 0.01) -> Any:
    """The camera's view with a clear ground, rows bottom-up, straight alpha, 0 to 1."""
    scene = bpy.context.scene
    scene.render.engine = addon.part("bpy_compat").eevee_engine() if engine == "EEVEE" else engine
    scene.render.film_transparent = True
    if engine == "CYCLES":
        scene.cycles.samples = samples
        scene.cycles.use_denoising = False
        scene.cycles.pixel_filter_type = "BLACKMAN_HARRIS"
        scene.cycles.filter_width = max(0.01, filter_width)
    else:
        scene.eevee.taa_render_samples = samples
        scene.render.filter_size = filter_width
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "render.png")
        scene.render.image_settings.file_format = "PNG"
        scene.render.image_settings.color_mode = "RGBA"
        scene.render.image_settings.color_depth = "8"
        bpy.ops.render.render(write_still=True)
        loaded = bpy.data.images.load(scene.render.filepath)
        out = numbers(loaded.name)
        bpy.data.images.remove(loaded)
    return out


def over(layers: list[Any], shape: tuple[int, int]) -> Any:
    """Layers (from the lowest) composited in linear light, as straight sRGB."""
    out = np.zeros((*shape, 4))
    for rgba in layers:
        alpha = rgba[..., 3:]
        out[..., :3] = _linear(rgba[..., :3]) * alpha + out[..., :3] * (1 - alpha)
        out[..., 3:] = alpha + out[..., 3:] * (1 - alpha)
    straight = np.divide(out[..., :3], out[..., 3:], out=np.zeros_like(out[..., :3]), where=out[..., 3:] > 0)
    out[..., :3] = _encoded(straight)
    return out


def errors(seen: Any, wanted: Any) -> dict[str, float]:
    """Mean error of the colours where the layer is, and of the alpha everywhere; the largest alpha error in 1/255.

    Colours are weighed by the alpha: in 8 bits a nearly clear pixel has no colour to speak of.
    """
    alpha = wanted[..., 3]
    colour = np.abs(seen[..., :3] - wanted[..., :3]).mean(-1) * alpha
    off = np.abs(np.rint(seen[..., 3] * 255) - np.rint(alpha * 255))
    return {
        "colour": float(colour.sum() / alpha.sum()),
        "alpha": float(off.mean() / 255),
        "worst_alpha": float(off.max()),
    }


def _linear(srgb: Any) -> Any:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _encoded(linear: Any) -> Any:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)
