"""Strokes on the canvas with the mouse, at pixels of the picture."""

from __future__ import annotations

from tests.krita.artist import Artist

AT = """
from acetate_krita import canvas as C
area = C.controller().viewport(); way = C.to_screen()
ends = [area.mapToGlobal(way.map(QtCore.QPointF(x, y)).toPoint()) for x, y in {ends!r}]
[[end.x(), end.y()] for end in ends]
"""


def stroke(artist: Artist, begin: tuple[int, int], end: tuple[int, int]) -> None:
    """Paint a line with the chosen brush."""
    (x, y), (right, bottom) = artist.run(AT.format(ends=[begin, end]))
    move = artist.krita.xdotool
    move("mousemove", str(x), str(y), "mousedown", "1", "sleep", "0.05")
    for part in range(1, 9):
        move("mousemove", str(x + (right - x) * part // 8), str(y + (bottom - y) * part // 8), "sleep", "0.02")
    move("mouseup", "1")
