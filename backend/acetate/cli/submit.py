"""Layers through the daemon: submitted, followed by a progress bar, fetched, and let go of when they are written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from acetate_wire.errors import AcetateError
from acetate_wire.modes import MODES
from acetate_wire.request import LayerRequest

from acetate.cli.console import echo
from acetate.cli.jobs import open_session
from acetate.i18n import tr as _

if TYPE_CHECKING:
    import numpy as np
    from acetate_wire.blocking import BlockingClient
    from acetate_wire.events import Done, Progress
    from numpy.typing import NDArray

    from acetate.pipelines.metadata import GenerationMetadata

    Following: TypeAlias = Callable[[Callable[[Progress], None]], AbstractContextManager[Done]]

SHORT = 8
"""How much of a job's id is shown; the rest may be left out where an id is typed."""
STAGES = {
    "starting": _("Waiting for its turn"),
    "loading": _("Loading the model"),
    "drawing": _("Drawing"),
    "finishing": _("Finishing"),
}


@dataclass(frozen=True, eq=False)
class ResultLayer:
    """A finished layer: its name and role, its size and RGBA bytes with straight alpha, what makes it again, and
    how it lies over what is below: `normal`, or `add` for light.
    """

    name: str
    role: str
    width: int
    height: int
    content: bytes | memoryview
    settings: GenerationMetadata
    blend: str = "normal"

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """The bytes as an array "h w 4"."""
        import numpy as np

        return np.frombuffer(self.content, np.uint8).reshape(self.height, self.width, 4)


@dataclass(frozen=True, eq=False)
class Submission:
    """Has the daemon draw, and keeps account of the jobs whose layers are not written yet."""

    session: BlockingClient
    _open: ExitStack
    _ids: list[str] = field(default_factory=list)

    def draw(self, request: LayerRequest, frames: Sequence[Any] = ()) -> tuple[ResultLayer, ...]:
        """Have the daemon make the layers of a request in `rgba8`; `frames` are the pixels of its pictures.

        Raises AcetateError, the daemon's own refusals among them.
        """
        return self._layers(lambda report: self.session.drawn(request, frames, report))

    def take(self, id: str) -> tuple[ResultLayer, ...]:
        """The layers of an earlier job, waited for where it is not done yet. Raises AcetateError when it has none."""
        return self._layers(lambda report: self.session.kept(id, report))

    @property
    def way_to_take(self) -> str:
        """How to get what is not written yet; empty where that is nothing."""
        if not self._ids:
            return ""
        commands = ", ".join(f"acetate take {id[:SHORT]} -o FILE" for id in self._ids)
        return _("what is drawn is kept, and this writes it: {commands}").format(commands=commands)

    def _layers(self, follow: Following) -> tuple[ResultLayer, ...]:
        with _bar() as report:
            done = self._open.enter_context(follow(report))
        self._ids.append(done.id)
        for warning in done.warnings:
            echo(f"{warning.message}: {warning.hint}" if warning.hint else warning.message, err=True)
        return result_layers(done)


@contextmanager
def drawing() -> Iterator[Submission]:
    """A `with` block that draws layers and writes them; the daemon is started where it is not running.

    The daemon lets go of them when the block has ended. If it raises, they stay, and the error tells how to take them.
    """
    with open_session() as session, ExitStack() as opened:
        made = Submission(session, opened)
        try:
            yield made
        except KeyboardInterrupt:
            if made.way_to_take:
                echo(made.way_to_take, err=True)
            raise
        except AcetateError as error:
            if not made.way_to_take:
                raise
            hint = "; ".join(text for text in (error.hint, made.way_to_take) if text)
            raise AcetateError(error.code, error.message, field=error.field, hint=hint, retry=error.retry) from error
        except Exception as error:
            if not made.way_to_take:
                raise
            reason = str(error) or type(error).__name__
            message = _("writing the layers failed: {reason}").format(reason=reason)
            raise AcetateError("internal", message, hint=made.way_to_take) from error


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    """A progress bar on standard error where that is a terminal, and what moves it."""
    if not sys.stderr.isatty():
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task(STAGES["starting"], total=None)

        def report(progress: Progress) -> None:
            total = progress.steps if progress.stage in ("drawing", "finishing") else None
            words = STAGES.get(progress.stage, progress.stage)
            bars.update(task, description=words, completed=progress.step, total=total)

        yield report


def result_layers(done: Done) -> tuple[ResultLayer, ...]:
    """The layers of a finished job. Raises AcetateError when they are not what was asked for."""
    import msgspec

    from acetate.pipelines.metadata import GenerationMetadata

    try:
        settings = msgspec.convert(done.settings["layers"], tuple[GenerationMetadata, ...])
        drawn = []
        for layer, each in zip(done.layers, settings, strict=True):
            header, content = layer.picture.header, layer.picture.pixels
            if len(content) != header.width * header.height * 4:
                raise ValueError(f"{layer.role} is no rgba8")
            made = ResultLayer(layer.name, layer.role, header.width, header.height, content, each, layer.blend)
            drawn.append(_whole(made, layer.x, layer.y) if MODES[each.mode].splits else made)
    except (KeyError, ValueError, msgspec.ValidationError) as error:
        raise AcetateError(
            "internal", f"the daemon's layers cannot be read ({error})", hint=_("run acetate stop, then try again")
        ) from error
    return tuple(drawn)


def _whole(layer: ResultLayer, x: int, y: int) -> ResultLayer:
    """A layer that is cut to what is seen of it, clear around that, in the size that its settings name."""
    width, height = layer.settings.width, layer.settings.height
    content, row = bytearray(width * height * 4), layer.width * 4
    for number in range(layer.height):
        start = ((y + number) * width + x) * 4
        content[start : start + row] = layer.content[number * row : (number + 1) * row]
    return replace(layer, width=width, height=height, content=memoryview(content))
