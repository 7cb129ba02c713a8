"""Native layers against cut-outs of the same pictures, picture by picture, where the true layer is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from acetate_lab.evaluation.cutout.methods import CutOut, trimap_of
from acetate_lab.evaluation.transparency.reconstruction import Autoencoder, round_trip
from acetate_lab.metrics.image_quality import alpha_mse, alpha_sad
from acetate_lab.metrics.matting import connectivity_error, gradient_error
from acetate_lab.metrics.over_backgrounds import compare_over_nine, composite

NATIVE = "native"
KINDS = ("hard edge", "hair", "glass", "smoke", "fire")


@dataclass(frozen=True, eq=False)
class Subject:
    """One layer that is known exactly, straight alpha; `kind` is one of `KINDS`."""

    name: str
    kind: str
    layer: Float[Tensor, "4 h w"]


@dataclass(frozen=True, eq=False)
class CutoutResult:
    """Errors of one method's layer against the true one. `background` is empty for the native layer, which has none."""

    subject: Subject
    method: str
    background: str
    sad: float
    mse: float
    gradient: float
    connectivity: float
    nine_psnr: float
    nine_ssim: float
    layer: Float[Tensor, "4 h w"]


def evaluate_cutout(
    parts: Autoencoder,
    subjects: Sequence[Subject],
    backgrounds: Mapping[str, Float[Tensor, "3 h w"]],
    methods: Mapping[str, CutOut],
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[CutoutResult]:
    """For every subject the native result, then each method's from its composite over each background.

    The native layer is the true one encoded with its transparency and decoded again: what latent transparency keeps
    of a layer, without the drawing. A cut-out starts from the true layer over the background, without any loss, and
    has a trimap made from the true alpha. Backgrounds are as large as the layers.
    """
    for index, subject in enumerate(subjects):
        native = round_trip(parts, subject.layer[None]).decoded[0]
        yield compare(subject, NATIVE, "", native)
        trimap = trimap_of(subject.layer[3])
        for background, under in backgrounds.items():
            flat = composite(subject.layer, under)
            for method, cut in methods.items():
                yield compare(subject, method, background, cut(flat, trimap))
        report(index + 1, len(subjects))


def compare(subject: Subject, method: str, background: str, layer: Float[Tensor, "4 h w"]) -> CutoutResult:
    """One layer against the true one."""
    found, true = layer[None], subject.layer[None]
    alpha, expected = found[:, 3:], true[:, 3:]
    nine = compare_over_nine(found, true)
    return CutoutResult(
        subject=subject,
        method=method,
        background=background,
        sad=float(alpha_sad(alpha, expected)),
        mse=float(alpha_mse(alpha, expected)),
        gradient=float(gradient_error(alpha, expected)),
        connectivity=float(connectivity_error(alpha, expected)),
        nine_psnr=float(nine.psnr.mean()),
        nine_ssim=float(nine.ssim.mean()),
        layer=layer,
    )
