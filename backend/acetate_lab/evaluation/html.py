"""Building blocks of a self-contained HTML page: tables, tiles, bar plots, and pictures over several backgrounds."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from acetate_lab.evaluation.metric import Metric, with_threshold

CHECKER_CELL = 8
CHECKER_GREYS = (0.8, 0.6)


@dataclass(frozen=True)
class Bar:
    """One bar of a plot: its name, its length in the plot's unit, the text at its end, and a CSS colour."""

    name: str
    value: float
    text: str
    colour: str = "var(--accent)"


def page(title: str, lead: str, sections: Sequence[str]) -> str:
    """A whole HTML document that needs no other file; `sections` are markup, the other two plain text."""
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f'<header><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p></header>\n'
        + "\n".join(sections)
        + "\n</main>\n</body>\n</html>\n"
    )


def save(folder: Path, name: str, html: str, document: dict[str, Any]) -> Path:
    """Write `name`.html and `name`.json into `folder`, made if it is missing; returns the HTML's path."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    (folder / f"{name}.json").write_text(figures, encoding="utf-8")
    path = folder / f"{name}.html"
    path.write_text(html, encoding="utf-8")
    return path


def section(title: str, text: str, *parts: str) -> str:
    """A headed part of the page: an explanation in plain text, then markup."""
    return f"<section><h2>{escape(title)}</h2><p>{escape(text)}</p>\n" + "\n".join(parts) + "</section>"


def tiles(entries: Sequence[tuple[str, str, str]]) -> str:
    """Headline figures: (label, value, meaning), all plain text."""
    cells = (
        f'<div class="tile"><div class="label">{escape(label)}</div><div class="value">{escape(value)}</div>'
        f'<div class="meaning">{escape(meaning)}</div></div>'
        for label, value, meaning in entries
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def figure_tiles(figures: Sequence[Metric]) -> str:
    """Headline figures as tiles."""
    return tiles([(figure.label, figure.text(), figure.meaning) for figure in figures])


def figure_table(figures: Sequence[Metric]) -> str:
    """A row for each metric with its meaning; where any has a threshold, also that and whether it is met."""
    if not with_threshold(figures):
        rows = [[figure.label, figure.text(), figure.meaning] for figure in figures]
        return table(["Figure", "Value", "What it says"], rows, words=(0, 2))
    rows = [[f.label, f.text(), f.expected(), f.verdict(), f.meaning] for f in figures]
    return table(["Figure", "Value", "Bar", "Met", "What it says"], rows, words=(0, 3, 4))


def bar_section(figures: Sequence[Metric]) -> str:
    """The figures that are held to a bar, and how many meet theirs."""
    held = with_threshold(figures)
    met = sum(figure.met is True for figure in held)
    return section("Bars", f"What is wanted of a model: {met} of {len(held)} are met.", figure_table(held))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[int] = (0,)) -> str:
    """A table of plain text; the columns in `words` are aligned as text, the others as numbers."""

    def line(tag: str, cells: Sequence[str]) -> str:
        kinds = ("word" if index in words else "number" for index in range(len(cells)))
        marked = zip(kinds, cells, strict=True)
        return "<tr>" + "".join(f'<{tag} class="{kind}">{escape(cell)}</{tag}>' for kind, cell in marked) + "</tr>"

    body = "\n".join(line("td", row) for row in rows)
    return f'<div class="scroll"><table><thead>{line("th", head)}</thead><tbody>\n{body}</tbody></table></div>'


def bars(title: str, entries: Sequence[Bar], full: float) -> str:
    """Horizontal bars as inline SVG, on a scale from 0 to `full`."""
    names, length, end, row = 130, 190, 95, 26
    lines = []
    for index, bar in enumerate(entries):
        top = index * row
        width = max(0.0, min(1.0, bar.value / full if full > 0 else 0.0)) * length
        lines.append(
            f'<text x="{names - 10}" y="{top + 17}" text-anchor="end">{escape(bar.name)}</text>'
            f'<rect class="track" x="{names}" y="{top + 5}" width="{length}" height="16" rx="3"/>'
            f'<rect class="bar" x="{names}" y="{top + 5}" width="{width:.1f}" height="16" rx="3"'
            f' style="fill:{escape(bar.colour)}"/>'
            f'<text x="{names + length + 10}" y="{top + 17}">{escape(bar.text)}</text>'
        )
    size = f"0 0 {names + length + end} {row * len(entries)}"
    return (
        f'<figure class="plot"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="{size}" role="img" aria-label="{escape(title)}">{"".join(lines)}</svg></figure>'
    )


def pictures(names: Mapping[str, str]) -> str:
    """Declares pictures (CSS name → data URI) once, so that `shown` can put each over several backgrounds."""
    rules = "".join(f".p-{name}{{--picture:url({uri})}}\n" for name, uri in names.items())
    return f"<style>\n{rules}</style>"


def shown(name: str, label: str, under: str = "checker") -> str:
    """A declared picture over `checker`, `black`, `white` or `none`; `label` is its description."""
    text = escape(label)
    return f'<span class="picture p-{name} {under}" role="img" aria-label="{text}" title="{text}"></span>'


def layer_uri(layer: Float[Tensor, "4 h w"]) -> str:
    """A straight-alpha layer in [0, 1] as a PNG data URI."""
    return _uri(layer, "PNG", {"optimize": True})


def picture_uri(picture: Float[Tensor, "3 h w"]) -> str:
    """An opaque picture in [0, 1] as a JPEG data URI, for things that are only looked at."""
    return _uri(picture, "JPEG", {"quality": 85})


def checker(height: int, width: int) -> Float[Tensor, "3 h w"]:
    """The checker that the page shows layers over, as a picture."""
    cells = np.add.outer(np.arange(height) // CHECKER_CELL, np.arange(width) // CHECKER_CELL) % 2
    greys = np.where(cells == 0, *CHECKER_GREYS).astype(np.float32)
    return Tensor(np.repeat(greys[None], 3, axis=0))


def _uri(picture: Float[Tensor, "c h w"], kind: str, options: Mapping[str, int | bool]) -> str:
    pixels = (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
