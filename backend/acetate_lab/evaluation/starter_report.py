"""The report of the starter's evaluation: one HTML file with plots and pictures, and its figures as JSON beside it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from acetate_lab.evaluation.generation.generator import GeneratedLayer
from acetate_lab.evaluation.html import (
    Bar,
    bar_section,
    bars,
    figure_table,
    figure_tiles,
    layer_uri,
    page,
    pictures,
    save,
    section,
    shown,
)
from acetate_lab.evaluation.metric import Metric
from acetate_lab.evaluation.starter import StarterReport, as_json, layer_figures
from acetate_lab.evaluation.transparency.report import UNDER, held_out_pictures, held_out_section
from acetate_lab.evaluation.transparency.summary import picture_size, reconstruction_figures, seen_psnr

HEADLINES = (
    "alpha_psnr",
    "alpha_mae",
    "alpha_iou",
    "colour_psnr",
    "nine_psnr",
    "rgb_cost",
    "partial",
    "seconds",
)


def write_report(report: StarterReport, folder: Path) -> Path:
    """Write `report.html` and `report.json` into `folder`, made if it is missing; returns the HTML's path."""
    return save(folder, "report", report_html(report), as_json(report))


def report_html(report: StarterReport) -> str:
    """The whole report as one HTML document that needs no other file."""
    results = sorted(report.reconstructions, key=seen_psnr)
    averages = reconstruction_figures(results)
    made = layer_figures(report) if report.layers else ()
    parts = [
        figure_tiles([figure for figure in (*averages, *made) if figure.key in HEADLINES]),
        bar_section((*averages, *made)),
        held_out_section(results, averages),
    ]
    if report.layers:
        parts.append(_layers_section(report, made))
        parts.append(layer_pictures(report.layers))
    parts.append(held_out_pictures(results))
    size = picture_size(results)
    lead = (
        f"{len(results)} pictures of {size} x {size} pixels that no training saw, there and back through latent"
        f" transparency (decoded as the median of {report.passes}), and {len(report.layers)} layers generated from"
        " prompts."
    )
    return page(f"How good is “{report.model}”?", lead, parts)


def _layers_section(report: StarterReport, made: Sequence[Metric]) -> str:
    generated, data = report.generated(), report.data
    plots = "".join(
        bars(
            title,
            [
                Bar("generated", share, f"{share:.1%}"),
                Bar("training data", expected, f"{expected:.1%}", "var(--second)"),
            ],
            1.0,
        )
        for title, share, expected in (
            ("Clear pixels", generated.clear, data.clear),
            ("Neither clear nor opaque", generated.partial, data.partial),
            ("Opaque pixels", generated.opaque, data.opaque),
        )
    )
    return section(
        "Generated layers: what their alpha is made of",
        "A model that has learned transparency leaves as many pixels clear, partial and opaque as the "
        "pictures that it learned from. Clear is an alpha of at most 1 in 255, opaque of at least 254.",
        figure_table(made),
        f'<div class="plots">{plots}</div>',
    )


def layer_pictures(layers: Sequence[GeneratedLayer]) -> str:
    """Every generated layer over a checker, black and white."""
    cards = []
    for index, layer in enumerate(layers):
        views = "".join(shown(f"layer{index}", f"{layer.prompt}, over {under}", under) for under in UNDER)
        cards.append(
            f'<figure class="card"><div class="trio">{views}</div>'
            f'<figcaption><h3>{escape(layer.prompt)}</h3><div class="note">'
            f"seed {layer.seed}, {layer.seconds:.1f} s<br>"
            f"{layer.coverage.clear:.1%} clear<br>{layer.coverage.partial:.1%} partial</div>"
            "</figcaption></figure>"
        )
    return section(
        "Generated layers",
        "Every layer that was made, none left out, over a checker, black and white.",
        pictures({f"layer{index}": layer_uri(layer.picture) for index, layer in enumerate(layers)}),
        f'<div class="layers">{"".join(cards)}</div>',
    )
