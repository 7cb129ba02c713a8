"""Latent transparency measured: the matting errors against plain sums, and probes that find each known failure."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from acetate_lab.cli.evaluate import app
from acetate_lab.evaluation.image_folder import kind_of, read_pictures, spread
from acetate_lab.evaluation.metric import Metric
from acetate_lab.evaluation.thresholds import Threshold
from acetate_lab.evaluation.transparency.perceptual import local_lpips
from acetate_lab.evaluation.transparency.probes import Probe, ProbeResult, draw_probes, measure_probe, probe_checks
from acetate_lab.metrics.matting import connectivity_error, gradient_error
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch import Tensor
from typer.testing import CliRunner


def alpha(seed: int, size: int = 20) -> Tensor:
    return torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradient_of(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian derivatives with a unit-norm kernel of 9 x 9, the size that a sigma of 1.4 has there."""
    offset = np.arange(-4, 5)
    bell = np.exp(-(offset**2) / (2 * 1.4**2))
    kernel = np.outer(bell, offset * bell)
    kernel /= np.sqrt((kernel**2).sum())
    across, down = (ndimage.correlate(picture, each, mode="nearest") for each in (kernel, kernel.T))
    magnitude: NDArray[np.float64] = np.hypot(across, down)
    return magnitude


def test_the_gradient_error_is_the_summed_square_of_what_the_magnitudes_differ() -> None:
    first, second = alpha(1), alpha(2)
    a, b = gradient_of(first[0, 0].numpy()), gradient_of(second[0, 0].numpy())
    assert gradient_error(first, second).item() == pytest.approx(((a - b) ** 2).sum() / 1000, rel=1e-5)
    assert gradient_error(first, first).item() == 0


def connectivity_by_labels(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The benchmark's definition, with scipy's labels (joined by sides)."""
    last = np.ones_like(a)
    failed = np.zeros(a.shape, bool)
    for step in range(1, 11):
        labels, count = ndimage.label((a >= step * 0.1) & (b >= step * 0.1))
        sizes = ndimage.sum_labels(np.ones_like(a), labels, range(1, count + 1))
        body = labels == 1 + int(np.argmax(sizes)) if count else np.zeros(a.shape, bool)
        last[~body & ~failed] = (step - 1) * 0.1
        failed |= ~body
    phi = [1 - np.where(each - last >= 0.15, each - last, 0) for each in (a, b)]
    return float(np.abs(phi[0] - phi[1]).sum()) / 1000


def test_the_connectivity_error_is_the_benchmarks() -> None:
    smooth = [torch.nn.functional.avg_pool2d(alpha(seed, 24), 5, 1) for seed in (1, 2)]
    first, second = ((each - each.min()) / (each.max() - each.min()) for each in smooth)
    expected = connectivity_by_labels(first[0, 0].numpy(), second[0, 0].numpy())
    assert connectivity_error(first, second).item() == pytest.approx(expected, rel=1e-5)


def test_a_loose_opaque_bit_counts_its_pixels() -> None:
    target = torch.zeros(1, 1, 12, 12)
    target[..., 2:8, 2:8] = 1
    result = target.clone()
    result[..., 10, 10] = 1
    assert connectivity_error(result, target).item() == pytest.approx(1 / 1000)


def test_alphas_of_different_sizes_are_refused() -> None:
    for error in (gradient_error, connectivity_error):
        with pytest.raises(ValueError, match="different sizes"):
            error(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 9, 9))


def spoiled(probe: Probe, red: float = 0.0, opacity: float = 1.0, haze: float = 0.0, shrink: int = 0) -> ProbeResult:
    decoded = probe.picture.clone()
    if shrink:
        decoded[3] = -torch.nn.functional.max_pool2d(-decoded[3:], 2 * shrink + 1, 1, shrink)[0]
    decoded[0] += red
    decoded[3] = decoded[3] * opacity + haze
    return measure_probe(probe, decoded)


def measured(**faults: float) -> dict[str, Metric]:
    results = [spoiled(probe, **faults) for probe in draw_probes(64)]  # type: ignore[arg-type]
    return {check.key: check for check in probe_checks(results)}


def test_a_perfect_decoder_passes_every_check() -> None:
    found = measured()
    assert {check.met for check in found.values()} == {True}
    assert all(abs(check.value) < 1e-6 for check in found.values())


@pytest.mark.parametrize(
    ("faults", "failed", "value"),
    [
        ({"red": 0.05}, {"reddish_cast"}, 0.05),
        ({"opacity": 0.9}, {"lowered_opacity", "partial_opacity"}, 0.1),
        ({"haze": 0.02}, {"haze"}, 0.02),
    ],
)
def test_each_fault_fails_its_own_check(faults: dict[str, float], failed: set[str], value: float) -> None:
    found = measured(**faults)
    assert {key for key, check in found.items() if not check.met} == failed
    assert found[min(failed)].value == pytest.approx(value, abs=1e-3)


def test_a_pixel_lost_all_around_is_a_shrunk_region() -> None:
    found = measured(shrink=1)
    assert not found["shrinking"].met
    assert found["lowered_opacity"].met


def test_a_figure_says_its_bar_and_whether_it_is_met() -> None:
    figure = Metric("loose", "Loose bits", 0.05, "%", "", Threshold(at_most=0.03))
    assert (figure.text(), figure.expected(), figure.verdict()) == ("5.0%", "≤ 3.0%", "missed")
    assert Metric("psnr", "PSNR", 32, "dB", "", Threshold(at_least=31)).met
    assert Metric("psnr", "PSNR", 32, "dB", "").met is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two transparent pictures and one without transparency, of three sizes."""
    pictures = tmp_path / "pictures"
    (pictures / "birds").mkdir(parents=True)
    disc = np.zeros((80, 120, 4), np.uint8)
    disc[20:60, 30:90] = (200, 40, 40, 255)
    Image.fromarray(disc).save(pictures / "birds" / "red_robin.png")
    Image.new("RGBA", (100, 100), (10, 200, 30, 90)).save(pictures / "mist.webp", lossless=True)
    Image.new("RGBA", (64, 32), (10, 200, 30, 255)).save(pictures / "opaque.png")
    return pictures


def test_a_folder_of_any_pictures_is_fitted_and_named(folder: Path) -> None:
    found = read_pictures(folder, 10, 64)
    assert [(each.name, each.set, each.kind) for each in found.about] == [
        ("red robin", "birds", "hard"),
        ("mist", "pictures", "soft"),
    ]
    assert found.pictures.shape == (2, 4, 64, 64)
    assert found.pictures[0, 3].mean().item() == pytest.approx((40 * 60 / 80 / 120) * (43 / 64), abs=0.02)


def test_pictures_are_taken_evenly() -> None:
    assert spread(10, 4) == (0, 2, 5, 7)
    assert spread(3, 9) == (0, 1, 2)


def test_an_edge_of_a_few_pixels_does_not_make_a_picture_soft() -> None:
    sheet = torch.zeros(64, 64)
    sheet[16:48, 16:48] = 1
    sheet[15, 15:49] = 0.5
    assert (kind_of(sheet), kind_of(sheet * 0.6)) == ("hard", "soft")


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["transparency", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_measures_a_model_folder_and_writes_page_and_json(
    tiny_starter: Path, folder: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report"
    code, out, err = run(str(tiny_starter), str(folder), "--report", str(report), "--passes", "1", "--json", "-")
    assert code == 0, err
    document = json.loads(out)
    assert document == json.loads((report / "transparency.json").read_text(encoding="utf-8"))
    mean = document["pictures"]["mean"]
    assert {"alpha_psnr", "alpha_sad", "alpha_mse", "gradient", "connectivity", "nine_psnr", "rgb_cost"} <= set(mean)
    assert ("nine_lpips" in mean) == (local_lpips() is not None)
    assert all(math.isfinite(value) for value in mean.values())
    assert set(document["checks"]) >= {"reddish_cast", "shrinking", "lowered_opacity"}
    page = (report / "transparency.html").read_text(encoding="utf-8")
    assert "red robin" in page and "Reddish cast" in page


def test_a_folder_with_only_a_vae_and_its_transparency_is_enough(tiny_starter: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for part in ("vae", "transparency"):
        (bare / part).symlink_to(tiny_starter / part)
    code, _, err = run(str(bare), "--count", "1", "--passes", "1", "--report", str(tmp_path / "report"))
    assert code == 0, err


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--passes", "3"], "--passes is 3: choose 1, 2, 4 or 8"),
        (["--size", "100"], "--size is 100: choose a multiple of 64"),
        (["nowhere"], "nowhere: there is no such folder of pictures"),
    ],
)
def test_a_bad_value_gets_one_clear_line_and_code_2(
    tiny_starter: Path, tmp_path: Path, more: list[str], complaint: str
) -> None:
    code, _, err = run(str(tiny_starter), *more, "--report", str(tmp_path / "report"))
    assert code == 2
    assert complaint in err
    assert len(err.strip().splitlines()) == 1


def test_a_folder_without_transparent_pictures_is_refused(tiny_starter: Path, tmp_path: Path) -> None:
    Image.new("RGBA", (64, 32), (10, 200, 30, 255)).save(tmp_path / "opaque.png")
    code, _, err = run(str(tiny_starter), str(tmp_path), "--report", str(tmp_path / "report"))
    assert (code, err.strip()) == (2, f"{tmp_path} holds no pictures with transparency (PNG, WebP, TIFF or TGA)")


def test_a_model_that_is_none_is_named(tmp_path: Path) -> None:
    code, _, err = run("strater", "--report", str(tmp_path / "report"))
    assert (code, err.strip()) == (2, "strater is neither a folder nor a model that Acetate knows")
    code, _, err = run(str(tmp_path), "--report", str(tmp_path / "report"))
    assert code == 2
    assert len(err.strip().splitlines()) == 1
