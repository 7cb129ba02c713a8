"""Methods that cut a layer out of a picture: chroma key, matting with a trimap, and rembg where it is installed."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

CutOut: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Cuts a straight-alpha layer, "4 h w", out of an opaque picture, "3 h w", with a trimap, "h w"; all in [0, 1]."""

TRIMAP_REACH = 1 / 32
"""How far the unknown band reaches to either side of every edge, as a share of the picture's shorter side."""
SURE = 0.95
DENSEST = 0.02
"""Without a sure foreground, this share of the visible pixels, the densest, is painted as foreground."""
KEY_CLEAR, KEY_OPAQUE = 0.08, 0.35
"""Distances from the key colour (root mean square of the channels) up to which, and from which on, the key decides."""
REMBG_WEIGHTS = "u2net.onnx"


def cut_out_methods() -> Mapping[str, CutOut]:
    """Every method that this computer has, by its name."""
    found: dict[str, CutOut] = {"chroma key": chroma_key, "closed-form": closed_form, "KNN": knn}
    rembg = local_rembg()
    if rembg is not None:
        found["rembg"] = rembg
    return found


def trimap_of(alpha: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """The trimap that a careful person would paint: 1 is surely the subject, 0 surely not, 0.5 is open.

    Sure parts are eroded away from every edge. Where nothing is sure to be opaque, as in smoke, the densest parts are
    painted as foreground, because a matting method needs some.
    """
    reach = max(1, round(TRIMAP_REACH * min(alpha.shape)))
    clear = _eroded(alpha <= 1 - SURE, reach)
    opaque = _eroded(alpha >= SURE, reach)
    if not bool(opaque.any()):
        visible = alpha[alpha > 1 - SURE]
        opaque = alpha >= (torch.quantile(visible, 1 - DENSEST) if len(visible) else 1.0)
    return torch.where(opaque, 1.0, torch.where(clear, 0.0, 0.5))


def chroma_key(picture: Float[Tensor, "3 h w"], trimap: Float[Tensor, "h w"]) -> Float[Tensor, "4 h w"]:
    """Alpha from each pixel's distance to the key colour, the median of the frame's border; colour with the key
    taken out again. Needs no trimap."""
    border = torch.cat([picture[:, 0], picture[:, -1], picture[:, :, 0], picture[:, :, -1]], dim=1)
    key = border.median(dim=1).values.view(3, 1, 1)
    distance = (picture - key).square().mean(dim=0).sqrt()
    alpha = ((distance - KEY_CLEAR) / (KEY_OPAQUE - KEY_CLEAR)).clamp(0, 1)
    colour = torch.where(alpha > 0, (picture - (1 - alpha) * key) / alpha.clamp_min(1e-3), picture).clamp(0, 1)
    return torch.cat([colour, alpha[None]])


def closed_form(picture: Float[Tensor, "3 h w"], trimap: Float[Tensor, "h w"]) -> Float[Tensor, "4 h w"]:
    """Closed-form matting (Levin et al. 2008), and the foreground's colour by the fast multi-level method."""
    import pymatting

    return _matted(pymatting.estimate_alpha_cf, picture, trimap)


def knn(picture: Float[Tensor, "3 h w"], trimap: Float[Tensor, "h w"]) -> Float[Tensor, "4 h w"]:
    """KNN matting (Chen et al. 2013), and the foreground's colour by the fast multi-level method."""
    import pymatting

    return _matted(pymatting.estimate_alpha_knn, picture, trimap)


def local_rembg() -> CutOut | None:
    """rembg with U2-Net; None unless it and the network's weights are on this computer already. Needs no trimap."""
    weights = Path(os.environ.get("U2NET_HOME", Path.home() / ".u2net")) / REMBG_WEIGHTS
    if find_spec("rembg") is None or not weights.is_file():
        return None
    import rembg
    from PIL import Image

    session = rembg.new_session("u2net")

    def cut(picture: Float[Tensor, "3 h w"], trimap: Float[Tensor, "h w"]) -> Float[Tensor, "4 h w"]:
        pixels = (_pixels(picture) * 255).round().astype(np.uint8)
        mask = rembg.remove(Image.fromarray(pixels), session=session, only_mask=True)
        return _with_colour(picture, np.asarray(mask.convert("L"), dtype=np.float64) / 255)

    return cut


def _matted(
    estimate: Callable[..., Any], picture: Float[Tensor, "3 h w"], trimap: Float[Tensor, "h w"]
) -> Float[Tensor, "4 h w"]:
    # Its solver prints advice on its own settings, which has no place among the figures.
    with redirect_stdout(io.StringIO()):
        alpha = estimate(_pixels(picture), trimap.double().numpy())
    return _with_colour(picture, alpha)


def _with_colour(picture: Float[Tensor, "3 h w"], alpha: np.ndarray[Any, np.dtype[np.float64]]) -> Tensor:
    from pymatting import estimate_foreground_ml

    colour = torch.from_numpy(np.asarray(estimate_foreground_ml(_pixels(picture), alpha), dtype=np.float32))
    return torch.cat([colour.permute(2, 0, 1), torch.from_numpy(alpha).float()[None]]).clamp(0, 1)


def _pixels(picture: Float[Tensor, "3 h w"]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return picture.permute(1, 2, 0).double().contiguous().numpy()


def _eroded(where: Tensor, reach: int) -> Tensor:
    other = F.max_pool2d((~where).float()[None, None], 2 * reach + 1, stride=1, padding=reach)
    return other[0, 0] == 0
