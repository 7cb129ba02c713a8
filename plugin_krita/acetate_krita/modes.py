# SPDX-License-Identifier: GPL-3.0-or-later
"""The modes by what they do, and what each asks the artist for. Which of them a model has, the daemon says."""

from __future__ import annotations

from dataclasses import dataclass

from acetate_wire.modes import MODES as SPECS
from acetate_wire.modes import NEEDED as NEEDED
from acetate_wire.modes import UNASKED as UNASKED

from .i18n import mark


@dataclass(frozen=True)
class InputSlot:
    """A picture that a mode works from: its role, the label of its picker, whether all that is seen may serve
    (`whole`), and whether the picker begins with that instead of the active layer (`seen_first`).
    """

    role: str
    label: str
    whole: bool = False
    seen_first: bool = False


@dataclass(frozen=True)
class Mode:
    """One mode. `verb` stands on the button; `prompts` are the roles with a prompt of their own; `beside` is the role
    whose layer the result belongs next to, `below` that it belongs under it.

    Without a selection a mode works on its layer and a margin when `around`, else on the whole canvas; `fills` offers
    to fill the canvas instead. What a mode `replaces` is no longer seen once its result is in. `asks` stands in the
    empty prompt.
    """

    name: str
    title: str
    verb: str
    about: str
    wanted: tuple[InputSlot, ...] = ()
    prompts: tuple[str, ...] = ()
    selection: bool = False
    beside: str = ""
    below: bool = False
    around: bool = False
    fills: bool = False
    replaces: bool = False
    asks: str = mark("What to draw")

    @property
    def stacks(self) -> bool:
        """Whether it draws several layers, each with words and a region of its own, on the whole canvas."""
        return SPECS[self.name].stacks

    @property
    def splits(self) -> bool:
        """Whether it takes a picture apart into as many layers as the artist wants."""
        return SPECS[self.name].splits

    @property
    def strength(self) -> bool:
        """Whether it takes a strength."""
        return SPECS[self.name].takes_strength

    @property
    def words(self) -> str:
        """What becomes of the prompt: NEEDED, OPTIONAL or UNASKED."""
        return SPECS[self.name].prompt


MODES = (
    Mode("text", mark("New layer"), mark("Generate"), mark("A transparent layer from words"), fills=True),
    Mode(
        "refine",
        mark("Refine this layer"),
        mark("Refine"),
        mark("Draw a layer anew, transparency too"),
        (InputSlot("layer", mark("Layer")),),
        beside="layer",
        around=True,
        fills=True,
        replaces=True,
    ),
    Mode(
        "inpaint",
        mark("Change inside the selection"),
        mark("Fill"),
        mark("Draw anew what is selected"),
        (InputSlot("layer", mark("Layer")),),
        selection=True,
        beside="layer",
        replaces=True,
    ),
    Mode(
        "remove",
        mark("Remove inside the selection"),
        mark("Remove"),
        mark("Take away what is selected, without words"),
        (InputSlot("layer", mark("Layer")),),
        selection=True,
        beside="layer",
        replaces=True,
    ),
    Mode(
        "scene",
        mark("Scene (foreground + background)"),
        mark("Generate"),
        mark("Two layers that fit together"),
        prompts=("foreground", "background"),
        asks=mark("The whole picture"),
    ),
    Mode(
        "stack",
        mark("Stack of layers"),
        mark("Generate"),
        mark("Several layers, each in its place"),
        asks=mark("What the background shows"),
    ),
    Mode(
        "background",
        mark("Background for this layer"),
        mark("Generate"),
        mark("What is behind it, put below it"),
        (InputSlot("foreground", mark("Layer")),),
        beside="foreground",
        below=True,
        around=True,
        fills=True,
    ),
    Mode(
        "foreground",
        mark("Foreground for this background"),
        mark("Generate"),
        mark("What stands in it, put above it"),
        (InputSlot("background", mark("Background"), whole=True),),
        beside="background",
    ),
    Mode(
        "extract",
        mark("Extract"),
        mark("Extract"),
        mark("The missing layer of a picture"),
        (
            InputSlot("blend", mark("Picture"), whole=True, seen_first=True),
            InputSlot("background", mark("Known layer")),
        ),
        around=True,
        fills=True,
    ),
    Mode(
        "split",
        mark("Split into layers"),
        mark("Split"),
        mark("A picture in layers that together look the same"),
        (InputSlot("blend", mark("Picture"), whole=True),),
        beside="blend",
        around=True,
        fills=True,
        replaces=True,
        asks=mark("What to lift off, if you like"),
    ),
)
KNOWN_ROLES = (("background", mark("is the background")), ("foreground", mark("is the foreground")))
"""What the known layer of `extract` can be."""
PROMPT_LABELS = {"foreground": mark("Foreground"), "background": mark("Background")}


def mode_named(name: str) -> Mode:
    """The mode of that name; the first one where there is none."""
    return next((mode for mode in MODES if mode.name == name), MODES[0])
