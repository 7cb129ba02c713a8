"""Elements as `welcome` offers them: the sliders that an editor builds, and whether words name one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from acetate_wire.element import ELEMENTS, FORMULA, Element
from acetate_wire.prompt import plain_words
from acetate_wire.vocabulary import forms, split

from .messages import mark

TITLE = mark("Elements")
ABOUT = mark("Elements: drawn by formula, no neural network")
NUMBER, WHOLE, CHOICE, COLOUR = "number", "whole", "choice", "colour"
"""The types of a parameter."""

LABELS = (
    mark("Across"),
    mark("Age"),
    mark("Banded"),
    mark("Blade width"),
    mark("Blown away"),
    mark("Bokeh"),
    mark("Bolts"),
    mark("Branches"),
    mark("Brightness"),
    mark("Bubbles"),
    mark("Burning match"),
    mark("Burnt"),
    mark("Burst"),
    mark("Campfire"),
    mark("Candle"),
    mark("Charred"),
    mark("Cloud"),
    mark("Colour"),
    mark("Colour variety"),
    mark("Contrast"),
    mark("Core"),
    mark("Cracks"),
    mark("Crown"),
    mark("Curl"),
    mark("Curve"),
    mark("Cut"),
    mark("Dandelion"),
    mark("Dark edge"),
    mark("Dark tip"),
    mark("Dark tips"),
    mark("Density"),
    mark("Depth"),
    mark("Depth of field"),
    mark("Dew"),
    mark("Direction"),
    mark("Disorder"),
    mark("Down"),
    mark("Drift"),
    mark("Droplets"),
    mark("Drops"),
    mark("Dryness"),
    mark("Dust motes"),
    mark("Eight"),
    mark("Embers"),
    mark("Energy beam"),
    mark("Explosion"),
    mark("Feather"),
    mark("Film"),
    mark("Fingers"),
    mark("Flame"),
    mark("Flame colour"),
    mark("Flame only"),
    mark("Flame size"),
    mark("Flat"),
    mark("Flicker"),
    mark("Fluff"),
    mark("Fluffiness"),
    mark("Fog"),
    mark("Four"),
    mark("From behind"),
    mark("Frost"),
    mark("Fur"),
    mark("Ghosts"),
    mark("Glass"),
    mark("Glitter"),
    mark("Glow"),
    mark("God rays"),
    mark("Grain"),
    mark("Grass"),
    mark("Hair"),
    mark("Hair width"),
    mark("Halo"),
    mark("Haze"),
    mark("Head colour"),
    mark("Height"),
    mark("Hexagon"),
    mark("Icicles"),
    mark("Ink"),
    mark("Intensity"),
    mark("Iridescence"),
    mark("Jaggedness"),
    mark("Jets"),
    mark("Lean"),
    mark("Leaves"),
    mark("Length"),
    mark("Lens flare"),
    mark("Light"),
    mark("Light from"),
    mark("Lightning"),
    mark("Lit edges"),
    mark("Loose"),
    mark("Magic circle"),
    mark("Material"),
    mark("Mess"),
    mark("Oak"),
    mark("Octagon"),
    mark("Opacity"),
    mark("Oval"),
    mark("Painted"),
    mark("Patches"),
    mark("Pattern"),
    mark("Plain"),
    mark("Point length"),
    mark("Points"),
    mark("Raggedness"),
    mark("Rain"),
    mark("Rays"),
    mark("Realistic"),
    mark("Refraction"),
    mark("Rim"),
    mark("Ripples"),
    mark("Round"),
    mark("Roundness"),
    mark("Running"),
    mark("Sag"),
    mark("Second colour"),
    mark("Shadow"),
    mark("Shape"),
    mark("Shine"),
    mark("Shockwave"),
    mark("Show"),
    mark("Six"),
    mark("Size"),
    mark("Size of banks"),
    mark("Size variety"),
    mark("Smoke"),
    mark("Smoke colour"),
    mark("Snow"),
    mark("Softness"),
    mark("Source"),
    mark("Sparkles"),
    mark("Sparks"),
    mark("Spider web"),
    mark("Spike length"),
    mark("Spikes"),
    mark("Splash"),
    mark("Splatter"),
    mark("Splits"),
    mark("Spokes"),
    mark("Spotted"),
    mark("Spread"),
    mark("Steam"),
    mark("Stem"),
    mark("Stone"),
    mark("Strands"),
    mark("Streak"),
    mark("Streaks"),
    mark("Stretch"),
    mark("Striped"),
    mark("Style"),
    mark("Thickness"),
    mark("Tilt"),
    mark("Torn"),
    mark("Trails"),
    mark("Tufts"),
    mark("Tumble"),
    mark("Turbulence"),
    mark("Turn"),
    mark("Turns"),
    mark("Twinkle"),
    mark("Volume"),
    mark("Water drops"),
    mark("Wax"),
    mark("Wetness"),
    mark("Whole candle"),
    mark("Width"),
    mark("Willow"),
    mark("Wind"),
    mark("Wisps"),
    mark("With bangs"),
)
"""What kinds and parameters are called, for the catalogues; those of a newer daemon are shown in English."""


@dataclass(frozen=True)
class Setting:
    """A parameter of a kind: a slider from `low` to `high`, a menu of `options` (name and label), or a colour.

    `words` of a prompt set it to a value.
    """

    name: str
    label: str
    type: str
    default: Any
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01
    options: Tuple[Tuple[str, str], ...] = ()
    words: Tuple[Tuple[str, Any], ...] = ()

    @classmethod
    def from_map(cls, values: Mapping[str, Any]) -> Setting:
        """A parameter out of `welcome`; what a newer daemon adds is passed over."""
        known = {
            name: values[name] for name in ("name", "label", "type", "default", "low", "high", "step") if name in values
        }
        options = tuple((str(name), str(label)) for name, label in values.get("options", ()))
        return cls(**known, options=options, words=tuple(dict(values.get("words", {})).items()))

    def said(self, words: Sequence[str]) -> Any:
        """The value that these words give it, else its own."""
        text = f" {' '.join(words)} "
        found = [(len(word), value) for word, value in self.words if f" {word.replace('_', ' ')} " in text]
        return max(found, key=lambda each: each[0])[1] if found else self.default


@dataclass(frozen=True)
class ElementKind:
    """A kind: what names it, whether it is light (`blend` is `add`), whether it has frames, its parameters, and whether
    it grows along the outline of a mask.
    """

    name: str
    label: str
    words: Tuple[str, ...]
    blend: str
    loops: bool
    settings: Tuple[Setting, ...]
    outlined: bool = False

    @classmethod
    def from_map(cls, values: Mapping[str, Any]) -> ElementKind:
        """A kind out of `welcome`."""
        return cls(
            name=str(values["name"]),
            label=str(values["label"]),
            words=tuple(map(str, values["words"])),
            blend=str(values.get("blend", "normal")),
            loops=bool(values.get("loops", False)),
            settings=tuple(map(Setting.from_map, values["parameters"])),
            outlined=bool(values.get("outlined", False)),
        )

    def named_by(self, words: Sequence[str]) -> bool:
        """Whether words end with one of its nouns, in the singular or the plural."""
        for noun in self.words:
            parts = split(noun)
            last = words[-len(parts) :]
            if last and last[:-1] == parts[:-1] and parts[-1] in forms(last[-1]):
                return True
        return False


def kinds_of(model: Mapping[str, Any]) -> Tuple[ElementKind, ...]:
    """The kinds that a model offers; none for a model of diffusion, and while nothing is known."""
    return tuple(map(ElementKind.from_map, model.get("kinds", ())))


def is_formula(model: Mapping[str, Any]) -> bool:
    """Whether a model of `welcome` draws without a neural network."""
    return bool(model.get("method") == FORMULA)


def fitting(kinds: Sequence[ElementKind], prompt: str) -> Optional[ElementKind]:
    """The kind that a prompt ends with, None where it names none: only an offer, which the daemon reads anew."""
    words = words_of(prompt)
    return next((kind for kind in kinds if kind.named_by(words)), None)


def words_of(prompt: str) -> List[str]:
    """The words of a prompt, in lower case."""
    return split(plain_words(prompt))


def grouped(models: Sequence[Mapping[str, Any]]) -> Tuple[List[str], List[str]]:
    """The names of the models of diffusion, and of those that draw by formula."""
    names = [(str(model["name"]), is_formula(model)) for model in models]
    return [name for name, formula in names if not formula], [name for name, formula in names if formula]


def element_of(model: str, values: Mapping[str, Any]) -> Optional[Element]:
    """The field `element` of a request, from what the artist has set (`kind`, `parameters`, `frames`); None for a model
    that does not draw by formula.
    """
    if model != ELEMENTS:
        return None
    return Element(str(values.get("kind", "")), dict(values.get("parameters", {})), int(values.get("frames", 1)))
