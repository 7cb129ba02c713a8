"""The figures of latent transparency: averages over pictures, also by kind of edge and by background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from statistics import fmean
from typing import Any

from acetate_lab.evaluation.metric import Metric, checks, values
from acetate_lab.evaluation.thresholds import THRESHOLDS
from acetate_lab.evaluation.transparency.reconstruction import Reconstruction

LABELS = (
    ("alpha_psnr", "Alpha PSNR", "dB", "how exactly the transparency comes back"),
    ("alpha_mae", "Alpha error", "", "average miss of alpha (0 to 1); lower is better"),
    ("alpha_mse", "Alpha squared error", "", "average squared miss: counts large misses most"),
    ("alpha_iou", "Alpha overlap", "", "shared area of the two outlines (IoU); 1 is all"),
    ("alpha_sad", "Alpha SAD", "k px", "sum of the misses a picture; lower is better"),
    ("gradient", "Gradient error", "k", "how far the sharpness of edges is off; lower is better"),
    ("connectivity", "Connectivity error", "k", "loose bits and torn parts; lower is better"),
    ("colour_psnr", "Padded colour PSNR", "dB", "colour, under clear pixels too"),
)
HARMLESSNESS = (
    ("rgb_without_offset", "Frozen decoder, no offset", "the VAE's own picture, with no transparency hidden in it"),
    ("rgb_with_offset", "Frozen decoder, offset", "the VAE's own picture with the transparency hidden in it"),
    ("rgb_between", "With against without", "how alike these two pictures are"),
)


def reconstruction_figures(results: Sequence[Reconstruction]) -> tuple[Metric, ...]:
    """The averages over pictures after encode and decode. Raises ValueError when there are none."""
    if not results:
        raise ValueError("no held-out pictures were measured")

    def mean(name: str) -> float:
        return fmean(getattr(result, name) for result in results)

    seen = [result.lpips for result in results if result.lpips is not None]
    nine_psnr = fmean(value for result in results for value in result.background_psnr.values())
    nine_ssim = fmean(value for result in results for value in result.background_ssim.values())
    found = [
        Metric(name, label, mean(name), unit, meaning, THRESHOLDS.get(name)) for name, label, unit, meaning in LABELS
    ]
    found.append(
        Metric("nine_psnr", "Nine backgrounds, PSNR", nine_psnr, "dB", "the layer as seen over nine plain colours",
               THRESHOLDS["nine_psnr"])
    )  # fmt: skip
    found.append(
        Metric("nine_ssim", "Nine backgrounds, SSIM", nine_ssim, "", "the same, likeness of structure; 1 is alike")
    )
    if seen:
        found.append(
            Metric(
                "nine_lpips", "Nine backgrounds, LPIPS", fmean(seen), "", "the same, as a network sees it; 0 is alike"
            )
        )
    found += [Metric(name, label, mean(name), "dB", meaning) for name, label, meaning in HARMLESSNESS]
    cost = mean("rgb_without_offset") - mean("rgb_with_offset")
    found.append(
        Metric("rgb_cost", "Cost of the offset", cost, "dB",
               "what the transparency costs the picture; near 0 is harmless", THRESHOLDS["rgb_cost"])
    )  # fmt: skip
    return tuple(found)


def backgrounds_mean(results: Sequence[Reconstruction]) -> dict[str, tuple[float, float]]:
    """The mean PSNR (decibels) and SSIM over each background."""
    return {
        name: (
            fmean(result.background_psnr[name] for result in results),
            fmean(result.background_ssim[name] for result in results),
        )
        for name in results[0].background_psnr
    }


def picture_size(results: Sequence[Reconstruction]) -> int:
    """The side in pixels of what was measured."""
    return results[0].original.shape[-1]


def by_kind(results: Sequence[Reconstruction]) -> dict[str, tuple[Reconstruction, ...]]:
    """The results of each kind (`hard`, `soft` edges) that has any, in order of first appearance."""
    kinds = dict.fromkeys(result.about.kind for result in results)
    return {kind: tuple(result for result in results if result.about.kind == kind) for kind in kinds}


def seen_psnr(result: Reconstruction) -> float:
    """The mean PSNR over the nine backgrounds, in decibels."""
    return fmean(result.background_psnr.values())


def held_out_json(results: Sequence[Reconstruction]) -> dict[str, Any]:
    """Everything but the pictures: averages, also by kind and by background, and a row for each picture."""
    averages = reconstruction_figures(results)
    return {
        "pictures": len(results),
        "size": picture_size(results),
        "mean": values(averages),
        "checks": checks(averages),
        "by_kind": {kind: values(reconstruction_figures(some)) for kind, some in by_kind(results).items()},
        "by_background": {
            name: {"psnr": psnr, "ssim": ssim} for name, (psnr, ssim) in backgrounds_mean(results).items()
        },
        "each": [{**asdict(result.about), **_row(result)} for result in results],
    }


def _row(result: Reconstruction) -> dict[str, Any]:
    left_out = {"about", "original", "decoded"} | ({"lpips"} if result.lpips is None else set())
    return {field.name: getattr(result, field.name) for field in fields(result) if field.name not in left_out}
