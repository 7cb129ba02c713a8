"""Preparing a UNet for one job: attach what it needs, answer step by step, detach without a trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from acetate_wire.errors import WireError
from acetate_wire.request import Lora
from jaxtyping import Float
from torch import Tensor

from acetate.models.catalogue import missing_model
from acetate.models.deltas import WeightDeltas, read_deltas
from acetate.models.parts import Part
from acetate.models.states import TextStates
from acetate.models.weights import read_weights
from acetate.sharing import SharedAttention
from acetate.transparency import vae_feed

if TYPE_CHECKING:
    from acetate.models.loaded import LoadedModel


class Attachment(Protocol):
    """A part that can be put on a UNet and taken off again."""

    def attach(self) -> Any:
        """Put it on."""
        ...

    def detach(self) -> None:
        """Take it off, without a trace; nothing happens when it is off."""
        ...


@dataclass(frozen=True, eq=False)
class ControlPicture:
    """A picture that steers the drawing, straight alpha in [0, 1], from `start` to `end` (shares of the schedule)."""

    kind: str
    picture: Float[Tensor, "4 h w"]
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0


class Predictor:
    """Asks a prepared UNet. Rows of a batch are (sample, frame), frame fastest, as many frames as the part has."""

    def __init__(self, model: LoadedModel, attachment: Attachment | None, behind: Float[Tensor, "1 c h w"] | None):
        self._model = model
        self._attachment = attachment
        self._behind = behind
        self._on = False

    @torch.inference_mode()
    def __call__(
        self,
        sample: Float[Tensor, "b c h w"],
        timestep: Float[Tensor, "..."],
        states: TextStates,
        share: float = 0.0,
    ) -> Float[Tensor, "b c h w"]:
        """What the UNet predicts, float32.

        `timestep` is one number, or one a row. `states` has a row for each of the batch, so every frame may have its
        own prompt. `share` is how much of the schedule is behind, in [0, 1]: controls are at work in their part of it.
        """
        model = self._model
        rows = states.to(model.device, model.dtype)
        seen = sample
        if self._behind is not None and self._on:
            seen = torch.cat([sample, self._behind.to(sample).expand(len(sample), -1, -1, -1)], dim=1)
        answer: Tensor = model.unet(
            seen.to(model.device, model.dtype),
            timestep.to(model.device),
            encoder_hidden_states=rows.context,
            added_cond_kwargs=_sdxl_conditions(sample, rows),
            return_dict=False,
        )[0]
        return answer.float()

    @property
    def transparent(self) -> bool:
        """Whether the part is at work; without it the plain UNet answers."""
        return self._on

    def switch(self, on: bool) -> None:
        """Put the part to work or back to the plain UNet, between two steps; everything else stays attached."""
        if on == self._on:
            return
        if self._attachment is not None:
            if on:
                self._attachment.attach()
            else:
                self._attachment.detach()
        self._on = on


@contextmanager
def prepared(
    model: LoadedModel,
    part: Part,
    given: Mapping[str, Float[Tensor, "4 h w"]],
    *,
    transparency_weight: float,
    loras: Sequence[Lora],
    controls: Sequence[ControlPicture],
) -> Iterator[Predictor]:
    """Attach to the model's UNet what a job needs; detached, its state is bit-identical to before.

    `given` has straight-alpha pictures in [0, 1], as large as the drawing, for each role that the part takes by
    `control` or `concat`; those that enter as a `frame` are the caller's to put into the batch, with time step 0.
    `transparency_weight` (0 to 2) scales what the part changes. Prompts are encoded inside the block, since LoRAs may
    change the text encoder too. Raises WireError when a file is missing or does not fit.
    """
    for field, asked in (("loras", loras), ("controls", controls)):
        if asked:
            raise WireError("mode_unsupported", f"{field} cannot be used yet", field=field, hint="leave it out")
    with ExitStack() as after:
        attachment = _attachment(model, part, given, transparency_weight)
        behind = None
        if part.enters == "concat":
            behind = torch.cat([model.encode_flat(given[role][None]) for role in part.given], dim=1)
        predictor = Predictor(model, attachment, behind)
        after.callback(predictor.switch, False)
        predictor.switch(True)
        yield predictor


def _attachment(
    model: LoadedModel, part: Part, given: Mapping[str, Float[Tensor, "4 h w"]], weight: float
) -> Attachment | None:
    if part.kind == "plain":
        return None
    path = model.entry.files[part.name]
    try:
        if part.kind == "delta":
            latents = len(part.given) if part.enters == "concat" else 0
            return WeightDeltas(model.unet, read_deltas(path, model.unet, latents), weight)
        sharing = SharedAttention(model.unet, len(part.frames), read_weights(path), weight=weight)
    except ValueError as error:
        raise missing_model(f"the part {part.name} cannot be used ({error})") from error
    if part.enters == "control":
        (role,) = part.given
        sharing.give_layer(vae_feed(given[role][None].to(model.device)))
    return sharing


def _sdxl_conditions(sample: Float[Tensor, "b c h w"], states: TextStates) -> dict[str, Tensor] | None:
    """What SDXL reads besides the prompt: its summary, and the picture's size, uncropped."""
    if states.pooled is None:
        return None
    height, width = sample.shape[2] * 8, sample.shape[3] * 8
    sizes = torch.tensor([height, width, 0, 0, height, width], dtype=states.pooled.dtype, device=states.pooled.device)
    return {"text_embeds": states.pooled, "time_ids": sizes.expand(len(states), -1)}
