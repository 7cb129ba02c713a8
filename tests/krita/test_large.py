"""Canvases of 6000 × 4000: what is larger than a message lands whole, and a limit is told before the click."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.krita.artist import Artist

WIDTH, HEIGHT = 6000, 4000


def floats(pixels: bytes) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Pixels of a document in 32-bit floats."""
    return np.frombuffer(pixels, np.float32)


@pytest.mark.slow
def test_what_is_too_large_is_told_in_mb_before_the_click(artist: Artist, tmp_path: Path) -> None:
    artist.krita.socket.settimeout(300)
    artist.new(WIDTH, HEIGHT, "RGBA", "F32")
    artist.run("D.count.setValue(4); D.prompts.prompt.setPlainText('a kite'); D.refresh()")
    artist.until("'1465 MB, over the limit of 1152 MB' in D.target.text()")
    assert not artist.run("D.button.isEnabled()")
    assert "smaller selection" in artist.run("D.target.text()")
    artist.picture(tmp_path / "large.png")
    artist.run("D.count.setValue(3); D.refresh()")
    artist.until("D.button.isEnabled() and 'MB' not in D.target.text()")


@pytest.mark.slow
def test_a_float_layer_of_6000_by_4000_goes_there_and_back(artist: Artist) -> None:
    artist.krita.socket.settimeout(300)
    artist.new(WIDTH, HEIGHT, "RGBA", "F32")
    artist.run(
        "new = app.activeDocument().createNode('mine', 'paintlayer')\n"
        "row = b'\\x00\\x00\\x80\\x3e\\x00\\x00\\x00\\x3f\\x00\\x00\\x40\\x3f\\x00\\x00\\x80\\x3f'\n"
        f"for y in range(0, {HEIGHT}, 500): new.setPixelData(row * ({WIDTH} * 500), 0, y, {WIDTH}, 500)\n"
        "app.activeDocument().rootNode().addChildNode(new, None); app.activeDocument().setActiveNode(new); D.refresh()"
    )
    mine = artist.pixels("mine", WIDTH - 2, HEIGHT - 2, 2, 2)
    artist.set("refine", first="mine")
    artist.run("D.fill.setChecked(True); D.refresh()")
    artist.ask("echo")
    artist.until("D.controller.tasks.idle and not D.controller.jobs", patience=280)
    assert artist.names()[-1] == "echo" and artist.bounds("echo") == (0, 0, WIDTH, HEIGHT)
    for x, y in ((0, 0), (WIDTH - 2, HEIGHT - 2)):
        # The engine works in encoded sRGB: linear floats come back but for their last bit.
        np.testing.assert_allclose(floats(artist.pixels("echo", x, y, 2, 2)), floats(mine), atol=1e-6)
