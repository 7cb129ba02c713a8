"""A layer that is sent out and comes back unchanged lands exactly where it was, whatever the depth and colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.krita.artist import Artist

ENCODED = "sRGB-elle-V2-srgbtrc.icc"
LINEAR = "sRGB-elle-V2-g10.icc"
TYPES = {"U8": "u1", "U16": "<u2", "F16": "<f2", "F32": "<f4"}
WIDTH, HEIGHT = 61, 47


def noise(depth: str, width: int = WIDTH, height: int = HEIGHT, channels: int = 4) -> NDArray[Any]:
    """Random pixels, transparency too; in floats between 0 and 1."""
    random = np.random.default_rng(7)
    if depth.startswith("U"):
        kind = np.dtype(TYPES[depth])
        return random.integers(0, np.iinfo(kind).max, (height, width, channels), dtype=kind, endpoint=True)
    return random.random((height, width, channels)).astype(TYPES[depth])


def echo(artist: Artist, source: str, name: str = "echo") -> None:
    """Have a layer sent out and brought back."""
    artist.set("refine", first=source)
    artist.make(name)


@pytest.mark.parametrize("profile", [ENCODED, LINEAR])
@pytest.mark.parametrize("depth", ["U8", "U16", "F16"])
def test_rgb_comes_back_without_any_error(artist: Artist, depth: str, profile: str) -> None:
    artist.new(WIDTH, HEIGHT, "RGBA", depth, profile)
    sent = noise(depth).tobytes()
    artist.paint("mine", sent, 0, 0, WIDTH, HEIGHT)
    echo(artist, "mine")
    assert artist.names() == ["Background", "mine", "echo"]
    assert artist.pixels("echo", 0, 0, WIDTH, HEIGHT) == sent
    assert artist.pixels("mine", 0, 0, WIDTH, HEIGHT) == sent


def test_encoded_float_comes_back_without_any_error(artist: Artist) -> None:
    artist.new(WIDTH, HEIGHT, "RGBA", "F32", ENCODED)
    sent = noise("F32").tobytes()
    artist.paint("mine", sent, 0, 0, WIDTH, HEIGHT)
    echo(artist, "mine")
    assert artist.pixels("echo", 0, 0, WIDTH, HEIGHT) == sent


def test_linear_float_comes_back_to_the_last_digits_of_single_precision(artist: Artist) -> None:
    artist.new(WIDTH, HEIGHT, "RGBA", "F32", LINEAR)
    sent = noise("F32")
    artist.paint("mine", sent.tobytes(), 0, 0, WIDTH, HEIGHT)
    echo(artist, "mine")
    back = np.frombuffer(artist.pixels("echo", 0, 0, WIDTH, HEIGHT), "<f4").reshape(sent.shape)
    error = float(np.abs(back - sent).max())
    print(f"\nlinear F32: largest error {error:.1e}")
    assert error < 1e-6


@pytest.mark.parametrize(
    ("model", "depth", "profile", "channels", "bound"),
    [
        ("GRAYA", "U8", "", 2, 1),
        ("GRAYA", "U16", "", 2, 40),
        ("RGBA", "U8", "ClayRGB-elle-V2-g22.icc", 4, 1),
    ],
)
def test_other_spaces_come_back_with_their_own_kind_of_pixels(
    artist: Artist, model: str, depth: str, profile: str, channels: int, bound: int
) -> None:
    artist.new(WIDTH, HEIGHT, model, depth, profile)
    sent = noise(depth, channels=channels)
    if model == "RGBA":
        sent = (np.asarray(sent, np.float64) * 0.2 + 100).astype(sent.dtype)  # colours that sRGB can show too
    artist.paint("mine", sent.tobytes(), 0, 0, WIDTH, HEIGHT)
    echo(artist, "mine")
    back = np.frombuffer(artist.pixels("echo", 0, 0, WIDTH, HEIGHT), sent.dtype).reshape(sent.shape)
    error = int(np.abs(back.astype(np.int64) - sent.astype(np.int64)).max())
    print(f"\n{model} {depth} {profile}: largest error {error} of {np.iinfo(sent.dtype).max}")
    assert error <= bound
    assert artist.run("[layer('echo').colorModel(), layer('echo').colorDepth()]") == [model, depth]


@pytest.mark.parametrize(("model", "depth"), [("CMYKA", "U8"), ("LABA", "U8"), ("LABA", "U16"), ("CMYKA", "F32")])
def test_print_and_lab_documents_are_converted_as_krita_does_it(artist: Artist, model: str, depth: str) -> None:
    artist.new(WIDTH, HEIGHT, model, depth)
    soft = (noise("U8").astype(np.float64) * 0.3 + 90).astype("u1")
    soft[..., 3] = 255
    artist.paint("mine", b"", 0, 0, 0, 0)
    path = artist.krita.home / "paint"
    path.write_bytes(soft.tobytes())
    artist.run(
        "strip = app.activeDocument().createNode('x', 'paintlayer')\n"
        f"strip.setColorSpace('RGBA', 'U8', {ENCODED!r})\n"
        f"strip.setPixelData(open({str(path)!r}, 'rb').read(), 0, 0, {WIDTH}, {HEIGHT})\n"
        f"strip.setColorSpace({model!r}, {depth!r}, app.activeDocument().colorProfile())\n"
        f"layer('mine').setPixelData(strip.pixelData(0, 0, {WIDTH}, {HEIGHT}), 0, 0, {WIDTH}, {HEIGHT})"
    )
    echo(artist, "mine")

    def shown(name: str, also_through: str) -> NDArray[np.int64]:
        artist.run(
            "strip = app.activeDocument().createNode('x', 'paintlayer')\n"
            f"pixels = layer({name!r}).pixelData(0, 0, {WIDTH}, {HEIGHT})\n"
            f"strip.setPixelData(pixels, 0, 0, {WIDTH}, {HEIGHT})\n"
            f"{also_through}\n"
            f"strip.setColorSpace('RGBA', 'U8', {ENCODED!r})"
        )
        raw = artist.krita.bytes(f"strip.pixelData(0, 0, {WIDTH}, {HEIGHT})")
        return np.frombuffer(raw, "u1").reshape(HEIGHT, WIDTH, 4).astype(np.int64)

    # A print profile's own way to sRGB and back is not exact, so Krita's is what there is to reach.
    krita = (
        f"strip.setColorSpace('RGBA', 'F32', {ENCODED!r})\n"
        f"strip.setColorSpace({model!r}, {depth!r}, app.activeDocument().colorProfile())"
    )
    error = int(np.abs(shown("echo", "") - shown("mine", krita)).max())
    print(f"\n{model} {depth}: largest error on the screen {error} of 255")
    assert error <= 3  # one step of an 8-bit ink
    assert artist.run("[layer('echo').colorModel(), layer('echo').colorDepth()]") == [model, depth]


def test_a_drawn_colour_is_that_colour_in_a_linear_document(artist: Artist) -> None:
    artist.new(16, 16, "RGBA", "F32", LINEAR)
    artist.run("D.more.seed.setText('200'); D.more.lock.setChecked(True)")
    artist.make("a kite")
    red, green, blue, alpha = np.frombuffer(artist.pixels("a kite", 3, 3, 1, 1), "<f4")
    expected = [((value / 255 + 0.055) / 1.055) ** 2.4 for value in (200, 77)]
    assert red == pytest.approx(expected[0], abs=1e-5)
    assert (green, alpha) == (0, 1)
    assert blue == pytest.approx(expected[1], abs=1e-5)


@pytest.mark.parametrize("rect", [(10, 7, 23, 19), (-9, -5, 40, 30), (40, 30, 50, 50), (0, 0, 1, 1)])
def test_a_selection_is_the_place_also_beyond_the_canvas(artist: Artist, rect: tuple[int, int, int, int]) -> None:
    artist.new(64, 48)
    x, y, width, height = rect
    sent = np.full((48 + 80, 64 + 80, 4), 0, "u1")
    sent[...] = noise("U8", 64 + 80, 48 + 80)
    sent[..., 3] |= 1  # no pixel is quite transparent, so that Krita's bounds are the rectangle
    artist.paint("mine", sent.tobytes(), -40, -40, 64 + 80, 48 + 80)
    artist.run(f"select({x}, {y}, {width}, {height}); D.refresh()")
    assert f"{width} × {height}" in artist.run("D.target.text()")
    artist.set("foreground", first="mine")
    artist.make("echo")
    assert artist.bounds("echo") == rect
    expected = sent[y + 40 : y + 40 + height, x + 40 : x + 40 + width].tobytes()
    assert artist.pixels("echo", x, y, width, height) == expected


def ellipse(artist: Artist) -> NDArray[np.uint8]:
    """Select a soft round shape and return how much of each pixel is selected."""
    y, x = np.mgrid[0:30, 0:40]
    cover = np.clip(255 * (1.2 - np.hypot((x - 20) / 18, (y - 15) / 13)) * 2, 0, 255).astype("u1")
    path = artist.krita.home / "shape"
    path.write_bytes(cover.tobytes())
    artist.run(
        "chosen = Selection(); chosen.select(12, 9, 40, 30, 255)\n"
        f"chosen.setPixelData(open({str(path)!r}, 'rb').read(), 12, 9, 40, 30)\n"
        "app.activeDocument().setSelection(chosen); D.refresh()"
    )
    return np.asarray(cover, np.uint8)


def test_a_selections_shape_becomes_a_mask(artist: Artist) -> None:
    artist.new(64, 48)
    cover = ellipse(artist)
    artist.make("a kite")
    x, y, width, height = artist.run("s = app.activeDocument().selection(); [s.x(), s.y(), s.width(), s.height()]")
    inside = cover[y - 9 : y - 9 + height, x - 12 : x - 12 + width]
    assert artist.tree()[-1][3] == [["Selection", "transparencymask", True, []]]
    full = np.frombuffer(artist.pixels("a kite", x, y, width, height), "u1").reshape(height, width, 4)
    assert (full[..., 3] == 255).all()
    seen = np.frombuffer(artist.seen("a kite", x, y, width, height), "u1").reshape(height, width, 4)
    assert np.abs(seen[..., 3].astype(int) - inside).max() <= 1
    artist.undo()
    assert artist.names() == ["Background"]
    artist.redo()
    again = np.frombuffer(artist.seen("a kite", x, y, width, height), "u1").reshape(height, width, 4)
    assert np.array_equal(again, seen)


@pytest.mark.parametrize("depth", ["U8", "U16", "F16", "F32"])
def test_a_selections_shape_can_go_into_the_alpha(artist: Artist, depth: str) -> None:
    artist.new(64, 48, "RGBA", depth, ENCODED)
    cover = ellipse(artist)
    artist.run("D.more.clip.setCurrentIndex(1)")
    artist.make("a kite")
    assert artist.tree()[-1][3] == []
    kind = np.dtype(TYPES[depth])
    full = np.iinfo(kind).max if kind.kind == "u" else 1
    got = np.frombuffer(artist.pixels("a kite", 12, 9, 40, 30), kind).reshape(30, 40, 4)[..., 3] / full
    assert np.abs(got - cover / 255).max() < 0.003


def test_what_changes_inside_the_selection_stays_inside_it(artist: Artist) -> None:
    artist.new(64, 48)
    artist.paint("mine", noise("U8", 64, 48).tobytes(), 0, 0, 64, 48)
    artist.run("select(20, 10, 16, 12); D.refresh()")
    artist.set("inpaint", first="mine")
    sent = np.frombuffer(artist.pixels("mine", 0, 0, 64, 48), "u1").reshape(48, 64, 4)
    artist.make("a kite")
    got = np.frombuffer(artist.pixels("a kite", 0, 0, 64, 48), "u1").reshape(48, 64, 4)
    changed = np.argwhere((got != sent).any(axis=2))
    assert (changed.min(axis=0) >= [10, 20]).all() and (changed.max(axis=0) < [22, 36]).all()
    assert (got[10:22, 20:36, 3] == 255).all()
    assert artist.names() == ["Background", "mine", "a kite"]


def test_a_hidden_layer_is_sent_as_it_is_and_stays_hidden(artist: Artist) -> None:
    artist.new(WIDTH, HEIGHT)
    sent = noise("U8").tobytes()
    artist.paint("mine", sent, 0, 0, WIDTH, HEIGHT)
    artist.run("layer('mine').setVisible(False)")
    echo(artist, "mine")
    assert artist.pixels("echo", 0, 0, WIDTH, HEIGHT) == sent
    assert artist.tree()[1][:3] == ["mine", "paintlayer", False]


def test_everything_that_is_seen_can_be_sent(artist: Artist) -> None:
    artist.new(WIDTH, HEIGHT)
    artist.paint("mine", noise("U8").tobytes(), 0, 0, WIDTH, HEIGHT)
    seen = artist.composed(0, 0, WIDTH, HEIGHT)
    artist.set("foreground", first="whole")
    artist.make("echo")
    assert artist.pixels("echo", 0, 0, WIDTH, HEIGHT) == seen
