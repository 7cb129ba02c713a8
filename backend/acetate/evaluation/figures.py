"""The figures of an evaluation: their averages, their units, and what they mean in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from statistics import fmean
from typing import Any

from acetate.evaluation.starter import GeneratedLayer, Reconstruction, StarterReport


@dataclass(frozen=True)
class Figure:
    """One measured value: `value` is in `unit`, and `meaning` tells an artist how to read it."""

    key: str
    label: str
    value: float
    unit: str
    meaning: str

    def text(self) -> str:
        """The value as people read it, with its unit: `31.24 dB`, `0.0081`, `12.3%`."""
        if self.unit == "%":
            return f"{self.value:.1%}"
        digits = {"dB": 2, "s": 2, "k px": 3}.get(self.unit, 4)
        return f"{self.value:.{digits}f} {self.unit}".rstrip()


def reconstruction_figures(results: Sequence[Reconstruction]) -> tuple[Figure, ...]:
    """The averages over held-out pictures after encode and decode. Raises ValueError when there are none."""
    if not results:
        raise ValueError("no held-out pictures were measured")

    def mean(name: str) -> float:
        return fmean(getattr(result, name) for result in results)

    nine_psnr = fmean(value for result in results for value in result.background_psnr.values())
    nine_ssim = fmean(value for result in results for value in result.background_ssim.values())
    return (
        Figure("alpha_psnr", "Alpha PSNR", mean("alpha_psnr"), "dB", "how exactly the transparency comes back"),
        Figure(
            "alpha_mae",
            "Alpha error",
            mean("alpha_mae"),
            "",
            "average miss of alpha (0 to 1); lower is better",
        ),
        Figure(
            "alpha_iou",
            "Alpha overlap",
            mean("alpha_iou"),
            "",
            "shared area of the two outlines (IoU); 1 is all",
        ),
        Figure(
            "alpha_sad",
            "Alpha SAD",
            mean("alpha_sad"),
            "k px",
            "sum of the misses a picture; lower is better",
        ),
        Figure("colour_psnr", "Padded colour PSNR", mean("colour_psnr"), "dB", "colour, under clear pixels too"),
        Figure(
            "nine_psnr",
            "Nine backgrounds, PSNR",
            nine_psnr,
            "dB",
            "the layer as seen over nine plain colours",
        ),
        Figure(
            "nine_ssim",
            "Nine backgrounds, SSIM",
            nine_ssim,
            "",
            "the same, likeness of structure; 1 is alike",
        ),
        Figure(
            "rgb_without_offset",
            "Frozen decoder, no offset",
            mean("rgb_without_offset"),
            "dB",
            "the VAE's own picture, with no transparency hidden in it",
        ),
        Figure(
            "rgb_with_offset",
            "Frozen decoder, offset",
            mean("rgb_with_offset"),
            "dB",
            "the VAE's own picture with the transparency hidden in it",
        ),
        Figure(
            "rgb_cost",
            "Cost of the offset",
            mean("rgb_without_offset") - mean("rgb_with_offset"),
            "dB",
            "what hiding the transparency costs the picture; near 0 is harmless",
        ),
        Figure(
            "rgb_between",
            "With against without",
            mean("rgb_between"),
            "dB",
            "how alike these two pictures are",
        ),
    )


def layer_figures(report: StarterReport) -> tuple[Figure, ...]:
    """The averages over generated layers, next to the data's. Raises ValueError when none were made."""
    made, data = report.generated(), report.data
    outside = fmean(layer.shape.outside_largest_island for layer in report.layers)
    edge = fmean(layer.shape.edge_contact for layer in report.layers)
    seconds = fmean(layer.seconds for layer in report.layers)
    return (
        Figure("partial", "Neither clear nor opaque", made.partial, "%", f"in the data: {data.partial:.1%}"),
        Figure("clear", "Fully clear", made.clear, "%", f"in the data: {data.clear:.1%}"),
        Figure("opaque", "Fully opaque", made.opaque, "%", f"in the data: {data.opaque:.1%}"),
        Figure(
            "outside",
            "Outside the largest island",
            outside,
            "%",
            "loose bits beside the subject; lower is better",
        ),
        Figure("edge", "Touches the frame", edge, "%", "of the frame's border is covered: cut-off subjects"),
        Figure("seconds", "Time a layer", seconds, "s", "on this machine"),
    )


def backgrounds_mean(results: Sequence[Reconstruction]) -> dict[str, tuple[float, float]]:
    """The mean PSNR (decibels) and SSIM over each background."""
    return {
        name: (
            fmean(result.background_psnr[name] for result in results),
            fmean(result.background_ssim[name] for result in results),
        )
        for name in results[0].background_psnr
    }


def by_kind(results: Sequence[Reconstruction]) -> dict[str, tuple[Reconstruction, ...]]:
    """The results of each kind (`hard`, `soft` edges) that has any, in order of first appearance."""
    kinds = dict.fromkeys(result.about.kind for result in results)
    return {kind: tuple(result for result in results if result.about.kind == kind) for kind in kinds}


def as_json(report: StarterReport) -> dict[str, Any]:
    """Everything but the pictures: averages, also by kind and by background, and a row for each picture."""
    results, layers = report.reconstructions, report.layers
    document: dict[str, Any] = {
        "model": report.model,
        "passes": report.passes,
        "held_out": {
            "pictures": len(results),
            "mean": _values(reconstruction_figures(results)),
            "by_kind": {kind: _values(reconstruction_figures(some)) for kind, some in by_kind(results).items()},
            "by_background": {
                name: {"psnr": psnr, "ssim": ssim} for name, (psnr, ssim) in backgrounds_mean(results).items()
            },
            "each": [{**asdict(result.about), **_row(result)} for result in results],
        },
        "data": asdict(report.data),
    }
    if layers:
        document["layers"] = {
            "count": len(layers),
            "mean": _values(layer_figures(report)),
            "each": [_layer_row(layer) for layer in layers],
        }
    return document


def _values(figures: Sequence[Figure]) -> dict[str, float]:
    return {figure.key: figure.value for figure in figures}


def _row(result: Reconstruction) -> dict[str, Any]:
    left_out = {"about", "given", "decoded"}
    return {field.name: getattr(result, field.name) for field in fields(result) if field.name not in left_out}


def _layer_row(layer: GeneratedLayer) -> dict[str, Any]:
    row = {"prompt": layer.prompt, "seed": layer.seed, "seconds": layer.seconds}
    return {**row, **asdict(layer.coverage), **asdict(layer.shape)}
