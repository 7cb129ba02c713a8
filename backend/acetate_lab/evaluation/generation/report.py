"""The report of generation: one HTML file with plots and every layer, and its figures as JSON beside it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from acetate_lab.evaluation.generation.examples import straight
from acetate_lab.evaluation.generation.measure import COLOURS, ColourTry, GenerationReport, JudgedLayer
from acetate_lab.evaluation.generation.summary import (
    SoftSubject,
    data_coverage,
    generated_coverage,
    generation_figures,
    generation_json,
    licences,
    soft_subjects,
)
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

HEADLINES = ("top1", "nearest1", "nearest5", "colour", "clear_gap", "outside", "copies", "seconds")
SWATCHES = {"red": "#d33", "yellow": "#dc2", "green": "#3a4", "blue": "#36d", "purple": "#83c", "pink": "#e6a"}


def write_generation_report(report: GenerationReport, folder: Path) -> Path:
    """Write `generation.html` and `generation.json` into `folder`; returns the HTML's path."""
    return save(folder, "generation", generation_html(report), generation_json(report))


def generation_html(report: GenerationReport) -> str:
    """The whole report as one HTML document that needs no other file."""
    figures = generation_figures(report)
    size = report.size
    lead = (
        f"{len(report.layers)} layers of {size} x {size} pixels drawn from what the data shows, and "
        f"{len(report.colours)} in asked colours; every seed is fixed and every layer is shown. The judge is a small "
        f"classifier trained on the same data; on fresh views of the data it names {report.ceiling.top1:.1%} at once."
    )
    parts = [
        figure_tiles([figure for figure in figures if figure.key in HEADLINES]),
        bar_section(figures),
        section(
            "Other figures",
            "For these nothing is wanted; they say how to read the others.",
            figure_table([figure for figure in figures if figure.bar is None]),
        ),
        _alpha_section(report),
        _layers_section(report),
    ]
    soft = soft_subjects(report)
    if soft:
        parts.insert(4, _soft_section(soft))
    if report.aspects:
        parts.append(_aspects_section(report))
    if report.colours:
        parts.append(_colour_section(report.colours))
    return page(f"What “{report.model}” draws", lead, parts)


def _alpha_section(report: GenerationReport) -> str:
    made, data, stated = generated_coverage(report), data_coverage(report), report.held_out
    plots = "".join(
        bars(
            title,
            [
                Bar("layers", getattr(made, share), f"{getattr(made, share):.1%}"),
                Bar("same things", getattr(data, share), f"{getattr(data, share):.1%}", "var(--second)"),
                Bar("held out", getattr(stated, share), f"{getattr(stated, share):.1%}", "var(--second)"),
            ],
            1.0,
        )
        for title, share in (
            ("Clear pixels", "clear"),
            ("Neither clear nor opaque", "partial"),
            ("Opaque pixels", "opaque"),
        )
    )
    return section(
        "What their alpha is made of",
        "Layers beside the data's pictures of the same things, and beside what is stated with the pictures that no "
        "training saw.",
        f'<div class="plots">{plots}</div>',
    )


def _soft_section(soft: Sequence[SoftSubject]) -> str:
    plots = "".join(
        bars(
            subject.name,
            [
                Bar("layers", subject.generated, f"{subject.generated:.0%}"),
                Bar("data", subject.data, f"{subject.data:.0%}", "var(--second)"),
            ],
            1.0,
        )
        for subject in soft
    )
    return section(
        "Soft subjects",
        "How much of what is visible is partial: smoke and glass should be as thin as the pictures of them.",
        f'<div class="plots">{plots}</div>',
    )


def _layers_section(report: GenerationReport) -> str:
    worst_first = sorted(report.layers, key=lambda each: (-each.rank, each.layer.prompt))
    named: dict[str, str] = {}
    cards = []
    for index, each in enumerate(worst_first):
        named[f"layer{index}"] = layer_uri(each.layer.picture)
        for row in (each.neighbours[0], each.twin):
            named[f"data{row}"] = layer_uri(straight(report.examples.views[row]))
        cards.append(_layer_card(index, each, report))
    return section(
        "Every layer, those that were not recognised first",
        "The layer, then the nearest picture of the data in the judge's eyes and the nearest in pixels. A layer that "
        "looks just like its neighbour was memorised rather than understood. The data's pictures are under "
        f"{', '.join(f'{licence} ({count})' for licence, count in licences(report).items())}.",
        pictures(named),
        f'<div class="layers">{"".join(cards)}</div>',
    )


def _layer_card(index: int, each: JudgedLayer, report: GenerationReport) -> str:
    things = report.examples.things
    near, twin = things[each.neighbours[0]], things[each.twin]
    views = (
        shown(f"layer{index}", each.layer.prompt),
        shown(f"data{each.neighbours[0]}", f"nearest in the judge's eyes: {near}"),
        shown(f"data{each.twin}", f"nearest in pixels: {twin}"),
    )
    guess = "recognised" if each.rank == 1 else f"taken for {each.guess}; asked is guess {each.rank}"
    copy = " · a copy" if each.twin_distance <= report.view_distance else ""
    return (
        f'<figure class="card"><div class="trio">{"".join(views)}</div>'
        f'<figcaption><h3>{escape(each.layer.prompt)}</h3><div class="note">{escape(guess)}<br>'
        f"nearest: {escape(near)}{copy}<br>seed {each.layer.seed}</div></figcaption></figure>"
    )


def _aspects_section(report: GenerationReport) -> str:
    found = [
        (f"{some.name} {number}", some.name, each) for some in report.aspects for number, each in enumerate(some.layers)
    ]
    cards = "".join(
        f'<figure class="card"><div>{shown(key, each.layer.prompt)}</div>'
        f"<figcaption><h3>{escape(each.layer.prompt)}</h3>"
        f'<div class="note">{escape(name)}{", drawn twice" if each.doubled else ""}</div></figcaption></figure>'
        for key, name, each in found
    )
    return section(
        "Other shapes than a square",
        "The same prompts and seeds on other targets: a lone subject keeps its shape, with clear margins.",
        pictures({key: layer_uri(each.layer.picture) for key, _, each in found}),
        f'<div class="layers">{cards}</div>',
    )


def _colour_section(tries: Sequence[ColourTry]) -> str:
    right = {colour: [each.found == each.asked for each in tries if each.asked == colour] for colour in COLOURS}
    entries = [
        Bar(colour, sum(found) / len(found), f"{sum(found)} of {len(found)}", SWATCHES[colour])
        for colour, found in right.items()
    ]
    cards = "".join(
        f'<figure class="card"><div>{shown(f"colour{index}", f"{each.asked} {each.thing}")}</div>'
        f"<figcaption><h3>{escape(f'{each.asked} {each.thing}')}</h3>"
        f'<div class="note">{"as asked" if each.found == each.asked else escape(each.found or "no one colour")}</div>'
        "</figcaption></figure>"
        for index, each in enumerate(tries)
    )
    return section(
        "Asked colours",
        "Each thing in six colours: is the asked one the colour that most of the layer's visible pixels have?",
        pictures({f"colour{index}": layer_uri(each.layer.picture) for index, each in enumerate(tries)}),
        f'<div class="plots">{bars("Asked colour dominant", entries, 1.0)}</div>',
        f'<div class="layers">{cards}</div>',
    )
