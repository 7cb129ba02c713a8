"""The report of a study: the percentage for native layers with its interval, by kind and by pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from acetate_lab.evaluation.html import Bar, bars, page, save, section, table, tiles
from acetate_lab.evaluation.study.votes import CONFIDENCE, Share, StudyResult


def study_json(result: StudyResult) -> dict[str, Any]:
    """Everything that was counted; shares and their limits in [0, 1]."""
    return {
        "study": result.study,
        "people": result.people,
        "confidence": CONFIDENCE,
        "overall": _row(result.overall),
        "kinds": [_row(share) for share in result.kinds],
        "pairs": [_row(share) for share in result.pairs],
    }


def write_study_report(result: StudyResult, folder: Path) -> Path:
    """Write `study-result.html` and `study-result.json` into `folder`; returns the HTML's path."""
    return save(folder, "study-result", study_html(result), study_json(result))


def study_html(result: StudyResult) -> str:
    """The whole report as one HTML document that needs no other file."""
    overall = result.overall
    lead = (
        f"{result.people} people chose between a native layer and a cut-out {overall.votes} times, not knowing "
        "which is which."
    )
    parts = [
        tiles(
            [
                ("Native preferred", f"{overall.share:.1%}", "of all votes"),
                ("Between", f"{overall.low:.1%} and {overall.high:.1%}", f"Wilson interval, {CONFIDENCE:.0%} sure"),
                ("Votes", str(overall.votes), f"of {result.people} people"),
            ]
        )
    ]
    if result.kinds:
        parts.append(_section("By kind", "Which subjects gain most.", result.kinds))
    parts.append(_section("By pair", "Every pair of the study.", result.pairs))
    return page("Native or cut-out?", lead, parts)


def _section(title: str, text: str, shares: Sequence[Share]) -> str:
    entries = [Bar(share.label, share.share, f"{share.share:.0%}") for share in shares]
    rows = [
        [share.label, f"{share.native} of {share.votes}", f"{share.share:.1%}", f"{share.low:.1%} to {share.high:.1%}"]
        for share in shares
    ]
    return section(
        title,
        text,
        f'<div class="plots">{bars("Native preferred", entries, 1.0)}</div>',
        table(["", "Votes for native", "Share", f"{CONFIDENCE:.0%} interval"], rows),
    )


def _row(share: Share) -> dict[str, Any]:
    return {**asdict(share), "share": share.share}
