"""The report of latent transparency: one HTML file with plots and pictures, and its figures as JSON beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from acetate_lab.evaluation.html import (
    Bar,
    bar_section,
    bars,
    checker,
    figure_table,
    figure_tiles,
    layer_uri,
    page,
    picture_uri,
    pictures,
    save,
    section,
    shown,
    table,
)
from acetate_lab.evaluation.metric import Metric, checks
from acetate_lab.evaluation.transparency.probes import ProbeResult, probe_checks
from acetate_lab.evaluation.transparency.reconstruction import Reconstruction
from acetate_lab.evaluation.transparency.summary import (
    backgrounds_mean,
    by_kind,
    held_out_json,
    picture_size,
    reconstruction_figures,
    seen_psnr,
)
from acetate_lab.metrics.over_backgrounds import BACKGROUNDS, composite

DIFFERENCE_GAIN = 8
MOST_SHOWN = 64
"""How many pictures a report shows; the figures of the others are in its JSON."""
UNDER = ("checker", "black", "white")
HEADLINES = ("alpha_psnr", "alpha_sad", "alpha_mse", "gradient", "connectivity", "nine_psnr", "nine_ssim", "rgb_cost")


@dataclass(frozen=True)
class TransparencyReport:
    """What was measured of a model's latent transparency: pictures there and back, and the probes."""

    model: str
    passes: int
    reconstructions: tuple[Reconstruction, ...]
    probes: tuple[ProbeResult, ...]


def transparency_json(report: TransparencyReport) -> dict[str, Any]:
    """Everything but the pictures."""
    rows = [
        {
            "name": result.probe.name,
            "group": result.probe.about,
            "red_excess": result.red_excess,
            "lost_area": result.lost_area,
            "lost_opacity": result.lost_opacity,
            "haze": result.haze,
        }
        for result in report.probes
    ]
    return {
        "model": report.model,
        "passes": report.passes,
        "pictures": held_out_json(report.reconstructions),
        "checks": checks(probe_checks(report.probes)),
        "probes": rows,
    }


def write_transparency_report(report: TransparencyReport, folder: Path) -> Path:
    """Write `transparency.html` and `transparency.json` into `folder`; returns the HTML's path."""
    return save(folder, "transparency", transparency_html(report), transparency_json(report))


def transparency_html(report: TransparencyReport) -> str:
    """The whole report as one HTML document that needs no other file."""
    results = sorted(report.reconstructions, key=seen_psnr)
    averages, size = reconstruction_figures(results), picture_size(results)
    lead = (
        f"{len(results)} pictures of {size} x {size} pixels there and back through latent transparency (decoded as "
        f"the median of {report.passes}), and {len(report.probes)} drawn probes whose answers are known."
    )
    parts = [
        figure_tiles([figure for figure in averages if figure.key in HEADLINES]),
        bar_section((*averages, *probe_checks(report.probes))),
        _probe_section(report.probes),
        held_out_section(results, averages),
        held_out_pictures(results),
    ]
    return page(f"The transparency of “{report.model}”", lead, parts)


def _probe_section(probes: Sequence[ProbeResult]) -> str:
    named: dict[str, str] = {}
    cards = []
    for index, result in enumerate(probes):
        named[f"probe{index}"] = layer_uri(result.probe.picture)
        named[f"answer{index}"] = layer_uri(result.decoded)
        views = shown(f"probe{index}", f"{result.probe.name}, given") + shown(
            f"answer{index}", f"{result.probe.name}, decoded"
        )
        cards.append(
            f'<figure class="card"><div class="duo">{views}</div><figcaption><h3>{escape(result.probe.name)}</h3>'
            f'<div class="note">redder by {result.red_excess:+.3f}<br>area lost {result.lost_area:+.1%}<br>'
            f"opacity lost {result.lost_opacity:+.1%}<br>haze {result.haze:.4f}</div></figcaption></figure>"
        )
    return section(
        "Known failures",
        "Plain shapes with known answers, given (left) and decoded (right). Users of the published decoder found that "
        "solid colours turn reddish, regions shrink, and opaque parts lose opacity.",
        figure_table(probe_checks(probes)),
        pictures(named),
        f'<div class="layers">{"".join(cards)}</div>',
    )


def difference(
    original: Float[Tensor, "4 h w"], decoded: Float[Tensor, "4 h w"], under: Float[Tensor, "3 h w"]
) -> Float[Tensor, "3 h w"]:
    """How two layers differ over one picture, enlarged by `DIFFERENCE_GAIN`: black where they look alike."""
    change = composite(original, under) - composite(decoded, under)
    return (change.abs() * DIFFERENCE_GAIN).clamp(0, 1)


def held_out_section(results: Sequence[Reconstruction], averages: Sequence[Metric]) -> str:
    """Averages of all pictures and of each kind, over each background, and how they spread."""
    kinds = by_kind(results)
    columns = [reconstruction_figures(some) for some in kinds.values()]
    head = ["Figure", "All", *(f"{kind} edges ({len(some)})" for kind, some in kinds.items()), "What it says"]
    rows = [
        [figure.label, figure.text(), *(column[index].text() for column in columns), figure.meaning]
        for index, figure in enumerate(averages)
    ]
    seen = backgrounds_mean(results)
    value = {figure.key: figure for figure in averages}
    plots = (
        bars(
            "PSNR over each background (dB)",
            _background_bars(seen),
            max(40.0, *(psnr for psnr, _ in seen.values())),
        ),
        bars(
            "The frozen decoder's own picture (dB)",
            [
                Bar(
                    "without offset",
                    value["rgb_without_offset"].value,
                    value["rgb_without_offset"].text(),
                    "var(--second)",
                ),
                Bar("with offset", value["rgb_with_offset"].value, value["rgb_with_offset"].text()),
            ],
            max(40.0, value["rgb_without_offset"].value),
        ),
        _spread(results),
    )
    return section(
        "Held-out pictures, there and back",
        "Each picture is encoded with its transparency and decoded again. PSNR is in decibels: higher is "
        "better, 30 dB is a faint difference, 40 dB can hardly be seen. Each figure is a mean over pictures.",
        table(head, rows, words=(0, len(head) - 1)),
        f'<div class="plots">{"".join(plots)}</div>',
    )


def _background_bars(seen: dict[str, tuple[float, float]]) -> list[Bar]:
    swatches = {name: "rgb({},{},{})".format(*(round(255 * c) for c in colour)) for name, colour in BACKGROUNDS.items()}
    return [Bar(name, psnr, f"{psnr:.1f} dB", swatches[name]) for name, (psnr, _) in seen.items()]


def _spread(results: Sequence[Reconstruction]) -> str:
    """How many pictures reach which PSNR: an average hides the few that fail."""
    edges = (0, 20, 25, 30, 35, 40, float("inf"))
    counts = [sum(low <= seen_psnr(result) < high for result in results) for low, high in pairwise(edges)]
    names = ["below 20", "20 to 25", "25 to 30", "30 to 35", "35 to 40", "40 and more"]
    entries = [Bar(f"{name} dB", count, str(count)) for name, count in zip(names, counts, strict=True)]
    return bars("Pictures by nine-background PSNR", entries, max(counts))


def held_out_pictures(results: Sequence[Reconstruction]) -> str:
    """The first `MOST_SHOWN` pictures (pass the worst first): original, decoded, and their difference."""
    cards = []
    for index, result in enumerate(results[:MOST_SHOWN]):
        rows = []
        for kind, label in (("given", "given"), ("decoded", "decoded")):
            rows.append(f'<span class="name">{label}</span>')
            rows.extend(shown(f"{kind}{index}", f"{result.about.name}, {label}, over {u}", u) for u in UNDER)
        rows.append(f'<span class="name">× {DIFFERENCE_GAIN}</span>')
        rows.extend(shown(f"gap{index}{u}", f"{result.about.name}, difference over {u}", "none") for u in UNDER)
        about = result.about
        cards.append(
            f'<figure class="card"><h3>{escape(about.name)}'
            f'<span class="note">{escape(about.set)}, {about.kind} edges</span></h3>'
            f'<div class="matrix">{"".join(rows)}</div><figcaption class="note">'
            f"nine backgrounds {seen_psnr(result):.1f} dB · alpha {result.alpha_psnr:.1f} dB, error"
            f" {result.alpha_mae:.4f}, overlap {result.alpha_iou:.3f} · colour {result.colour_psnr:.1f} dB ·"
            f" offset costs {result.rgb_without_offset - result.rgb_with_offset:.1f} dB</figcaption></figure>"
        )
    return section(
        "Held-out pictures, the worst first",
        f"Given, decoded, and their difference enlarged {DIFFERENCE_GAIN} times, over a checker, black and "
        "white. A difference that is the same over black and white is one of colour; else alpha is off.",
        _declared(results[:MOST_SHOWN]),
        f'<div class="cards">{"".join(cards)}</div>',
    )


def _declared(results: Sequence[Reconstruction]) -> str:
    named: dict[str, str] = {}
    for index, result in enumerate(results):
        named[f"given{index}"] = layer_uri(result.original)
        named[f"decoded{index}"] = layer_uri(result.decoded)
        height, width = result.original.shape[-2:]
        plain = {"checker": checker(height, width), "black": torch.zeros(3, height, width)}
        for under, picture in {**plain, "white": torch.ones(3, height, width)}.items():
            named[f"gap{index}{under}"] = picture_uri(difference(result.original, result.decoded, picture))
    return pictures(named)
