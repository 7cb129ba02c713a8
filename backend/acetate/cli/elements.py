"""Elements on the command line: their options, the kinds that there are, and loops as one file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from acetate_wire.element import Element, Parameter
from acetate_wire.errors import AcetateError

from acetate.cli.console import echo
from acetate.cli.jobs import JsonFile, write_json
from acetate.i18n import tr as _

if TYPE_CHECKING:
    from PIL import Image

FRAMES_PER_SECOND = 12


@dataclass(frozen=True)
class ElementOptions:
    """What `--model elements` takes beside the words. None is the default, or what `--like` says."""

    set: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help=_("A parameter of an element, as in wind=0.8; see acetate elements; may be repeated."),
        ),
    ] = None
    frames: Annotated[
        int | None,
        typer.Option(help=_("Draw an element as a loop of so many frames, as an animated PNG. (default: 1)")),
    ] = None
    sheet: Annotated[
        bool, typer.Option("--sheet", help=_("Write the frames side by side instead, as a sprite sheet."))
    ] = False
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=_("A picture of a shape, white on black: fire, glow, fur, grass or icicles grow along its outline."),
            show_default=False,
        ),
    ] = None
    fps: Annotated[int, typer.Option(help=_("Frames a second of an animated PNG."))] = FRAMES_PER_SECOND

    def element(self, former: Element | None, new_prompt: bool) -> Element | None:
        """The element that these ask for, changing that of `--like`, which a new prompt replaces; None for neither.

        Raises AcetateError for what is no parameter.
        """
        if not self.set and self.frames is None:
            return Element(frames=former.frames) if former is not None and new_prompt else former
        own = {} if former is None or new_prompt else dict(former.parameters)
        given = dict(map(parse_parameter, self.set or ()))
        frames = self.frames or (1 if former is None else former.frames)
        return Element("" if former is None or new_prompt else former.kind, {**own, **given}, frames)

    @property
    def animation(self) -> Animation:
        """How the frames of a loop become one file. Raises AcetateError for an impossible speed."""
        if not 1 <= self.fps <= 100:
            raise AcetateError(
                "bad_request", f"fps is {self.fps}", field="fps", hint=_("give a whole number from 1 to 100")
            )
        return Animation(self.sheet, self.fps)


@dataclass(frozen=True)
class Animation:
    """The frames of a loop in one PNG: animated (APNG), or a sprite `sheet`, from the top left in rows."""

    sheet: bool = False
    fps: int = FRAMES_PER_SECOND

    def write(self, frames: Sequence[Image.Image], file: Any, chunks: Any) -> None:
        """Write all frames, which have one size."""
        if self.sheet:
            sprite_sheet(frames).save(file, "PNG", pnginfo=chunks)
            return
        frames[0].save(
            file,
            "PNG",
            pnginfo=chunks,
            save_all=True,
            append_images=list(frames[1:]),
            duration=1000 / self.fps,
            loop=0,
            blend=0,
            disposal=0,
        )


APNG = Animation()
NO_ELEMENT = ElementOptions()
"""Of commands that draw none."""


def columns_of(count: int) -> int:
    """How many sprites stand in a row of a sheet: the fewest, about as many as rows, that leave no gap; else gaps."""
    least = math.isqrt(count - 1) + 1
    return next((number for number in range(least, 2 * least + 1) if count % number == 0), least)


def sprite_sheet(frames: Sequence[Image.Image]) -> Image.Image:
    """The frames from the top left, row by row."""
    from PIL import Image

    columns, (width, height) = columns_of(len(frames)), frames[0].size
    sheet = Image.new("RGBA", (columns * width, -(-len(frames) // columns) * height))
    for number, frame in enumerate(frames):
        sheet.paste(frame, (number % columns * width, number // columns * height))
    return sheet


def parse_parameter(text: str) -> tuple[str, Parameter]:
    """Name and value out of `NAME=VALUE`. Raises AcetateError."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not name or not equals or not value:
        raise AcetateError(
            "bad_request", f"set is {text!r}", field="set", hint=_("write NAME=VALUE, as in wind=0.8 or colour=#ff9020")
        )
    try:
        number = float(value)
    except ValueError:
        return name, value
    return name, int(number) if number.is_integer() else number


def elements(
    kind: Annotated[
        str | None, typer.Argument(metavar="KIND", help=_("The element to tell of."), show_default=False)
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """List what --model elements draws by formula, without a neural network, or the parameters of one kind."""
    from acetate.elements import KINDS

    if kind is not None and kind not in KINDS:
        hint = _("there are {kinds}").format(kinds=", ".join(KINDS))
        raise AcetateError("bad_request", f"there is no element {kind!r}", field="kind", hint=hint)
    shown = [each.to_map() for name, each in KINDS.items() if kind in (None, name)]
    if not write_json(json_file, {"elements": shown}):
        return
    if kind is None:
        for each in shown:
            echo(f"{each['name']:<14} {', '.join(each['words'])}")
        echo(
            _('Draw one with: acetate generate --model elements "{name}" -o FILE.png').format(name=shown[0]["words"][0])
        )
        return
    for parameter in shown[0]["parameters"]:
        echo(f"{parameter['name']:<14} {' '.join(_range_of(parameter))}")


def _range_of(parameter: dict[str, Any]) -> Iterator[str]:
    if parameter["type"] == "choice":
        yield ", ".join(name for name, _label in parameter["options"])
    elif parameter["type"] == "colour":
        yield _("a colour")
    else:
        yield _("{low:g} to {high:g}").format(low=parameter["low"], high=parameter["high"])
    yield _("(default: {value})").format(value=parameter["default"])
