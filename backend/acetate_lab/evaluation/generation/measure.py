"""What a model draws from prompts, judged: is the subject there, is the colour, is the alpha like the data's?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from acetate_lab.evaluation.classifier.model import SubjectClassifier, features_of, ranked_classes
from acetate_lab.evaluation.generation.aspects import (
    ASPECTS,
    AspectLayer,
    AspectLayers,
    GenerateAt,
    draw_at,
    is_doubled,
    middle_of,
)
from acetate_lab.evaluation.generation.examples import Examples, small_view
from acetate_lab.evaluation.generation.generator import (
    Generate,
    GeneratedLayer,
    Keep,
    draw_layers,
    evaluation_prompts,
    keep_nothing,
)
from acetate_lab.evaluation.generation.similarity import frechet_distance, nearest, nearest_pixels
from acetate_lab.metrics.coverage import Coverage

NEIGHBOURS = 5
REFERENCE_EACH = 3
"""Pictures of each thing that the Fréchet distance is taken to, so that no thing outweighs the others."""
HOLE_LEEWAY = 1.5
"""How much larger than in any picture of the same thing a hole may be before it counts: rings are drawn thin, too."""
COLOURS = ("red", "yellow", "green", "blue", "purple", "pink")
COLOUR_THINGS = (
    *(
        "car",
        "umbrella",
        "balloon",
        "book",
        "fish",
        "butterfly",
        "bird",
        "house",
        "t-shirt",
        "boot",
        "star",
        "gift box",
    ),
    *("rocket", "guitar", "flower", "cup", "hat", "chair", "backpack", "key", "truck", "crown", "dress", "ring"),
)
"""Things that come in any colour; the colour test takes the first twelve that a model knows."""
COLOUR_THING_COUNT = 12

ColourOf = Callable[[UInt8[np.ndarray, "h w 4"]], str]
"""The word for the colour that most of a straight-alpha picture has, empty where none has most."""

Report = Callable[[str, int, int], None]
"""Called with the stage (`layers`, `colours` or `aspects`), the number done, and the total."""


@dataclass(frozen=True)
class PromptCase:
    """A prompt, and the class of the data that its layer should show."""

    prompt: str
    thing: str


@dataclass(frozen=True)
class Ceiling:
    """What the judge finds in fresh views of the data itself, which no model can be expected to surpass by much.

    The shares of right first guesses and of right ones among five, and of nearest pictures that show the right thing.
    """

    top1: float
    top5: float
    nearest1: float
    nearest5: float


@dataclass(frozen=True, eq=False)
class JudgedLayer:
    """One generated layer, the thing that it should show, and what was found.

    `rank` is the place of that thing among the judge's guesses, 1 the first; `guess` that first one. `neighbours`
    are the rows of the examples that are nearest in the judge's features, `twin` the one nearest in pixels, and
    `twin_distance` the root mean square difference to it. `excess_holes` is the share of the subject's area that is
    enclosed clear pixels beyond what pictures of the thing have.
    """

    layer: GeneratedLayer
    thing: str
    rank: int
    guess: str
    neighbours: tuple[int, ...]
    twin: int
    twin_distance: float
    excess_holes: float


@dataclass(frozen=True, eq=False)
class ColourTry:
    """One layer of the colour test: the prompted colour, and the dominant one, empty where there is none."""

    thing: str
    asked: str
    found: str
    layer: GeneratedLayer


@dataclass(frozen=True, eq=False)
class GenerationReport:
    """Everything that an evaluation of generation measured.

    `frechet_floor` is the distance of as many fresh views of the same things as there are layers. `view_distance` is
    the usual difference of two views of one picture: a layer nearer than that to a picture is a copy. `held_out` is
    the coverage of pictures that no training saw, or what is stated with them. `aspects` are layers of the first
    prompts and seeds again on targets that are no squares.
    """

    model: str
    layers: tuple[JudgedLayer, ...]
    colours: tuple[ColourTry, ...]
    examples: Examples
    ceiling: Ceiling
    frechet: float
    frechet_floor: float
    view_distance: float
    held_out: Coverage
    aspects: tuple[AspectLayers, ...] = ()

    @property
    def size(self) -> int:
        """The side in pixels of the layers."""
        return self.layers[0].layer.picture.shape[-1]


def evaluate_generation(
    generate: Generate,
    examples: Examples,
    judge: SubjectClassifier,
    colour_of: ColourOf,
    asked: Sequence[PromptCase],
    colour_things: Sequence[str],
    held_out: Coverage,
    *,
    model: str,
    seed: int = 0,
    report: Report = lambda stage, done, total: None,
    keep: Keep = keep_nothing,
    generate_at: GenerateAt | None = None,
    aspect_layers: int = 0,
) -> GenerationReport:
    """Draw a layer for each of two or more prompts and for each thing in each colour, and judge them.

    With `generate_at`, so many of the prompts are drawn again at each of `ASPECTS`, with the same seeds.

    `keep` may have layers from a run that was stopped. The layers' seeds count up from `seed`, and those
    of the colour test again from `seed`.
    """
    prompts = [each.prompt for each in asked]
    layers = tuple(draw_layers(generate, prompts, seed, lambda done, total: report("layers", done, total), keep))
    pairs = [(thing, colour) for thing in colour_things for colour in COLOURS]
    texts = [f"{colour} {thing}" for thing, colour in pairs]
    coloured = draw_layers(generate, texts, seed, lambda done, total: report("colours", done, total), keep)
    tries = tuple(
        ColourTry(thing, colour, colour_of(_pixels(layer.picture)), layer)
        for (thing, colour), layer in zip(pairs, coloured, strict=True)
    )
    again = asked[:aspect_layers]
    aspects = tuple(
        _at_aspect(generate_at, name, again, layers, judge, seed, _counted(report, number, len(again)), keep)
        for number, name in enumerate(ASPECTS if generate_at is not None and again else ())
        if generate_at is not None
    )
    views = torch.cat([small_view(layer.picture[None]) for layer in layers])
    features, bank = features_of(judge, views), features_of(judge, examples.views)
    fresh = features_of(judge, examples.fresh)
    things = [each.thing for each in asked]
    reference = [row for thing in dict.fromkeys(things) for row in examples.by_thing[thing][:REFERENCE_EACH]]
    perfect = [_pick(examples.by_thing[thing], seed + index) for index, thing in enumerate(things)]
    return GenerationReport(
        model=model,
        layers=tuple(_judge_layers(layers, things, views, features, bank, examples, judge)),
        colours=tries,
        examples=examples,
        ceiling=_ceiling(judge, examples, nearest(fresh, bank, NEIGHBOURS)),
        frechet=frechet_distance(features, bank[reference]),
        frechet_floor=frechet_distance(fresh[perfect], bank[reference]),
        view_distance=median((examples.views - examples.fresh).square().flatten(1).mean(dim=1).sqrt().tolist()),
        held_out=held_out,
        aspects=aspects,
    )


def prompts_for(known: Collection[str] | None, examples: Examples, count: int) -> tuple[PromptCase, ...]:
    """`count` prompts for things that the data shows and the model knows (None: all), evenly spread.

    A thing that comes again is asked for in its next prompt. Raises ValueError when there are no such things.
    """
    shown = sorted(thing for thing in examples.by_thing if known is None or thing in known)
    if not shown:
        raise ValueError("the model knows none of the things that the data shows: give the data that it learned from")
    asked: list[PromptCase] = []
    came: Counter[str] = Counter()
    for thing in evaluation_prompts(shown, count):
        prompts = examples.prompts(thing)
        asked.append(PromptCase(prompts[came[thing] % len(prompts)], thing))
        came[thing] += 1
    return tuple(asked)


def colour_things_for(known: Collection[str] | None) -> tuple[str, ...]:
    """The things of the colour test that the model knows (None: all), twelve at most."""
    return tuple(thing for thing in COLOUR_THINGS if known is None or thing in known)[:COLOUR_THING_COUNT]


def _at_aspect(
    generate_at: GenerateAt,
    name: str,
    asked: Sequence[PromptCase],
    squares: Sequence[GeneratedLayer],
    judge: SubjectClassifier,
    seed: int,
    report: Callable[[int, int], None],
    keep: Keep,
) -> AspectLayers:
    """The first prompts again on targets of this shape, judged by their middle and beside the squares."""
    layers = draw_at(generate_at, name, [each.prompt for each in asked], seed, report, keep)
    views = torch.cat([small_view(middle_of(layer.picture)[None]) for layer in layers])
    guesses = ranked_classes(judge, views)[:, 0].tolist()
    return AspectLayers(
        name,
        tuple(
            AspectLayer(
                layer,
                each.thing,
                recognised=judge.classes[guess] == each.thing,
                doubled=is_doubled(layer.picture, square.picture),
            )
            for layer, each, square, guess in zip(layers, asked, squares, guesses, strict=False)
        ),
    )


def _counted(report: Report, number: int, count: int) -> Callable[[int, int], None]:
    """Reports the layers of one aspect as a part of those of all."""
    return lambda done, total: report("aspects", number * count + done, len(ASPECTS) * count)


def _judge_layers(
    layers: Sequence[GeneratedLayer],
    things: Sequence[str],
    views: Float[Tensor, "n 4 64 64"],
    features: Float[Tensor, "n f"],
    bank: Float[Tensor, "m f"],
    examples: Examples,
    judge: SubjectClassifier,
) -> list[JudgedLayer]:
    guesses = ranked_classes(judge, views)
    neighbours = nearest(features, bank, NEIGHBOURS)
    distances, twins = nearest_pixels(views, examples.views)
    numbers = {name: number for number, name in enumerate(judge.classes)}
    judged = []
    for index, (layer, thing) in enumerate(zip(layers, things, strict=True)):
        rows = examples.by_thing[thing]
        most_holes = max(examples.about[row].shape.holes for row in rows)
        judged.append(
            JudgedLayer(
                layer=layer,
                thing=thing,
                rank=int((guesses[index] == numbers[thing]).nonzero()[0, 0]) + 1,
                guess=judge.classes[int(guesses[index, 0])],
                neighbours=tuple(neighbours[index].tolist()),
                twin=int(twins[index]),
                twin_distance=float(distances[index]),
                excess_holes=max(0.0, layer.shape.holes - HOLE_LEEWAY * most_holes),
            )
        )
    return judged


def _ceiling(judge: SubjectClassifier, examples: Examples, neighbours: Int[Tensor, "m count"]) -> Ceiling:
    """Things weigh alike, however many pictures there are of each."""
    numbers = {name: number for number, name in enumerate(judge.classes)}
    shown = torch.tensor([numbers[thing] for thing in examples.things])
    guessed = ranked_classes(judge, examples.fresh) == shown[:, None]
    stands_beside = shown[neighbours] == shown[:, None]

    def share(right: Bool[Tensor, "m ranks"], count: int) -> float:
        among = right[:, :count].any(dim=1).float()
        return fmean(among[list(rows)].mean().item() for rows in examples.by_thing.values())

    return Ceiling(
        share(guessed, 1), share(guessed, NEIGHBOURS), share(stands_beside, 1), share(stands_beside, NEIGHBOURS)
    )


def _pick(rows: Sequence[int], seed: int) -> int:
    return rows[int(np.random.default_rng(seed).integers(len(rows)))]


def _pixels(picture: Float[Tensor, "4 h w"]) -> UInt8[np.ndarray, "h w 4"]:
    pixels: UInt8[np.ndarray, "h w 4"] = (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    return pixels
