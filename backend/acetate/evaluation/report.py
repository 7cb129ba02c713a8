"""The report of an evaluation: one HTML file with plots and pictures, and its figures as JSON beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.evaluation.backgrounds import BACKGROUNDS, composite
from acetate.evaluation.figures import (
    Figure,
    as_json,
    backgrounds_mean,
    by_kind,
    layer_figures,
    reconstruction_figures,
)
from acetate.evaluation.page import (
    Bar,
    bars,
    checker,
    layer_uri,
    page,
    picture_uri,
    pictures,
    section,
    shown,
    table,
    tiles,
)
from acetate.evaluation.starter import GeneratedLayer, Reconstruction, StarterReport

DIFFERENCE_GAIN = 8
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
UNDER = ("checker", "black", "white")


def write_report(report: StarterReport, folder: Path) -> Path:
    """Write `report.html` and `report.json` into `folder`, made if it is missing; returns the HTML's path."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = json.dumps(as_json(report), indent=1, ensure_ascii=False) + "\n"
    (folder / "report.json").write_text(figures, encoding="utf-8")
    html = folder / "report.html"
    html.write_text(report_html(report), encoding="utf-8")
    return html


def report_html(report: StarterReport) -> str:
    """The whole report as one HTML document that needs no other file."""
    results = sorted(report.reconstructions, key=_seen_psnr)
    averages = reconstruction_figures(results)
    made = layer_figures(report) if report.layers else ()
    parts = [
        _declared(results, report.layers),
        tiles([(f.label, f.text(), f.meaning) for f in (*averages, *made) if f.key in HEADLINES]),
        _held_out_section(results, averages),
    ]
    if report.layers:
        parts.append(_layers_section(report, made))
        parts.append(_layer_pictures(report.layers))
    parts.append(_held_out_pictures(results))
    lead = (
        f"{len(results)} pictures that no training saw, there and back through latent transparency (decoded"
        f" as the median of {report.passes}), and {len(report.layers)} layers generated from prompts."
    )
    return page(f"How good is “{report.model}”?", lead, parts)


def difference(
    given: Float[Tensor, "4 h w"], decoded: Float[Tensor, "4 h w"], under: Float[Tensor, "3 h w"]
) -> Float[Tensor, "3 h w"]:
    """How two layers differ over one picture, enlarged by `DIFFERENCE_GAIN`: black where they look alike."""
    change = composite(given, under) - composite(decoded, under)
    return (change.abs() * DIFFERENCE_GAIN).clamp(0, 1)


def _held_out_section(results: Sequence[Reconstruction], averages: Sequence[Figure]) -> str:
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
    counts = [sum(low <= _seen_psnr(result) < high for result in results) for low, high in pairwise(edges)]
    names = ["below 20", "20 to 25", "25 to 30", "30 to 35", "35 to 40", "40 and more"]
    entries = [Bar(f"{name} dB", count, str(count)) for name, count in zip(names, counts, strict=True)]
    return bars("Pictures by nine-background PSNR", entries, max(counts))


def _layers_section(report: StarterReport, made: Sequence[Figure]) -> str:
    generated, data = report.generated(), report.data
    plots = "".join(
        bars(
            title,
            [
                Bar("generated", share, f"{share:.1%}"),
                Bar("training data", wanted, f"{wanted:.1%}", "var(--second)"),
            ],
            1.0,
        )
        for title, share, wanted in (
            ("Clear pixels", generated.clear, data.clear),
            ("Neither clear nor opaque", generated.partial, data.partial),
            ("Opaque pixels", generated.opaque, data.opaque),
        )
    )
    return section(
        "Generated layers: what their alpha is made of",
        "A model that has learned transparency leaves as many pixels clear, partial and opaque as the "
        "pictures that it learned from. Clear is an alpha of at most 1 in 255, opaque of at least 254.",
        table(["Figure", "Value", "What it says"], [[f.label, f.text(), f.meaning] for f in made], words=(0, 2)),
        f'<div class="plots">{plots}</div>',
    )


def _layer_pictures(layers: Sequence[GeneratedLayer]) -> str:
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
        f'<div class="layers">{"".join(cards)}</div>',
    )


def _held_out_pictures(results: Sequence[Reconstruction]) -> str:
    cards = []
    for index, result in enumerate(results):
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
            f"nine backgrounds {_seen_psnr(result):.1f} dB · alpha {result.alpha_psnr:.1f} dB, error"
            f" {result.alpha_mae:.4f}, overlap {result.alpha_iou:.3f} · colour {result.colour_psnr:.1f} dB ·"
            f" offset costs {result.rgb_without_offset - result.rgb_with_offset:.1f} dB</figcaption></figure>"
        )
    return section(
        "Held-out pictures, the worst first",
        f"Given, decoded, and their difference enlarged {DIFFERENCE_GAIN} times, over a checker, black and "
        "white. A difference that is the same over black and white is one of colour; else alpha is off.",
        f'<div class="cards">{"".join(cards)}</div>',
    )


def _declared(results: Sequence[Reconstruction], layers: Sequence[GeneratedLayer]) -> str:
    named = {f"layer{index}": layer_uri(layer.picture) for index, layer in enumerate(layers)}
    for index, result in enumerate(results):
        named[f"given{index}"] = layer_uri(result.given)
        named[f"decoded{index}"] = layer_uri(result.decoded)
        height, width = result.given.shape[-2:]
        plain = {"checker": checker(height, width), "black": torch.zeros(3, height, width)}
        for under, picture in {**plain, "white": torch.ones(3, height, width)}.items():
            named[f"gap{index}{under}"] = picture_uri(difference(result.given, result.decoded, picture))
    return pictures(named)


def _seen_psnr(result: Reconstruction) -> float:
    return fmean(result.background_psnr.values())
