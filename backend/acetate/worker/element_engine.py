"""The engine that draws elements: by formula, without a neural network and without PyTorch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acetate_wire.element import ELEMENTS, FORMULA, Element, Parameter
from acetate_wire.errors import AcetateError
from acetate_wire.events import LayerWarning
from acetate_wire.request import LayerRequest
from acetate_wire.vocabulary import Vocabulary

from acetate.generation import GenerationProgress, LayerOutput
from acetate.i18n import tr as _
from acetate.image.sizes import Size
from acetate.pipelines.metadata import GenerationMetadata, pixels_hash
from acetate.worker.engine import EngineJob, EngineResult, ModelInfo, ProgressCallback

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from acetate.elements import Understood
    from acetate.elements.kind import Kind

NATIVE_SIZE = 512
MAX_ASPECT = 1000.0
"""An element is drawn in the shape of its target, whatever that is."""
REPORTS = 8
"""How often the progress of one picture is told."""
PREVIEW_SIDE = 256
SEED_RANGE = 2**64
WHOLE = {"rgba8": "u1", "bgra8": "u1", "gray8": "u1", "rgba16": "<u2", "bgra16": "<u2"}
"""The whole numbers that some reply formats consist of."""
OUTLINE = "mask"
"""The role of the picture along whose outline an element grows."""
UNUSED = (
    *("negative", "controls", "layer_prompts", "loras", "steps", "guidance", "sampler", "clip_skip"),
    *("passes", "strength", "transparency_weight", "stop_at", "detail"),
)
"""Fields of a request that change nothing about an element."""


class ElementEngine:
    """Draws the one model `elements`."""

    memory_levels = 0

    @classmethod
    def models(cls) -> tuple[ModelInfo, ...]:
        """The one model, with its kinds."""
        offer = ModelInfo(ELEMENTS, ELEMENTS, ("text",), NATIVE_SIZE, max_aspect=MAX_ASPECT, vocabulary=True)
        kinds = tuple(map(_offered, _kinds().values()))
        return (replace(offer, method=FORMULA, kinds=kinds),)

    @classmethod
    def vocabulary(cls, model: str) -> Vocabulary | None:
        """The nouns that name a kind, and the words that set its parameters."""
        return element_vocabulary() if model == ELEMENTS else None

    @classmethod
    def resolve(cls, request: LayerRequest) -> LayerRequest:
        """The request with its kind and every parameter, as the prompt and the element's own fields say.

        Raises AcetateError for a prompt that names no kind, an unknown kind or parameter, and for fields that would
        change nothing.
        """
        _check_unused(request)
        asked = Element() if request.element is None else request.element
        kind, values = _understood(request.prompt, asked)
        _check_outline(request, kind)
        parameters = _parameters(kind, {**values, **asked.parameters})
        if asked.frames > 1 and not _kinds()[kind].loops:
            loops = ", ".join(name for name, each in _kinds().items() if each.loops)
            raise AcetateError(
                "bad_request",
                f"{kind} stands still: it has no loop of {asked.frames} frames",
                field="element.frames",
                hint=f"ask for one frame, or choose from {loops}",
            )
        return replace(request.with_seed(), element=Element(kind, parameters, asked.frames))

    def device(self) -> str:
        """The processor."""
        return "cpu"

    def loaded(self) -> tuple[str, ...]:
        """Nothing: a formula is not loaded."""
        return ()

    def run(self, job: EngineJob, report: ProgressCallback, memory_level: int) -> EngineResult:
        """Draw `count` times the frames of an element, from seeds that count up."""
        from acetate.elements import KINDS

        request = job.request
        assert request.element is not None, "the request is not resolved"
        kind, element = KINDS[request.element.kind], request.element
        mask = _mask(job)
        seeds = [((request.seed or 0) + index) % SEED_RANGE for index in range(request.count)]
        size = Size(request.target.width, request.target.height)
        steps = REPORTS * request.count * element.frames
        if report.wants_preview:
            report(GenerationProgress("drawing", 0, steps, preview=_preview(element, size, seeds[0], mask)))
        layers: list[LayerOutput] = []
        for seed in seeds:
            for frame in range(element.frames):
                done = REPORTS * len(layers)

                def on_progress(share: float, done: int = done) -> None:
                    report(GenerationProgress("drawing", done + int(share * REPORTS), steps))

                picture = _paint(element, size, seed, frame, on_progress, mask)
                name = request.prompt.strip() or kind.label
                name = f"{name} {frame + 1}" if element.frames > 1 else name
                target, pixels = request.target, _in_format(picture, request)
                blend = "add" if kind.light else "normal"
                layers.append(LayerOutput(name, "layer", target.x, target.y, pixels, blend=blend))
        given = {role: pixels_hash(pixels) for role, pixels in job.inputs.items()}
        made = [GenerationMetadata.of(request, seed, inputs=given).to_map() for seed in seeds]
        settings = [each for each in made for _frame in range(element.frames)]
        return EngineResult(tuple(layers), seeds[0], {"layers": settings}, _warnings(request))


def element_vocabulary() -> Vocabulary:
    """The words of elements, in the form of a model's captions: things are the nouns that name a kind."""
    from acetate.elements import words as known

    nouns = {word: word for kind in _kinds().values() for word in kind.words}
    settings = {word for kind in _kinds().values() for each in kind.parameters() for word in each.words}
    common = (known.COLOURS, known.SHADES, known.COUNTS, known.PORTIONS, known.PREPOSITIONS, known.IGNORED)
    phrases = (*nouns, *settings, *(word for words in common for word in words))
    return Vocabulary(frozenset(part for phrase in phrases for part in re.split(r"[ _]", phrase)), nouns, {})


def _offered(kind: Kind) -> dict[str, Any]:
    """A kind as `welcome` offers it: each parameter with the words that set it."""
    words = {each.name: dict(each.words) for each in kind.parameters()}
    offer = kind.to_map()
    return {**offer, "parameters": [{**each, "words": words[each["name"]]} for each in offer["parameters"]]}


def _kinds() -> Mapping[str, Kind]:
    from acetate.elements import KINDS

    return KINDS


def _check_unused(request: LayerRequest) -> None:
    if request.mode != "text":
        raise AcetateError(
            "mode_unsupported",
            f"elements cannot do the mode {request.mode}",
            field="mode",
            hint="they are new layers, drawn by formula (the mode text)",
        )
    plain = LayerRequest(request.mode, request.canvas, request.target, request.prompt)
    for name in UNUSED:
        if getattr(request, name) != getattr(plain, name):
            raise AcetateError(
                "mode_unsupported",
                f"{name} changes nothing about an element, which is drawn by formula",
                field=name,
                hint="leave it out; the kind's own parameters change it",
            )


def _check_outline(request: LayerRequest, kind: str) -> None:
    """A picture is a mask, for a kind that grows along its outline."""
    along = ", ".join(name for name, each in _kinds().items() if each.outlined)
    for role in request.inputs:
        if role != OUTLINE or not _kinds()[kind].outlined:
            raise AcetateError(
                "mode_unsupported",
                f"{kind} grows along no outline" if role == OUTLINE else f"{role} changes nothing about an element",
                field=f"inputs.{role}",
                hint=f"leave it out; along the outline of a mask grow {along}",
            )


def _understood(prompt: str, asked: Element) -> tuple[str, dict[str, Any]]:
    """The kind that is asked for, and the parameters that the prompt sets of it."""
    kinds, words = _kinds(), prompt.strip()
    if asked.kind and asked.kind not in kinds:
        hint = f"there are {', '.join(kinds)}"
        raise AcetateError("bad_request", f"there is no element {asked.kind!r}", field="element.kind", hint=hint)
    found = _read(prompt, asked.kind)
    if found is not None:
        return found.kind, dict(found.values)
    kind = asked.kind or (words if words in kinds else "")
    if not kind:
        raise AcetateError(
            "bad_request",
            f"the prompt {words[:60]!r} names no element" if words else "the prompt is empty",
            field="prompt",
            hint=f"name one of {', '.join(kinds)}; what else there is to see takes another model",
        )
    return kind, {}


def _read(prompt: str, kind: str) -> Understood | None:
    """What a prompt says about a kind, which it need not name; of any kind where that is empty."""
    from acetate.elements import understand

    found = understand(prompt)
    if kind and prompt.strip() and (found is None or found.kind != kind):
        found = understand(f"{prompt} {_kinds()[kind].words[0]}")
    return found if found is None or kind in ("", found.kind) else None


def _parameters(kind: str, given: Mapping[str, Any]) -> dict[str, Parameter]:
    """Every parameter of a kind, with its own value where nothing is given. Raises AcetateError."""
    try:
        built = _kinds()[kind].build(given)
    except ValueError as error:
        named = next((name for name in given if name in str(error)), None)
        field = "element.parameters" if named is None else f"element.parameters.{named}"
        hint = f"acetate elements {kind} lists what it has"
        raise AcetateError("bad_request", str(error), field=field, hint=hint) from None
    return {each.name: getattr(built, each.name) for each in _kinds()[kind].parameters()}


def _paint(
    element: Element,
    size: Size,
    seed: int,
    frame: int,
    on_progress: Callable[[float], None] | None = None,
    mask: NDArray[np.uint8] | None = None,
) -> NDArray[np.float32]:
    from acetate.elements import paint

    place = (size.width, size.height, seed, frame, element.frames)
    try:
        return paint(element.kind, element.parameters, *place, on_progress, mask)
    except ValueError as error:
        hint = "give a mask that is white where the shape is"
        raise AcetateError("bad_request", str(error), field=f"inputs.{OUTLINE}", hint=hint) from None


def _mask(job: EngineJob) -> NDArray[np.uint8] | None:
    """The mask that the job gives, (rows, columns): its brightness, nothing where it is transparent."""
    import numpy as np

    if OUTLINE not in job.inputs:
        return None
    given = job.inputs[OUTLINE]
    light = given[..., 0] * np.float32(0.299) + given[..., 1] * np.float32(0.587) + given[..., 2] * np.float32(0.114)
    return np.asarray(np.rint(np.clip(light * given[..., 3], 0, 1) * 255), np.uint8)


def _preview(element: Element, size: Size, seed: int, mask: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """The first frame in small: the same seed has the same shapes in every size."""
    import numpy as np

    scale = min(1.0, PREVIEW_SIDE / max(size.width, size.height))
    small = Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))
    return np.rint(_paint(element, small, seed, 0, mask=mask) * 255).astype(np.uint8)


def _in_format(picture: NDArray[np.float32], request: LayerRequest) -> NDArray[Any]:
    """A picture in the whole numbers of the reply, so that the frames of a loop take no more memory than its answer."""
    import numpy as np

    kind = WHOLE.get(request.reply_format)
    if kind is None or request.reply_space != "srgb":
        return picture
    most = np.float32(np.iinfo(kind).max)
    return (np.clip(picture, 0, 1) * most + np.float32(0.5)).astype(kind)


def _warnings(request: LayerRequest) -> tuple[LayerWarning, ...]:
    """The words of the prompt that mean nothing to the kind that was drawn."""
    words, element = request.prompt.strip(), request.element
    if not words or element is None or words in _kinds():
        return ()
    found = _read(words, element.kind)
    strange = words.split() if found is None else found.not_understood
    if not strange:
        return ()
    message = _("not understood: {words}").format(words=", ".join(strange))
    return (LayerWarning("not_understood", message, _("acetate elements lists what can be asked for")),)
