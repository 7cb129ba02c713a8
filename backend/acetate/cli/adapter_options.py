"""LoRAs and steering pictures as they are typed: `--lora ink=0.7`, `--control edge*0.8=outline.png`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acetate_wire.errors import AcetateError
from acetate_wire.request import Lora

from acetate.cli.options import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from acetate.pipelines.metadata import GenerationMetadata


@dataclass(frozen=True, eq=False)
class ControlOption:
    """A control with its picture's pixels, RGBA "h w 4"."""

    kind: str
    weight: float
    pixels: NDArray[np.uint8]


def parse_lora(text: str) -> Lora:
    """A LoRA out of `NAME` or `NAME=WEIGHT`; a path is made whole, for the daemon runs in another folder.

    Raises AcetateError when the weight is no number.
    """
    if _file(text) is not None:  # its name may hold an equals sign
        return Lora(_whole(text))
    name, equals, weight = text.rpartition("=")
    return Lora(_whole(name), _weight(weight, "lora", text)) if equals else Lora(_whole(text))


def _whole(name: str) -> str:
    """The whole path of a file or folder here, else the name as it is."""
    found = _file(name)
    return name if found is None else str(found.resolve())


def _file(name: str) -> Path | None:
    """The LoRA file that is meant by a path, None for a name in the models folder."""
    from acetate.models.adapter_files import PEFT_FILE
    from acetate.models.hub_cache import is_weight_file

    path = Path(name).expanduser()
    if is_weight_file(path) and path.is_file():
        return path
    return path if path.name != name and (path / PEFT_FILE).is_file() else None


def parse_controls(options: Options, former: GenerationMetadata | None) -> tuple[ControlOption, ...]:
    """The controls of the options. Raises AcetateError when a file cannot be read, or `--like` needs others."""
    given = tuple(_parse_control(text) for text in options.control or ())
    needed = [] if former is None else [control.kind for control in former.controls]
    for kind in needed:
        if kind not in [control.kind for control in given]:
            raise AcetateError(
                "bad_request",
                f"{options.like} was steered by a picture of the kind {kind}, which it does not hold",
                field="control",
                hint=f"give that picture again: --control {kind}=FILE",
            )
    return given


def control_file(text: str) -> Path:
    """The picture that `KIND=FILE` names."""
    return Path(text.partition("=")[2])


def _parse_control(text: str) -> ControlOption:
    from acetate.cli.input_files import read_pixels

    name, equals, _file = text.partition("=")
    kind, star, weight = name.partition("*")
    if not kind or not equals:
        raise AcetateError(
            "bad_request", f"control is {text!r}", field="control", hint="write KIND=FILE, as in edge=a.png"
        )
    return ControlOption(
        kind, _weight(weight, "control", text) if star else 1.0, read_pixels(control_file(text), "control")
    )


def _weight(text: str, field: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise AcetateError(
            "bad_request", f"{field} is {whole!r}", field=field, hint="the weight is a number, as in 0.7"
        ) from None
