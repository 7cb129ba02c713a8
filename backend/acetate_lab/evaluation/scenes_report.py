"""The report of an evaluation of scenes: one HTML file with every scene's layers, and its figures as JSON beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from acetate_lab.evaluation.html import figure_tiles, layer_uri, page, picture_uri, pictures, save, section, shown
from acetate_lab.evaluation.metric import values
from acetate_lab.evaluation.scenes import Scene, scene_figures
from acetate_lab.metrics.over_backgrounds import composite

PICTURES = ("foreground", "background", "blend")


def scenes_json(model: str, scenes: Sequence[Scene]) -> dict[str, Any]:
    """Everything but the pictures: the averages, and a row for each scene."""
    return {
        "model": model,
        "scenes": len(scenes),
        "mean": values(scene_figures(scenes)),
        "each": [{name: value for name, value in asdict(scene).items() if name not in PICTURES} for scene in scenes],
    }


def write_scenes_report(model: str, scenes: Sequence[Scene], folder: Path) -> Path:
    """Write `scenes.html` and `scenes.json` into `folder`, made if it is missing; returns the HTML's path."""
    return save(folder, "scenes", scenes_html(model, scenes), scenes_json(model, scenes))


def scenes_html(model: str, scenes: Sequence[Scene]) -> str:
    """The whole report as one HTML document that needs no other file; the scenes that agree least come first."""
    worst_first = sorted(scenes, key=lambda scene: scene.standing)
    cards = section(
        "Scenes, the worst first",
        "Each row is one scene: its foreground, its background, the foreground over the background, and the blend that "
        "was drawn beside them. The last two should look alike.",
        f'<div class="cards">{"".join(_card(index, scene) for index, scene in enumerate(worst_first))}</div>',
    )
    lead = f"{len(scenes)} scenes, each drawn as three layers side by side: do the layers agree with their blend?"
    return page(f"Scenes of “{model}”", lead, [_declared(worst_first), figure_tiles(scene_figures(scenes)), cards])


def _card(index: int, scene: Scene) -> str:
    fore, back = scene.prompts
    views = (
        shown(f"fore{index}", f"{fore}, foreground"),
        shown(f"back{index}", f"{back}, background", "none"),
        shown(f"over{index}", f"{fore} over {back}", "none"),
        shown(f"blend{index}", f"{fore}, {back}, blend", "none"),
    )
    return (
        f'<figure class="card"><h3>{escape(fore)}<span class="note">{escape(back)}, seed {scene.seed}</span></h3>'
        f'<div class="matrix">{"".join(views)}</div><figcaption class="note">'
        f"whole picture {scene.agreement:.3f} · where the layer stands {scene.standing:.3f}, another layer there "
        f"{scene.chance:.3f}</figcaption></figure>"
    )


def _declared(scenes: Sequence[Scene]) -> str:
    named: dict[str, str] = {}
    for index, scene in enumerate(scenes):
        named[f"fore{index}"] = layer_uri(scene.foreground)
        named[f"back{index}"] = picture_uri(scene.background)
        named[f"over{index}"] = picture_uri(composite(scene.foreground, scene.background))
        named[f"blend{index}"] = picture_uri(scene.blend)
    return pictures(named)
