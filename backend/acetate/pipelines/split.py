"""The mode `split`: a picture in several layers, which together give exactly that picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from acetate_wire.events import LayerWarning
from acetate_wire.prompt import plain_words
from acetate_wire.request import FOUND_LAYERS, LayerRequest, Rect
from jaxtyping import Float, Shaped
from torch import Tensor

from acetate.i18n import tr as _
from acetate.image.recomposition import Blending
from acetate.image.resample import FULL, crop_to_working, premultiplied, resample, to_dtype_hwc
from acetate.image.sizes import Cover, Size, Window
from acetate.pipelines.context import GeneratedLayer, GenerationContext
from acetate.pipelines.layer_pipeline import SEED_RANGE
from acetate.pipelines.outputs import output_layer, preview_image, reply_dtype
from acetate.pipelines.progress import ProgressTracker
from acetate.pipelines.sampling import OnStep
from acetate.pipelines.split_frames import SplitFrames, splitter_of
from acetate.pipelines.working_size import WorkingSize

BAND_PIXELS = 1 << 18
"""Pixels recomposed at a time, so that memory does not grow with the target."""
VISIBLE = 0.05
"""Alpha over this counts as seen where it is asked whether a layer shows anything."""
SMALLEST_SHARE = 1 / 2000
"""A layer of which less than this share is seen is empty."""
SAME = 0.01
"""Layers whose premultiplied channels differ by less than this on average, where either is seen, are the same."""
FAR_OFF = 0.1
"""The model's own picture differs from the given one by more than this on average where it has not understood it."""


def draw(context: GenerationContext) -> tuple[GeneratedLayer, ...]:
    """The layers of the given picture, from the lowest, each cut to what is seen of it.

    Where the request says how many, there are as many, with some of them clear where the model found fewer; otherwise
    empty and doubled ones are left out.
    """
    request, picture = context.request, context.inputs["blend"]
    splitter = splitter_of(context)
    cover = splitter.cover(Size(request.target.width, request.target.height))
    framed = crop_to_working(torch.where(picture[3:] > 0, picture, 0.0), cover).clamp(0, 1)
    progress = ProgressTracker(context.report, (request.steps or 1) * request.count, request.preview)
    layers: list[GeneratedLayer] = []
    context = splitter.described(framed)
    for number in range(request.count):
        seed = ((request.seed or 0) + number) % SEED_RANGE
        progress.start_stage(request.steps or 1)
        noise = torch.Generator("cpu").manual_seed(seed)
        frames = splitter_of(context).split(
            framed, request.layers or FOUND_LAYERS, noise, _on_step(progress, cover, request)
        )
        progress.finish_stage()
        found = _distinct(frames.layers) if request.layers is None else _padded(frames.layers, request.layers)
        warning = _far_off(frames, framed)
        for index, (corner, pixels) in enumerate(_placed(found, picture, cover, request)):
            layer = output_layer(context, "foreground" if index else "background", seed, pixels)
            words = f"{plain_words(request.prompt) or 'layer'} {index}" if index else "background"
            x, y = request.target.x + corner.x, request.target.y + corner.y
            layers.append(replace(layer, name=words, x=x, y=y, warnings=() if warning is None else (warning,)))
    return tuple(layers)


def _on_step(progress: ProgressTracker, cover: Cover, request: LayerRequest) -> OnStep:
    """Reports a step; the splitter's preview is "4 h w" in its own frame."""
    size = WorkingSize(cover.drawn, Size(request.target.width, request.target.height), cover.window)

    def on_step(share: float, preview: object = None) -> None:
        progress.step(share, (lambda: preview_image(preview(), size)) if callable(preview) else None)

    return on_step


def _distinct(layers: Sequence[Float[Tensor, "4 h w"]]) -> list[Float[Tensor, "4 h w"]]:
    """The layers without those that show nothing and those that show what another one does."""
    kept: list[Tensor] = []
    for layer in layers:
        seen = layer[3] > VISIBLE
        if float(seen.float().mean()) < SMALLEST_SHARE or any(_same(layer, other) for other in kept):
            continue
        kept.append(layer)
    return kept or [layers[0]]


def _same(first: Float[Tensor, "4 h w"], second: Float[Tensor, "4 h w"]) -> bool:
    either = torch.maximum(first[3], second[3]) > VISIBLE
    return float((premultiplied(first) - premultiplied(second)).abs()[:, either].mean()) < SAME


def _padded(layers: Sequence[Float[Tensor, "4 h w"]], count: int) -> list[Float[Tensor, "4 h w"]]:
    """So many layers: clear ones above where there are fewer."""
    return [*layers[:count], *(torch.zeros_like(layers[0]) for _ in range(count - len(layers)))]


def _far_off(frames: SplitFrames, picture: Float[Tensor, "4 h w"]) -> LayerWarning | None:
    """What the artist is told where the model sees another picture than the given one."""
    own = frames.composite
    if own is None:
        own = Blending(None).composite(torch.stack(frames.layers))
    if float((premultiplied(own) - premultiplied(picture)).abs().mean()) <= FAR_OFF:
        return None
    message = _("the model has not understood the picture: its layers give it again, but may not make sense alone")
    return LayerWarning("split", message, _("say what the picture shows, or try another seed"))


def _placed(
    layers: Sequence[Float[Tensor, "4 h w"]], picture: Float[Tensor, "4 th tw"], cover: Cover, request: LayerRequest
) -> Iterator[tuple[Rect, Shaped[Tensor, "_ _ 4"]]]:
    """The layers in the target's size, recomposed, each cut to what is seen of it and with that rectangle."""
    height, width = picture.shape[1:]
    dtype = reply_dtype(request)
    blending = Blending(FULL.get(dtype), request.blending == "linear")
    whole = [torch.zeros(height, width, 4, dtype=dtype) for _ in layers]
    window, rows = cover.window, max(1, BAND_PIXELS // width)
    step = window.height / height
    for top in range(0, height, rows):
        count = min(rows, height - top)
        part = Window(window.x, window.y + top * step, window.width, count * step)
        band = torch.stack([resample(layer, part, Size(width, count)) for layer in layers])
        band = blending.recomposed(band.clamp(0, 1), picture[:, top : top + count])
        for sheet, pixels in zip(whole, band, strict=True):
            sheet[top : top + count] = to_dtype_hwc(pixels, dtype)
    for sheet in whole:
        seen = _visible(sheet)
        yield seen, sheet[seen.y : seen.y + seen.height, seen.x : seen.x + seen.width].contiguous()


def _visible(layer: Shaped[Tensor, "h w 4"]) -> Rect:
    """The smallest rectangle with all that is seen; the first pixel where that is nothing."""
    seen = layer[..., 3] != 0
    rows, columns = seen.any(dim=1).nonzero(), seen.any(dim=0).nonzero()
    if not len(rows):
        return Rect(0, 0, 1, 1)
    x, y = int(columns[0]), int(rows[0])
    return Rect(x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y)
