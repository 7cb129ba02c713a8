"""Every picture that enters anywhere comes in upright, in sRGB, with its alpha; what is broken says why."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from acetate.image.reading import UnreadablePictureError, read_picture
from PIL import Image

CASES = Path(__file__).parents[1] / "cases" / "pictures"
LOSSY = {"exif6.jpg", "cmyk.jpg"}
NAMES = sorted(path.name.removesuffix(".png") for path in (CASES / "expected").iterdir())


def test_every_case_has_its_expectation() -> None:
    assert set(NAMES) == {path.name for path in CASES.iterdir() if path.is_file()} - {"broken.avif"}


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_comes_in_as_it_is_meant(name: str) -> None:
    got = read_picture(CASES / name).pixels.astype(int)
    wanted = np.asarray(Image.open(CASES / "expected" / f"{name}.png").convert("RGBA")).astype(int)
    assert got.shape == wanted.shape
    assert np.array_equal(got[..., 3], wanted[..., 3])
    # What can be seen of a difference: of a colour stored premultiplied, little is left under little alpha.
    seen = np.abs(got - wanted) * wanted[..., 3:] / 255
    assert seen.max() <= (4 if name in LOSSY else 1)


def test_bytes_are_read_as_files_are() -> None:
    path = CASES / "rgba16.png"
    assert np.array_equal(read_picture(path.read_bytes()).pixels, read_picture(path).pixels)


@pytest.mark.parametrize("content", [(CASES / "broken.avif").read_bytes(), b"", b"no picture at all"])
def test_what_is_broken_is_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(UnreadablePictureError) as refusal:
        read_picture(content)
    assert str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "0x" not in str(refusal.value)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "JPEG2000", "WEBP", "BMP", "GIF", "TGA"])
def test_a_cut_file_of_any_format_is_refused(format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    whole = io.BytesIO()
    Image.fromarray(noise).save(whole, format)
    with pytest.raises(UnreadablePictureError):
        read_picture(whole.getvalue()[: len(whole.getvalue()) // 3])


def test_a_picture_over_the_limit_is_refused_before_it_is_decoded() -> None:
    large = io.BytesIO()
    Image.new("1", (22_000, 22_000)).save(large, "PNG")
    with pytest.raises(UnreadablePictureError, match="22000 x 22000 pixels are over the limit"):
        read_picture(large.getvalue())


def test_floats_are_scaled_and_what_is_no_number_is_black() -> None:
    values = np.array([[0.0, 0.5, 1.0, 7.0, np.nan, -1.0]], np.float32)
    stored = io.BytesIO()
    Image.fromarray(values, "F").save(stored, "TIFF")
    assert read_picture(stored.getvalue()).pixels[0, :, 0].tolist() == [0, 128, 255, 255, 0, 0]


def test_deep_masks_keep_their_softness_whatever_their_byte_order() -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(2, 0)
    wanted = (ramp[0] / 257).round()
    for format, order in (("PNG", "<u2"), ("TIFF", "<u2"), ("TIFF", ">u2")):
        stored = io.BytesIO()
        Image.fromarray(ramp.astype(order)).save(stored, format)
        assert np.abs(read_picture(stored.getvalue()).pixels[0, :, 0] - wanted).max() <= 1


def test_a_missing_file_is_told_apart() -> None:
    with pytest.raises(FileNotFoundError):
        read_picture(CASES / "nowhere.png")
