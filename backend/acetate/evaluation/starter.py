"""The starter model measured: held-out pictures there and back, and the transparency of what it generates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from acetate.evaluation.bars import BARS
from acetate.evaluation.coverage import Coverage, mean_coverage
from acetate.evaluation.drawing import Generate, GeneratedLayer, draw_layers
from acetate.evaluation.figure import Figure, checks, values
from acetate.evaluation.held_out import HeldOut
from acetate.evaluation.transparency.figures import held_out_json
from acetate.evaluation.transparency.reconstruction import Parts, Reconstruction, reconstruct

Report = Callable[[str, int, int], None]
"""Told the stage (`held-out` or `layers`), how many of it are done, and how many there are."""


@dataclass(frozen=True)
class StarterReport:
    """Everything that an evaluation measured; `data` is the coverage of the pictures learned from."""

    model: str
    passes: int
    reconstructions: tuple[Reconstruction, ...]
    layers: tuple[GeneratedLayer, ...]
    data: Coverage

    def generated(self) -> Coverage:
        """The mean coverage of the generated layers. Raises ValueError when none were made."""
        return mean_coverage(layer.coverage for layer in self.layers)


def evaluate_starter(
    parts: Parts,
    held_out: HeldOut,
    generate: Generate,
    prompts: Sequence[str],
    *,
    model: str = "starter",
    seed: int = 0,
    report: Report = lambda stage, done, total: None,
) -> StarterReport:
    """Measure the latent transparency on held-out pictures, and one layer for each prompt.

    The layers' seeds are `seed`, `seed` + 1, and so on. `prompts` may be empty: then no layers are made.
    The parts keep their device and number type.
    """
    reconstructions = tuple(reconstruct(parts, held_out, lambda done, total: report("held-out", done, total)))
    layers = tuple(draw_layers(generate, prompts, seed, lambda done, total: report("layers", done, total)))
    return StarterReport(model, parts.passes, reconstructions, layers, held_out.coverage)


def layer_figures(report: StarterReport) -> tuple[Figure, ...]:
    """The averages over generated layers, next to the data's. Raises ValueError when none were made."""
    made, data = report.generated(), report.data
    outside = fmean(layer.shape.outside_largest_island for layer in report.layers)
    edge = fmean(layer.shape.edge_contact for layer in report.layers)
    seconds = fmean(layer.seconds for layer in report.layers)
    return (
        Figure("partial", "Neither clear nor opaque", made.partial, "%", f"in the data: {data.partial:.1%}"),
        Figure("clear", "Fully clear", made.clear, "%", f"in the data: {data.clear:.1%}"),
        Figure("opaque", "Fully opaque", made.opaque, "%", f"in the data: {data.opaque:.1%}"),
        Figure("outside", "Outside the largest island", outside, "%", "loose bits beside the subject; lower is better",
               BARS["outside"]),
        Figure("edge", "Touches the frame", edge, "%", "of the frame's border is covered: cut-off subjects",
               BARS["edge"]),
        Figure("seconds", "Time a layer", seconds, "s", "on this machine"),
    )  # fmt: skip


def as_json(report: StarterReport) -> dict[str, Any]:
    """Everything but the pictures: averages, also by kind and by background, and a row for each picture."""
    document: dict[str, Any] = {
        "model": report.model,
        "passes": report.passes,
        "held_out": held_out_json(report.reconstructions),
        "data": asdict(report.data),
    }
    if report.layers:
        figures = layer_figures(report)
        document["layers"] = {
            "count": len(report.layers),
            "size": report.layers[0].picture.shape[-1],
            "mean": values(figures),
            "checks": checks(figures),
            "each": [layer_row(layer) for layer in report.layers],
        }
    return document


def layer_row(layer: GeneratedLayer) -> dict[str, Any]:
    """One generated layer without its picture."""
    row = {"prompt": layer.prompt, "seed": layer.seed, "seconds": layer.seconds}
    return {**row, **asdict(layer.coverage), **asdict(layer.shape)}
