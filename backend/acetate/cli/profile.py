"""`acetate profile`: where the time of one request goes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from acetate_wire.errors import AcetateError
from acetate_wire.limits import Limits
from acetate_wire.modes import MODES, NEEDED
from acetate_wire.request import LayerRequest, PictureSpec, Rect, StackLayer
from acetate_wire.request_codec import check_limits

from acetate.cli.console import echo
from acetate.cli.json_output import STANDARD_OUTPUT, JsonOption, write_json
from acetate.cli.layer_png import cannot_write, check_writable
from acetate.cli.request_builder import parse_size
from acetate.i18n import tr as _

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from acetate.worker.profiling import JobProfile

PROMPT = "a red apple"
SEED = 1


def profile(
    mode: Annotated[str, typer.Argument(metavar="MODE", help=_("The mode: {modes}.").format(modes=", ".join(MODES)))],
    model: Annotated[str, typer.Option(help=_("The model to draw with. (default: starter)"), show_default=False)] = (
        "starter"
    ),
    size: Annotated[
        str | None, typer.Option(metavar="N|WxH", help=_("The size in pixels. (default: the model's own)"))
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help=_("Steps from noise to picture. (default: the model's own)"))
    ] = None,
    passes: Annotated[
        int | None,
        typer.Option(
            help=_("Views that the edges are taken from: 1, 2, 4 or 8; more is cleaner. (default: the model's own)")
        ),
    ] = None,
    count: Annotated[int, typer.Option(help=_("How many samples the request has."))] = 1,
    detail: Annotated[
        float | None,
        typer.Option(help=_("How strongly a size over the model's is drawn over once more, 0 to 1. (default: 0)")),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help=_("Write a trace of all operators here too; ui.perfetto.dev shows it.")),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Measure where the time of one request goes, without a daemon: twice the same, so that the model is loaded.

    Pictures that the mode works on are a disc over a gradient. A network's row is all of its calls.
    """
    from acetate.models.registry import ModelRegistry

    if mode not in MODES:
        raise AcetateError(
            "bad_request", f"there is no mode {mode!r}", field="mode", hint=f"choose from {', '.join(MODES)}"
        )
    full = ModelRegistry().entry(model).full_size
    width, height = (full, full) if size is None else parse_size(size)
    spec = MODES[mode]
    inputs = spec.inputs + spec.one_of[-1:]
    area = Rect(0, 0, width, height)
    wanted = {"steps": steps, "passes": passes, "detail": detail}
    request = LayerRequest(
        mode,
        (width, height),
        area,
        prompt=PROMPT if spec.prompt == NEEDED else "",
        model=model,
        seed=SEED,
        count=count,
        inputs={role: PictureSpec(frame, width, height) for frame, role in enumerate(inputs)},
        stack=(StackLayer(PROMPT, area),) * 2 if spec.stacks else (),
        **{name: value for name, value in wanted.items() if value is not None},  # type: ignore[arg-type]
    )
    check_limits(request, Limits())
    found = _profiled(request, trace)
    figures = {
        "mode": mode,
        "model": model,
        "width": width,
        "height": height,
        **asdict(found),
        "outside": found.outside,
    }
    write_json(json_file, figures)
    if json_file != STANDARD_OUTPUT:
        _show(found)
        if trace is not None:
            echo(_("The trace is in {path}.").format(path=trace))


def _profiled(request: LayerRequest, trace: Path | None) -> JobProfile:
    from acetate.worker.diffusion_engine import DiffusionEngine
    from acetate.worker.engine import EngineJob
    from acetate.worker.profiling import profile_job

    if trace is not None:
        check_writable(trace, (".json",))
    resolved = DiffusionEngine.resolve(request)
    pixels = {role: _picture(role, *request.canvas) for role in request.inputs}
    try:
        return profile_job(DiffusionEngine(), EngineJob("profile", resolved, pixels), trace)
    except OSError as error:
        raise cannot_write(trace or Path(), error) from error


def _picture(role: str, width: int, height: int) -> NDArray[np.float32]:
    """RGBA "h w 4", straight alpha: a disc, over a gradient where the role is an opaque one, white where a mask."""
    import numpy as np

    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    distance = np.hypot(rows - height / 2, columns - width / 2) / min(width, height)
    disc = np.clip((0.35 - distance) * 40 + 0.5, 0, 1)[..., None]
    colour = np.array([0.8, 0.2, 0.1] if role != "mask" else [1.0, 1.0, 1.0], np.float32)
    under = np.stack([rows / height, columns / width, np.full_like(rows, 0.5)], axis=-1)
    if role in ("layer", "foreground"):
        return np.concatenate([np.broadcast_to(colour, under.shape), disc], axis=-1).astype(np.float32)
    under = under * (role != "mask")
    return np.concatenate([under * (1 - disc) + colour * disc, np.ones_like(disc)], axis=-1).astype(np.float32)


def _show(found: JobProfile) -> None:
    echo(_("On {device}: {first:.2f} s the first time, {second:.2f} s the second; of these:").format(**asdict(found)))
    for network in found.networks:
        each = network.seconds / network.calls * 1e3
        echo(f"{network.name:<28} {network.calls:>4} x {each:8.1f} ms {_part(network.seconds, found.second)}")
    echo(f"{_('outside of the networks'):<28} {_part(found.outside, found.second):>37}")


def _part(seconds: float, of: float) -> str:
    return f"{seconds:8.3f} s  {seconds / of:6.1%}"
