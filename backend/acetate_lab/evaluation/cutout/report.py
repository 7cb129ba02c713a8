"""The report of native layers against cut-outs: one HTML file, JSON beside it, and pairs of pictures for a study."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from statistics import fmean

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from acetate_lab.evaluation.cutout.measure import NATIVE, CutoutResult
from acetate_lab.evaluation.cutout.summary import (
    MEASURES,
    by_background,
    chosen,
    cutout_json,
    kinds,
    method_figures,
    method_names,
    pairwise_comparisons,
)
from acetate_lab.evaluation.html import Bar, bars, layer_uri, page, picture_uri, pictures, save, section, shown, table
from acetate_lab.evaluation.study.pairs import CUT_OUT_SUFFIX, NATIVE_SUFFIX
from acetate_lab.metrics.over_backgrounds import composite

COMPARED = (
    "Nothing is drawn by the model here. For each subject the true layer is known, colour and alpha. Native is that "
    "layer encoded with its transparency and decoded again: what latent transparency keeps of it. Each cut-out starts "
    "from the true layer over a background, flattened without any loss. Closed-form and KNN matting also get a trimap "
    "made from the true alpha, which a person would have to paint, and are so favoured; a chroma key takes the colour "
    "of the frame's border for its key. All results are compared with the true layer."
)
STUDY_WAY = "closed-form"


def write_cutout_report(
    model: str, results: Sequence[CutoutResult], backgrounds: Mapping[str, Float[Tensor, "3 h w"]], folder: Path
) -> Path:
    """Write `cutout.html`, `cutout.json` and `pairs/` into `folder`; returns the HTML's path.

    `pairs` has, for each subject, the native layer and one closed-form cut-out as pictures, for `acetate study`.
    """
    path = save(folder, "cutout", cutout_html(model, results, backgrounds), cutout_json(model, results))
    _write_pairs(results, folder / "pairs")
    return path


def cutout_html(model: str, results: Sequence[CutoutResult], backgrounds: Mapping[str, Float[Tensor, "3 h w"]]) -> str:
    """The whole report as one HTML document that needs no other file."""
    subjects = {id(each.subject) for each in results}
    lead = f"{len(subjects)} known layers, each native and cut out of {len(backgrounds)} backgrounds in every way."
    return page(
        f"“{model}” against cut-outs",
        lead,
        [
            section("What is compared", COMPARED, _duel_table(results)),
            section("All kinds", "Averages over all subjects and backgrounds.", _method_table(results)),
            _background_section(results),
            *(_kind_section(results, kind) for kind in kinds(results)),
            _pictures_section(results, backgrounds),
        ],
    )


def _duel_table(results: Sequence[CutoutResult]) -> str:
    rows = [
        [duel.method, str(duel.cut_outs), f"{duel.nearer_alpha:.0%}", f"{duel.nearer_seen:.0%}"]
        for duel in pairwise_comparisons(results)
    ]
    return table(["Way of cutting out", "Cut-outs", "Native's alpha is nearer", "Native looks nearer"], rows)


def _method_table(results: Sequence[CutoutResult], kind: str | None = None) -> str:
    columns = {method: method_figures(chosen(results, method, kind)) for method in method_names(results)}
    rows = [
        [label, *(figures[index].text() for figures in columns.values()), meaning]
        for index, (_, label, _, meaning) in enumerate(MEASURES)
    ]
    return table(["Figure", *columns, "What it says"], rows, words=(0, len(columns) + 1))


def _background_section(results: Sequence[CutoutResult]) -> str:
    native = fmean(each.nine_psnr for each in chosen(results, NATIVE))
    found = by_background(results)
    head = ["Cut out of", *next(iter(found.values()))]
    rows = [[background, *(f"{psnr:.2f} dB" for psnr in row.values())] for background, row in found.items()]
    return section(
        "Over each background",
        "Nine-background PSNR of what was cut out of it: a chroma key needs a plain screen, matting a background "
        f"unlike the subject. Native layers never had a background: {native:.2f} dB.",
        table(head, rows),
    )


def _kind_section(results: Sequence[CutoutResult], kind: str) -> str:
    names = dict.fromkeys(each.subject.name for each in results if each.subject.kind == kind)
    found = {
        method: {figure.key: figure for figure in method_figures(chosen(results, method, kind))}
        for method in method_names(results)
    }
    plots = []
    for key, title in (
        ("nine_psnr", "Seen over nine backgrounds (dB, more is better)"),
        ("sad", "Alpha SAD (less is better)"),
    ):
        entries = [
            Bar(
                method,
                figures[key].value,
                figures[key].text(),
                "var(--accent)" if method == NATIVE else "var(--second)",
            )
            for method, figures in found.items()
        ]
        plots.append(bars(title, entries, max(entry.value for entry in entries)))
    return section(
        kind.capitalize(),
        f"Subjects: {', '.join(names)}.",
        _method_table(results, kind),
        f'<div class="plots">{"".join(plots)}</div>',
    )


def _pictures_section(results: Sequence[CutoutResult], backgrounds: Mapping[str, Float[Tensor, "3 h w"]]) -> str:
    named: dict[str, str] = {}
    cards = []
    for index, native in enumerate(chosen(results, NATIVE)):
        subject, background = native.subject, _background_for(index, backgrounds)
        here = [each for each in results if each.subject is subject and each.background in ("", background)]
        named[f"true{index}"] = layer_uri(subject.layer)
        named[f"flat{index}"] = picture_uri(composite(subject.layer, backgrounds[background]))
        cells = [
            _cell(shown(f"flat{index}", f"{subject.name} over {background}", "none"), f"over {background}"),
            _cell(shown(f"true{index}", f"{subject.name}, true"), "true layer"),
        ]
        for place, each in enumerate(here):
            named[f"way{index}-{place}"] = layer_uri(each.layer)
            views = shown(f"way{index}-{place}", f"{subject.name}, {each.method}")
            cells.append(_cell(views, f"{each.method} · {each.nine_psnr:.1f} dB"))
        cards.append(
            f'<figure class="card"><h3>{escape(subject.name)}<span class="note">{escape(subject.kind)}</span></h3>'
            f'<div class="matrix">{"".join(cells)}</div></figure>'
        )
    return section(
        "Every subject, over one of its backgrounds",
        "The flattened picture, the true layer, and what each way made of it.",
        pictures(named),
        f'<div class="cards">{"".join(cards)}</div>',
    )


def _cell(view: str, note: str) -> str:
    return f'<div>{view}<span class="note">{escape(note)}</span></div>'


def _background_for(index: int, backgrounds: Mapping[str, Float[Tensor, "3 h w"]]) -> str:
    """Another background for each subject in turn."""
    names = list(backgrounds)
    return names[index % len(names)]


def _write_pairs(results: Sequence[CutoutResult], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for suffix in (NATIVE_SUFFIX, CUT_OUT_SUFFIX):
        for old in folder.glob(f"*{suffix}"):
            old.unlink()
    for index, native in enumerate(chosen(results, NATIVE)):
        cuts = [each for each in chosen(results, STUDY_WAY) if each.subject is native.subject]
        if cuts:
            kind = re.sub(r"\W+", "-", native.subject.kind)
            name = f"{kind}.{index:02d}-" + re.sub(r"\W+", "-", native.subject.name)
            for result, suffix in ((native, NATIVE_SUFFIX), (cuts[index % len(cuts)], CUT_OUT_SUFFIX)):
                pixels = (result.layer.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
                Image.fromarray(pixels).save(folder / f"{name}{suffix}")
