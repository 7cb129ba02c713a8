"""Scenes measured: does a scene's foreground show up in its blend, where it stands?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from acetate import pipelines
from acetate.models.model_cache import ModelCache
from acetate_wire.request import LayerRequest, Rect
from jaxtyping import Bool, Float
from torch import Tensor

from acetate_lab.evaluation.metric import Metric
from acetate_lab.metrics.coverage import VISIBLE_ABOVE
from acetate_lab.metrics.over_backgrounds import composite

STRIDE = 7
"""How far apart in the list of all things the subjects of neighbouring scenes are, so that they look different."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One generated scene: its layers, straight alpha in [0, 1], and how well they agree.

    `agreement` is the correlation (Pearson's, over pixels and colours) of the blend with the foreground over the
    background, `standing` the same where the foreground stands alone, `chance` that of the blend with another
    scene's foreground in its place, at the same pixels.
    """

    foreground: Float[Tensor, "4 h w"]
    background: Float[Tensor, "3 h w"]
    blend: Float[Tensor, "3 h w"]
    prompts: tuple[str, str]
    seed: int
    agreement: float = 0.0
    standing: float = 0.0
    chance: float = 0.0


def evaluate_scenes(
    store: ModelCache,
    model: str,
    count: int = 32,
    *,
    seed: int = 0,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Scene, ...]:
    """Draw `count` scenes of things and backgrounds that the model knows, and compare blends with layers.

    `count` is at least 2. Raises ValueError when the model has no list of what it knows, and AcetateError when it
    cannot draw scenes.
    """
    pairs = scene_prompts(store, model, count)
    drawn = []
    for index, prompts in enumerate(pairs):
        drawn.append(_draw(store, model, prompts, seed + index))
        report(index + 1, count)
    return tuple(compare(scene, drawn[index - 1]) for index, scene in enumerate(drawn))


def scene_prompts(store: ModelCache, model: str, count: int) -> tuple[tuple[str, str], ...]:
    """`count` pairs of a foreground's and a background's prompt, spread over all that the model knows."""
    vocabulary = store.get(model).vocabulary
    if vocabulary is None or not vocabulary.things or not vocabulary.backgrounds:
        raise ValueError(f"the model {model} has no list of the things and backgrounds that it knows")
    things = sorted(set(vocabulary.things.values()))
    spread = [things[index * STRIDE % len(things)] for index in range(count)]
    under = [vocabulary.backgrounds[index % len(vocabulary.backgrounds)] for index in range(count)]
    return tuple(zip(spread, under, strict=True))


def scene_figures(scenes: Sequence[Scene]) -> tuple[Metric, ...]:
    """The averages over scenes."""

    def mean(name: str) -> float:
        return fmean(getattr(scene, name) for scene in scenes)

    return (
        Metric(
            "agreement",
            "Blend with its layers",
            mean("agreement"),
            "",
            "correlation over the whole picture; 1 is alike",
        ),
        Metric("standing", "Where the layer stands", mean("standing"), "", "the same, only where the foreground is"),
        Metric("chance", "Another layer there", mean("chance"), "", "what a foreground of another scene gives there"),
    )


def _draw(store: ModelCache, model: str, prompts: tuple[str, str], seed: int) -> Scene:
    size = store.get(model).spec.full_size
    request = LayerRequest(
        mode="scene",
        canvas=(size, size),
        target=Rect(0, 0, size, size),
        prompt=f"{prompts[0]}, {prompts[1]}",
        model=model,
        layer_prompts={"foreground": prompts[0], "background": prompts[1]},
        seed=seed,
        reply_format="rgbaf32",
    )
    made = pipelines.run(request, {}, store, lambda progress: None)
    found = {layer.role: layer.picture.permute(2, 0, 1) for layer in made}
    return Scene(found["foreground"], found["background"][:3], found["blend"][:3], prompts, seed)


def compare(scene: Scene, other: Scene) -> Scene:
    """The scene with its figures, `other` being the one whose foreground stands for chance; both of one size."""
    stands = (scene.foreground[3:] > VISIBLE_ABOVE).expand(3, -1, -1)
    own = composite(scene.foreground, scene.background)
    strange = composite(other.foreground, scene.background)
    return Scene(
        scene.foreground,
        scene.background,
        scene.blend,
        scene.prompts,
        scene.seed,
        agreement=correlation(scene.blend, own, torch.ones_like(stands)),
        standing=correlation(scene.blend, own, stands),
        chance=correlation(scene.blend, strange, stands),
    )


def correlation(first: Float[Tensor, "3 h w"], second: Float[Tensor, "3 h w"], where: Bool[Tensor, "3 h w"]) -> float:
    """Pearson's correlation of the chosen values; 0 where a picture has one value there, or nothing is chosen."""
    chosen = torch.stack([first[where], second[where]]).double()
    if chosen.shape[1] < 2 or bool((chosen.std(dim=1) < 1e-6).any()):
        return 0.0
    return float(torch.corrcoef(chosen)[0, 1])
