"""The metrics of generation, each with the threshold for a model whose vocabulary is its data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from acetate_lab.evaluation.generation.measure import NEIGHBOURS, GenerationReport, JudgedLayer
from acetate_lab.evaluation.metric import Metric, checks, values
from acetate_lab.evaluation.starter import layer_row
from acetate_lab.evaluation.thresholds import THRESHOLDS
from acetate_lab.metrics.coverage import Coverage, mean_coverage

HOLE_LIMIT = 0.005
"""Less than this share of a subject's area is no hole but noise."""


@dataclass(frozen=True)
class SoftSubject:
    """How much of what is visible is partial, in generated layers and in the data's pictures of one soft thing."""

    name: str
    generated: float
    data: float


def generation_figures(report: GenerationReport) -> tuple[Metric, ...]:
    """All averages. Raises StatisticsError when no layers were made."""
    layers = report.layers
    return (
        *_subject_figures(report),
        *_alpha_figures(report),
        *_aspect_figures(report),
        Metric("copies", "Copies", _share(layers, lambda each: each.twin_distance <= report.view_distance), "%",
               "layers as near to one picture of the data as two views of it are to each other: memorised"),
        Metric("seconds", "Time a layer", fmean(each.layer.seconds for each in layers), "s", "on this machine"),
    )  # fmt: skip


def soft_subjects(report: GenerationReport) -> tuple[SoftSubject, ...]:
    """Every soft thing that was asked for."""
    names = dict.fromkeys(each.thing for each in report.layers if report.examples.is_soft(each.thing))
    return tuple(
        SoftSubject(
            name,
            fmean(_partial_of_visible(each.layer.coverage) for each in report.layers if each.thing == name),
            fmean(_partial_of_visible(report.examples.about[row].coverage) for row in report.examples.by_thing[name]),
        )
        for name in names
    )


def generated_coverage(report: GenerationReport) -> Coverage:
    """The mean coverage of the generated layers."""
    return mean_coverage(each.layer.coverage for each in report.layers)


def data_coverage(report: GenerationReport) -> Coverage:
    """The mean coverage of the data's pictures of the things that were asked for, each thing as often as asked."""
    about, rows = report.examples.about, report.examples.by_thing
    return mean_coverage(mean_coverage(about[row].coverage for row in rows[each.thing]) for each in report.layers)


def licences(report: GenerationReport) -> dict[str, int]:
    """How many of the data's pictures are under which licence, the most first."""
    return dict(Counter(example.shown.licence for example in report.examples.about).most_common())


def generation_json(report: GenerationReport) -> dict[str, Any]:
    """Everything but the pictures."""
    figures = generation_figures(report)
    things = report.examples.things
    return {
        "model": report.model,
        "size": report.size,
        "layers": len(report.layers),
        "mean": values(figures),
        "checks": checks(figures),
        "judge_on_data": asdict(report.ceiling),
        "frechet_of_data": report.frechet_floor,
        "view_distance": report.view_distance,
        "data": asdict(data_coverage(report)),
        "held_out": asdict(report.held_out),
        "licences": licences(report),
        "aspects": {
            some.name: [
                {
                    **layer_row(each.layer),
                    "thing": each.thing,
                    "recognised": each.recognised,
                    "doubled": each.doubled,
                }
                for each in some.layers
            ]
            for some in report.aspects
        },
        "soft": [asdict(subject) for subject in soft_subjects(report)],
        "each": [
            {
                **layer_row(each.layer),
                "thing": each.thing,
                "rank": each.rank,
                "guess": each.guess,
                "neighbours": [things[row] for row in each.neighbours],
                "twin": things[each.twin],
                "twin_distance": each.twin_distance,
                "excess_holes": each.excess_holes,
            }
            for each in report.layers
        ],
        "colours": [
            {"thing": each.thing, "asked": each.asked, "found": each.found, "seed": each.layer.seed}
            for each in report.colours
        ],
    }


def _subject_figures(report: GenerationReport) -> tuple[Metric, ...]:
    layers, things, ceiling = report.layers, report.examples.things, report.ceiling

    def neighbours(count: int) -> float:
        return _share(layers, lambda each: each.thing in [things[row] for row in each.neighbours[:count]])

    found = [
        Metric("judge", "The judge itself", ceiling.top1, "%",
               "its first guess is right on the data; where it is not, it says little of layers", THRESHOLDS["judge"]),
        Metric("top1", "Subject recognised", _share(layers, lambda each: each.rank == 1), "%",
               f"the judge's first guess is what was asked for; on the data itself {ceiling.top1:.1%}"),
        Metric("top5", "Subject among five guesses", _share(layers, lambda each: each.rank <= NEIGHBOURS), "%",
               f"it is among the judge's first five guesses; on the data itself {ceiling.top5:.1%}"),
        Metric("nearest1", "Nearest picture shows it", neighbours(1), "%",
               f"the nearest of the data shows what was asked for; on the data itself {ceiling.nearest1:.1%}",
               THRESHOLDS["nearest1"]),
        Metric("nearest5", "Among five nearest", neighbours(NEIGHBOURS), "%",
               f"one of the five nearest of the data does; on the data itself {ceiling.nearest5:.1%}",
               THRESHOLDS["nearest5"]),
        Metric("frechet", "Fréchet distance", report.frechet, "",
               f"of layers and data as the judge sees them; as many pictures of the data: {report.frechet_floor:.2f}"),
    ]  # fmt: skip
    if report.colours:
        right = fmean(each.found == each.asked for each in report.colours)
        found.append(
            Metric(
                "colour",
                "Asked colour dominant",
                right,
                "%",
                "of things asked for in six colours",
                THRESHOLDS["colour"],
            )
        )
    return tuple(found)


def _alpha_figures(report: GenerationReport) -> tuple[Metric, ...]:
    layers, examples = report.layers, report.examples
    made, data = generated_coverage(report), data_coverage(report)
    hard = [each for each in layers if not examples.is_soft(each.thing)]
    soft = soft_subjects(report)

    def of_data(part: str) -> float:
        """The data's mean of a part of its shapes, each thing as often as it was asked for."""
        rows = [examples.by_thing[each.thing] for each in layers]
        return fmean(fmean(getattr(examples.about[row].shape, part) for row in some) for some in rows)

    outside = fmean(each.layer.shape.outside_largest_island for each in layers)
    edge = fmean(each.layer.shape.edge_contact for each in layers)
    found = [
        Metric("clear_gap", "Clear share off", abs(made.clear - data.clear), "%",
               f"layers {made.clear:.1%}, the data's pictures of the same things {data.clear:.1%}",
               THRESHOLDS["clear_gap"]),
        Metric("opaque_gap", "Opaque share off", abs(made.opaque - data.opaque), "%",
               f"layers {made.opaque:.1%}, the data's pictures of the same things {data.opaque:.1%}",
               THRESHOLDS["opaque_gap"]),
        Metric("outside", "Outside the largest island", outside, "%",
               f"loose bits beside the subject; in the data {of_data('outside_largest_island'):.1%}",
               THRESHOLDS["outside"]),
        Metric("edge", "Touches the frame", edge, "%",
               f"of the frame's border is covered; in the data {of_data('edge_contact'):.1%}", THRESHOLDS["edge"]),
    ]  # fmt: skip
    if hard:
        holed = _share(hard, lambda each: each.excess_holes > HOLE_LIMIT)
        found.append(
            Metric("holes", "Holes in opaque parts", holed, "%", "of solid things have some that their pictures lack",
                   THRESHOLDS["holes"])
        )  # fmt: skip
    if soft:
        gap = fmean(abs(subject.generated - subject.data) for subject in soft)
        found.append(
            Metric("soft_gap", "Soft subjects' partial share off", gap, "%", "average over smoke, glass and their like",
                   THRESHOLDS["soft_gap"])
        )  # fmt: skip
    return tuple(found)


def _aspect_figures(report: GenerationReport) -> tuple[Metric, ...]:
    return tuple(
        Metric(
            f"doubled_{some.name}",
            f"Drawn twice at {some.name}",
            fmean(each.doubled for each in some.layers),
            "%",
            f"subjects twice along the target; {fmean(each.recognised for each in some.layers):.1%} are recognised, "
            f"{fmean(each.layer.shape.edge_contact for each in some.layers):.1%} of the frame is covered",
            THRESHOLDS["doubled"],
        )
        for some in report.aspects
    )


def _share(layers: Sequence[JudgedLayer], true_of: Callable[[JudgedLayer], bool]) -> float:
    return fmean(true_of(each) for each in layers)


def _partial_of_visible(coverage: Coverage) -> float:
    visible = coverage.partial + coverage.opaque
    return coverage.partial / visible if visible else 0.0
