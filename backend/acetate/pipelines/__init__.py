"""The layer modes, all run through `run`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from acetate_wire.errors import AcetateError
from acetate_wire.limits import Limits
from acetate_wire.request_codec import check_limits

from acetate.generation import GenerationProgress
from acetate.pipelines.context import GeneratedLayer, GenerationContext
from acetate.pipelines.metadata import GenerationMetadata
from acetate.pipelines.validation import resolve_request

if TYPE_CHECKING:
    from acetate_wire.request import LayerRequest
    from torch import Tensor

    from acetate.models.model_cache import ModelCache

__all__ = [
    "GeneratedLayer",
    "GenerationMetadata",
    "resolve_request",
    "run",
    "run_resolved",
]


def run(
    request: LayerRequest,
    inputs: Mapping[str, Tensor],
    store: ModelCache,
    report: Callable[[GenerationProgress], None],
    controls: Sequence[Tensor] = (),
) -> tuple[GeneratedLayer, ...]:
    """Make the layers of a request, checked and its defaults filled in; otherwise as `run_resolved`."""
    check_limits(request, Limits())
    if request.reply_format == "gray8":
        raise AcetateError(
            "bad_request",
            "reply_format gray8 cannot hold a layer's colours",
            field="reply_format",
            hint="ask for rgba8",
        )
    return run_resolved(resolve_request(request, store.registry), inputs, store, report, controls)


def run_resolved(
    request: LayerRequest,
    inputs: Mapping[str, Tensor],
    store: ModelCache,
    report: Callable[[GenerationProgress], None],
    controls: Sequence[Tensor] = (),
) -> tuple[GeneratedLayer, ...]:
    """Make the layers of a request out of `resolve_request`, each in exactly the target's size.

    `inputs` are the request's pictures by role, and `controls` those of its controls, as "4 h w" straight-alpha sRGB
    in [0, 1]. `report` is called between steps; what it raises (`JobCancelled`) ends the job there. Raises
    AcetateError when that cannot be done: a model or file that has gone meanwhile, or too little memory.

    Where the model overflows in float16, the job begins again in a wider number format: steps in two formats would make
    layers that no settings give again.
    """
    import torch

    from acetate.models.finite import NotANumberError
    from acetate.pipelines.modes import generate

    def attempt() -> tuple[GeneratedLayer, ...]:
        report(GenerationProgress("loading", 0, 1))
        model = store.get(request.model)
        recipe = model.spec.recipe(request.mode, request.inputs)
        return generate(GenerationContext(request, recipe, model, report, inputs, tuple(controls)))

    try:
        try:
            return attempt()
        except NotANumberError:
            if not store.widen(request.model):
                raise
        try:
            return attempt()
        except NotANumberError:
            store.narrow(request.model)
            raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _too_little_memory(request) from error
    except RuntimeError as error:
        # PyTorch's allocator for the processor has no exception of its own.
        if "not enough memory" in str(error) or "can't allocate memory" in str(error):
            raise _too_little_memory(request) from error
        raise


def _too_little_memory(request: LayerRequest) -> AcetateError:
    size = f"{request.target.width} x {request.target.height}"
    return AcetateError(
        "out_of_memory",
        f"{size} pixels did not fit into memory",
        field="target",
        hint="choose a smaller size, or close other programs",
        retry=True,
    )
