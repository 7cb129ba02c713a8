"""The controls of one job: which are active at a step, and the UNet's arguments for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor

from acetate.adapters.ip_adapter import IPAdapter, apply_ip_adapter
from acetate.adapters.preprocessors import make_control_image
from acetate.adapters.spatial import SpatialAdapter, UNetInput, load_spatial_adapter, sum_residuals
from acetate.models.adapter_files import STYLE_KIND, control_adapter_path, split_kind
from acetate.transparency.tiling import Span

if TYPE_CHECKING:
    from acetate.models.diffusion_model import DiffusionModel


@dataclass(frozen=True, eq=False)
class ControlImage:
    """A control image, straight alpha in [0, 1], in the working size.

    `kind` is that of an adapter (`scribble`, `line`, `edge`, `depth`, `pose`, `segmentation`, `tile`, `style`, or the
    name of one in the models folder), followed by a colon and a preprocessor where the image is a layer
    (`edge:edges`). It is active from `start` to `end`, fractions of the schedule in [0, 1].
    """

    kind: str
    picture: Float[Tensor, "4 h w"]
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0

    def is_active(self, share: float) -> bool:
        """Whether it is active when this fraction of the schedule is done."""
        return self.weight != 0 and self.start <= share < self.end


@dataclass(eq=False)
class _LoadedControl:
    """A ControlNet or T2I-Adapter control: its preprocessed image, and the adapter for the latest tile of it."""

    control: ControlImage
    picture: Float[Tensor, "3 h w"]
    tile: tuple[Span, Span] | None = None
    adapter: SpatialAdapter | None = None


class Controls:
    """Computes the UNet's additional arguments before each step."""

    def __init__(
        self,
        model: DiffusionModel,
        structures: Sequence[_LoadedControl],
        style: IPAdapter | None,
        styles: Sequence[ControlImage],
    ) -> None:
        """`structures` are ControlNets and T2I-Adapters.

        `styles` are the images of the IP-Adapter `style`, in its order.
        """
        self._model = model
        self._structures = structures
        self._style = style
        self._styles = styles

    def inputs(
        self, unet_input: UNetInput, share: float, tile: tuple[Span, Span] | None, conditional: Sequence[bool]
    ) -> dict[str, Any]:
        """The UNet's arguments for a batch: residuals, and `added_cond_kwargs` with those of SDXL."""
        residuals = [
            self._adapter(each, tile).residuals(unet_input, each.control.weight)
            for each in self._structures
            if each.control.is_active(share)
        ]
        added = dict(unet_input.added or {})
        if self._style is not None:
            self._style.set_weights([each.weight if each.is_active(share) else 0.0 for each in self._styles])
            added["image_embeds"] = self._style.rows(conditional)
        return {**sum_residuals(residuals), "added_cond_kwargs": added or None}

    def _adapter(self, loaded: _LoadedControl, tile: tuple[Span, Span] | None) -> SpatialAdapter:
        if loaded.adapter is None or loaded.tile != tile:
            picture = loaded.picture
            if tile is not None:
                rows, columns = tile
                picture = picture[:, rows.start : rows.stop, columns.start : columns.stop]
            path = control_adapter_path(self._model.spec.family.name, loaded.control.kind)
            loaded.adapter = load_spatial_adapter(path, self._model, picture)
            loaded.tile = tile
        return loaded.adapter


@contextmanager
def apply_controls(model: DiffusionModel, controls: Sequence[ControlImage]) -> Iterator[Controls]:
    """Load the adapters of these controls for a `with` block.

    Raises AcetateError `bad_request` for an unknown kind, and `model_missing` with the command that fetches its files.
    """
    structures, styles = [], []
    used = set()
    for control in controls:
        kind, source = split_kind(control.kind)
        if kind == STYLE_KIND:
            styles.append(control)
            continue
        used.add(control_adapter_path(model.spec.family.name, kind))
        picture = make_control_image(control.picture.float().cpu(), source)
        structures.append(_LoadedControl(replace(control, kind=kind), picture.to(model.device)))
    if model.placement != "resident":
        # Memory is short: what an earlier job used must not stay on the device.
        for path in model.adapters.keys() - used:
            del model.adapters[path]
    with apply_ip_adapter(model, [control.picture for control in styles]) as style:
        yield Controls(model, structures, style, styles)
