"""Layers through the daemon: submitted, followed by a progress bar, and fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acetate_wire.errors import WireError
from acetate_wire.request import LayerRequest

from acetate.cli.jobs import open_session
from acetate.layers.settings import Settings
from acetate.messages import tr as _

if TYPE_CHECKING:
    import numpy as np
    from acetate_wire.events import Done, Progress
    from numpy.typing import NDArray

STAGES = {
    "starting": _("Waiting for its turn"),
    "loading": _("Loading the model"),
    "drawing": _("Drawing"),
    "finishing": _("Finishing"),
}


@dataclass(frozen=True, eq=False)
class Drawn:
    """A finished layer: its name and role, RGBA "h w 4" with straight alpha, and the settings that make it again."""

    name: str
    role: str
    pixels: NDArray[np.uint8]
    settings: Settings


def draw(request: LayerRequest, frames: Sequence[Any] = ()) -> tuple[Drawn, ...]:
    """Have the daemon make the layers of a request in `rgba8`; it is started where it is not running.

    `frames` are the pixels of the request's pictures. A progress bar shows on standard error where that is a
    terminal. Raises WireError, the daemon's own refusals among them.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        open_session() as session,
        Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars,
    ):
        task = bars.add_task(STAGES["starting"], total=None)

        def report(progress: Progress) -> None:
            total = progress.steps if progress.stage in ("drawing", "finishing") else None
            words = STAGES.get(progress.stage, progress.stage)
            bars.update(task, description=words, completed=progress.step, total=total)

        return layers_of(session.run(request, frames, on_progress=report))


def layers_of(done: Done) -> tuple[Drawn, ...]:
    """The layers of a finished job. Raises WireError when they are not what was asked for."""
    import msgspec
    import numpy as np

    try:
        settings = msgspec.convert(done.settings["layers"], tuple[Settings, ...])
        drawn = []
        for layer, each in zip(done.layers, settings, strict=True):
            header = layer.picture.header
            pixels = np.frombuffer(layer.picture.pixels, np.uint8).reshape(header.height, header.width, 4)
            drawn.append(Drawn(layer.name, layer.role, pixels, each))
    except (KeyError, ValueError, msgspec.ValidationError) as error:
        raise WireError(
            "internal", f"the daemon's layers cannot be read ({error})", hint=_("run acetate stop, then try again")
        ) from error
    return tuple(drawn)
