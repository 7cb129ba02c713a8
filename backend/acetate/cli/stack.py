"""`acetate generate --stack`: a layer for each of several prompts, every one drawn over those before."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from acetate_wire.errors import AcetateError

from acetate.cli.console import echo
from acetate.cli.options import Options
from acetate.cli.output_files import Output
from acetate.cli.request_builder import PreparedRequest, build_request, picture_headers
from acetate.cli.run_mode import default_outputs
from acetate.cli.submit import drawing
from acetate.i18n import tr as _

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def draw_stack(options: Options, prompts: list[str], background: Path | None, background_prompt: str | None) -> None:
    """Draw the stack and write it: a background, and a layer for each prompt, all of one size.

    Without a given background, the first layer and the background are drawn together as a scene. Every further layer
    is drawn in the mode `foreground` over the composite of what there is, from the next seed.
    """
    _check(options, prompts)
    first = _first(options, prompts[0], background, background_prompt)
    names = [str(number) for number in range(1, len(prompts) + 1)]
    drawn_background = [] if background is not None else ["background"]
    inputs = [] if background is None else [background]
    output = Output.checked(options.output, 1, [*drawn_background, *names], options.preview, inputs)
    started = time.monotonic()
    with drawing() as open_drawing:
        layers = [
            replace(layer, name=prompts[0]) if layer.role == "foreground" else layer
            for layer in open_drawing.draw(first.request, first.frames)
        ]
        given = dict(first.pictures)
        for number, prompt in enumerate(prompts[1:], start=1):
            under = composite([*given.values(), *(layer.pixels for layer in layers)])
            request = replace(
                first.request,
                mode="foreground",
                inputs={"background": picture_headers([under])[0]},
                prompt=prompt,
                layer_prompts={},
                returns=(),
                seed=(layers[0].settings.seed + number) % 2**64,
            )
            asked = PreparedRequest(request, {"background": under})
            layers += open_drawing.draw(asked.request, asked.frames)
        output.save(0, layers, given)
    echo(_("Done in {seconds:.1f} s.").format(seconds=time.monotonic() - started))


def composite(stacked: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Layers of one size over one another, from below."""
    from acetate.documents import Document, DocumentLayer

    height, width = stacked[0].shape[:2]
    layers = tuple(DocumentLayer("", 0, 0, pixels) for pixels in stacked)
    import numpy as np

    return np.asarray(Document(width, height, layers).merged())


def _first(options: Options, prompt: str, background: Path | None, background_prompt: str | None) -> PreparedRequest:
    """The request for the first layer, with its background where none is given."""
    if background is not None:
        return build_request("foreground", options, {"background": background}, prompt=prompt)
    own = {} if background_prompt is None else {"foreground": prompt, "background": background_prompt}
    return build_request(
        "scene", options, {}, prompt=prompt, layer_prompts=own or None, returns=default_outputs("scene")
    )


def _check(options: Options, prompts: list[str]) -> None:
    if not prompts:
        raise AcetateError(
            "bad_request",
            _("there is no prompt"),
            field="prompt",
            hint=_('name the layers from below, as in: acetate generate --stack "a table" "a candle" -o stack.ora'),
        )
    unfit = {"count": options.count != 1, "like": options.like is not None, "control": bool(options.control)}
    for field, wrong in unfit.items():
        if wrong:
            raise AcetateError("bad_request", f"--stack takes no --{field}", field=field, hint=_("leave it out"))
