"""The controls of one job at work: which of them count at a step, and what the UNet is given for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor

from acetate.adapters.ip_adapter import Style, styled
from acetate.adapters.preprocessors import control_picture
from acetate.adapters.spatial import Moment, Structure, load_structure, together
from acetate.models.adapter_files import STYLE, split_kind, structure_adapter
from acetate.transparency.tiling import Span

if TYPE_CHECKING:
    from acetate.models.diffusion_model import DiffusionModel


@dataclass(frozen=True, eq=False)
class ControlPicture:
    """A picture that steers the drawing, straight alpha in [0, 1], as large as the drawing.

    `kind` is that of an adapter (`scribble`, `line`, `edge`, `depth`, `pose`, `segmentation`, `tile`, `style`, or the
    name of one in the models folder), with what the picture is to be made from after a colon where it is a layer
    (`edge:edges`). It counts from `start` to `end`, shares of the schedule.
    """

    kind: str
    picture: Float[Tensor, "4 h w"]
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0

    def counts_at(self, share: float) -> bool:
        """Whether it is at work when that share of the schedule is over."""
        return self.weight != 0 and self.start <= share < self.end


@dataclass(eq=False)
class _Loaded:
    """A structure control: its picture, and the adapter for the part of it that was last asked for."""

    control: ControlPicture
    picture: Float[Tensor, "3 h w"]
    tile: tuple[Span, Span] | None = None
    adapter: Structure | None = None


class Controls:
    """Asked before each step for what the UNet is given besides its own inputs."""

    def __init__(
        self,
        model: DiffusionModel,
        structures: Sequence[_Loaded],
        style: Style | None,
        styles: Sequence[ControlPicture],
    ) -> None:
        self._model = model
        self._structures = structures
        self._style = style
        self._styles = styles

    def inputs(
        self, moment: Moment, share: float, tile: tuple[Span, Span] | None, conditional: Sequence[bool]
    ) -> dict[str, Any]:
        """The UNet's arguments for a batch, SDXL's own conditions among them."""
        answers = [
            self._adapter(each, tile).residuals(moment, each.control.weight)
            for each in self._structures
            if each.control.counts_at(share)
        ]
        added = dict(moment.added or {})
        if self._style is not None:
            self._style.weigh([each.weight if each.counts_at(share) else 0.0 for each in self._styles])
            added["image_embeds"] = self._style.rows(conditional)
        return {**together(answers), "added_cond_kwargs": added or None}

    def _adapter(self, loaded: _Loaded, tile: tuple[Span, Span] | None) -> Structure:
        if loaded.adapter is None or loaded.tile != tile:
            picture = loaded.picture
            if tile is not None:
                rows, columns = tile
                picture = picture[:, rows.start : rows.stop, columns.start : columns.stop]
            path = structure_adapter(self._model.spec.family.name, loaded.control.kind)
            loaded.adapter = load_structure(path, self._model, picture)
            loaded.tile = tile
        return loaded.adapter


@contextmanager
def controlled(model: DiffusionModel, controls: Sequence[ControlPicture]) -> Iterator[Controls]:
    """Load the adapters of these controls for a `with` block.

    Raises WireError `bad_request` for a kind that there is not, and `model_missing` naming the way to its files.
    """
    structures, styles = [], []
    for control in controls:
        kind, source = split_kind(control.kind)
        if kind == STYLE:
            styles.append(control)
            continue
        structure_adapter(model.spec.family.name, kind)
        picture = control_picture(control.picture.float().cpu(), source)
        structures.append(_Loaded(replace(control, kind=kind), picture.to(model.device)))
    with styled(model, [control.picture for control in styles]) as style:
        yield Controls(model, structures, style, styles)
