"""The starter model measured: held-out pictures there and back, and the transparency of what it generates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from acetate_lab.evaluation.generation.generator import Generate, GeneratedLayer, draw_layers
from acetate_lab.evaluation.metric import Metric, checks, values
from acetate_lab.evaluation.outline import Outline, outline_of
from acetate_lab.evaluation.thresholds import THRESHOLDS
from acetate_lab.evaluation.transparency.reconstruction import Autoencoder, Reconstruction, reconstruct
from acetate_lab.evaluation.transparency.summary import held_out_json
from acetate_lab.metrics.coverage import Coverage, coverage_of, mean_coverage
from acetate_lab.metrics.held_out import KINDS, HeldOut

Report = Callable[[str, int, int], None]
"""Called with the stage (`held-out` or `layers`), the number done, and the total."""


@dataclass(frozen=True)
class StarterReport:
    """Everything that an evaluation measured.

    `data` is the coverage of the pictures learned from; `soft` are the prompts for things that are not solid.
    """

    model: str
    passes: int
    reconstructions: tuple[Reconstruction, ...]
    layers: tuple[GeneratedLayer, ...]
    data: Coverage
    soft: frozenset[str] = frozenset()

    def generated(self) -> Coverage:
        """The mean coverage of the generated layers. Raises ValueError when none were made."""
        return mean_coverage(layer.coverage for layer in self.layers)


def evaluate_starter(
    parts: Autoencoder,
    held_out: HeldOut,
    generate: Generate,
    prompts: Sequence[str],
    *,
    model: str = "starter",
    seed: int = 0,
    soft: Collection[str] = (),
    report: Report = lambda stage, done, total: None,
) -> StarterReport:
    """Measure the latent transparency on held-out pictures, and one layer for each prompt.

    Of the prompts, those in `soft` ask for things without a clear outline.
    The layers' seeds are `seed`, `seed` + 1, and so on. `prompts` may be empty: then no layers are made.
    The parts keep their device and number type.
    """
    reconstructions = tuple(reconstruct(parts, held_out, lambda done, total: report("held-out", done, total)))
    layers = tuple(draw_layers(generate, prompts, seed, lambda done, total: report("layers", done, total)))
    return StarterReport(model, parts.passes, reconstructions, layers, held_out.coverage, frozenset(soft))


def layer_figures(report: StarterReport) -> tuple[Metric, ...]:
    """The averages over generated layers, next to the data's. Raises ValueError when none were made."""
    made, data = report.generated(), report.data
    outside = fmean(layer.shape.outside_largest_island for layer in report.layers)
    edge = fmean(layer.shape.edge_contact for layer in report.layers)
    seconds = fmean(layer.seconds for layer in report.layers)
    return (
        Metric("partial", "Neither clear nor opaque", made.partial, "%", f"in the data: {data.partial:.1%}"),
        Metric("clear", "Fully clear", made.clear, "%", f"in the data: {data.clear:.1%}"),
        Metric("opaque", "Fully opaque", made.opaque, "%", f"in the data: {data.opaque:.1%}"),
        Metric("outside", "Outside the largest island", outside, "%", "loose bits beside the subject; lower is better",
               THRESHOLDS["outside"]),
        Metric("edge", "Touches the frame", edge, "%", "of the frame's border is covered: cut-off subjects",
               THRESHOLDS["edge"]),
        *_outline_figures(report),
        Metric("seconds", "Time a layer", seconds, "s", "on this machine"),
    )  # fmt: skip


def _outline_figures(report: StarterReport) -> tuple[Metric, ...]:
    """How clean the outlines of solid things are, next to those of the held-out ones; none when there are no layers."""
    solid = [layer for layer in report.layers if layer.prompt not in report.soft]
    if not solid:
        return ()
    original = [result.original[3:] for result in report.reconstructions if result.about.kind == KINDS[0]]
    shown = [outline_of(alpha) for alpha in original]

    def held_out(mean: Callable[[Outline], float], sign: str) -> str:
        return f"; of held-out ones {fmean(mean(each) for each in shown):{sign}}" if shown else ""

    partial = f"; of held-out ones {mean_coverage(map(coverage_of, original)).partial:.1%}" if original else ""
    return (
        Metric("within", "Alpha three pixels inside", fmean(each.outline.within for each in solid), "",
               f"of the outlines of solid things; 1 is crisp{held_out(lambda each: each.within, '.4f')}"),
        Metric("beyond", "Alpha three pixels outside", fmean(each.outline.beyond for each in solid), "",
               f"of the outlines of solid things; 0 is crisp{held_out(lambda each: each.beyond, '.4f')}"),
        Metric("hazy", "Solid things with a haze", fmean(each.outline.hazy for each in solid), "%",
               f"not clear more than ten pixels away{held_out(lambda each: each.hazy, '.1%')}"),
        Metric("solid_partial", "Partial, of solid things", fmean(each.coverage.partial for each in solid), "%",
               f"neither clear nor opaque{partial}"),
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
    return {**row, **asdict(layer.coverage), **asdict(layer.shape), **asdict(layer.outline)}
