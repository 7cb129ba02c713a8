"""Averages of native layers and cut-outs, by method and by kind of subject, and how often native is better."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from acetate_lab.evaluation.cutout.measure import KINDS, NATIVE, CutoutResult
from acetate_lab.evaluation.metric import Metric, values

MEASURES = (
    ("sad", "Alpha SAD", "k px", "sum of alpha's misses; lower is better"),
    ("mse", "Alpha squared error", "", "counts large misses most; lower is better"),
    ("gradient", "Gradient error", "k", "how far the sharpness of edges is off; lower is better"),
    ("connectivity", "Connectivity error", "k", "loose bits and torn parts; lower is better"),
    ("nine_psnr", "Nine backgrounds, PSNR", "dB", "the layer as seen over nine plain colours; higher is better"),
    ("nine_ssim", "Nine backgrounds, SSIM", "", "the same, likeness of structure; 1 is alike"),
)


@dataclass(frozen=True)
class PairwiseComparison:
    """For the cut-outs by one method, the share where the native layer of the same picture is nearer to the truth."""

    method: str
    cut_outs: int
    nearer_alpha: float
    nearer_seen: float


def method_names(results: Iterable[CutoutResult]) -> tuple[str, ...]:
    """Every method that has results, native first."""
    return tuple(dict.fromkeys(result.method for result in results))


def kinds(results: Iterable[CutoutResult]) -> tuple[str, ...]:
    """Every kind that has results, in their usual order."""
    found = {result.subject.kind for result in results}
    return tuple(kind for kind in KINDS if kind in found)


def chosen(results: Iterable[CutoutResult], method: str, kind: str | None = None) -> list[CutoutResult]:
    """The results of one method, of all kinds or one."""
    return [each for each in results if each.method == method and kind in (None, each.subject.kind)]


def method_figures(results: Sequence[CutoutResult]) -> tuple[Metric, ...]:
    """The averages of some results. Raises StatisticsError when there are none."""
    return tuple(
        Metric(name, label, fmean(getattr(each, name) for each in results), unit, meaning)
        for name, label, unit, meaning in MEASURES
    )


def pairwise_comparisons(results: Sequence[CutoutResult]) -> tuple[PairwiseComparison, ...]:
    """Native against each cut-out method: by alpha's squared error, and by PSNR over nine backgrounds."""
    native = {id(each.subject): each for each in chosen(results, NATIVE)}
    found = []
    for method in method_names(results):
        cuts = chosen(results, method)
        if method != NATIVE:
            nearer = fmean(native[id(each.subject)].mse < each.mse for each in cuts)
            seen = fmean(native[id(each.subject)].nine_psnr > each.nine_psnr for each in cuts)
            found.append(PairwiseComparison(method, len(cuts), nearer, seen))
    return tuple(found)


def by_background(results: Sequence[CutoutResult]) -> dict[str, dict[str, float]]:
    """For each background and each cut-out method the mean PSNR over nine backgrounds, in decibels."""
    cuts = [each for each in results if each.method != NATIVE]
    return {
        background: {
            method: fmean(each.nine_psnr for each in chosen(cuts, method) if each.background == background)
            for method in method_names(cuts)
        }
        for background in dict.fromkeys(each.background for each in cuts)
    }


def cutout_json(model: str, results: Sequence[CutoutResult]) -> dict[str, Any]:
    """Everything but the pictures."""
    return {
        "model": model,
        "compared": "the known layer encoded and decoded (native) against cut-outs of its composites",
        "mean": {method: values(method_figures(chosen(results, method))) for method in method_names(results)},
        "by_kind": {
            kind: {method: values(method_figures(chosen(results, method, kind))) for method in method_names(results)}
            for kind in kinds(results)
        },
        "nine_psnr_by_background": by_background(results),
        "native_nearer": {
            duel.method: {"cut_outs": duel.cut_outs, "alpha": duel.nearer_alpha, "seen": duel.nearer_seen}
            for duel in pairwise_comparisons(results)
        },
        "each": [
            {
                "subject": each.subject.name,
                "kind": each.subject.kind,
                "way": each.method,
                "background": each.background,
                **{name: getattr(each, name) for name, *_ in MEASURES},
            }
            for each in results
        ],
    }
