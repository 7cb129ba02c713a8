"""One layer mode from options to files: builds the request, runs the job, saves the layers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from acetate_wire.modes import MODES
from acetate_wire.request import output_roles

from acetate.cli.adapter_options import control_file
from acetate.cli.console import echo
from acetate.cli.elements import NO_ELEMENT, ElementOptions
from acetate.cli.options import Options
from acetate.cli.output_files import Output
from acetate.cli.request_builder import build_request
from acetate.cli.submit import drawing
from acetate.i18n import tr as _


def default_outputs(mode: str) -> tuple[str, ...]:
    """What a mode brings back, but the blend."""
    return tuple(role for role in MODES[mode].outputs if role != "blend")


def numbered_roles(roles: Sequence[str]) -> tuple[str, ...]:
    """What tells the files of one picture's layers apart where several have one role: numbers from below."""
    behind = roles.count("background")
    return (*roles[:behind], *(str(number + 1) for number in range(len(roles) - behind)))


def run_and_save(
    mode: str,
    options: Options,
    pictures: Mapping[str, Path | None],
    element: ElementOptions = NO_ELEMENT,
    **changes: Any,
) -> None:
    """Have the daemon draw what the options mean, and write it; see `request_builder.build_request` for `changes`."""
    asked = build_request(mode, options, pictures, element, **changes)
    roles = output_roles(asked.request)
    roles = numbered_roles(roles) if MODES[mode].several else roles
    inputs = [path for path in pictures.values() if path is not None] + list(map(control_file, options.control or ()))
    output = Output.checked(options.output, options.count, roles, options.preview, inputs, element.animation)
    if asked.area is not None:
        echo(asked.area.told(), err=True)
    started = time.monotonic()
    apart = asked.whole if MODES[mode].splits else ("layer", "mask")
    whole_scene = {role: pixels for role, pixels in asked.whole.items() if role not in apart}
    with drawing() as open_drawing:
        layers = asked.placed(open_drawing.draw(asked.request, asked.frames))
        output = replace(output, roles=roles[: len(layers) // options.count])
        output.save_all(layers, whole_scene)
    echo(_("Done in {seconds:.1f} s.").format(seconds=time.monotonic() - started))
