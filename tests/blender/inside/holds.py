"""How long Blender is held up, tick by tick, by a large layer."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

import addon
import bpy
import pictures
import scene


class Watch:
    """Adds up the seconds that pass inside of the functions it is put around."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, owner: Any, name: str) -> Callable[[], None]:
        """Watch a function of a module; the result puts it back."""
        inner = getattr(owner, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            try:
                return inner(*arguments, **options)
            finally:
                self.seconds += time.perf_counter() - begin

        setattr(owner, name, watched)
        return lambda: setattr(owner, name, inner)

    def first_step(self, owner: Any, name: str) -> Callable[[], None]:
        """Watch a generator's first step, which is Blender's own reading of an image."""
        inner = getattr(owner, name)

        def watched(*arguments: Any) -> Generator[None, None, Any]:
            steps = inner(*arguments)
            begin = time.perf_counter()
            next(steps)
            self.seconds += time.perf_counter() - begin
            yield
            return (yield from steps)

        setattr(owner, name, watched)
        return lambda: setattr(owner, name, inner)


def ticks(side: int) -> dict[str, float]:
    """A layer of that side out of an image of that side: the longest tick in milliseconds, all and own."""
    scene.fresh(side, side)
    name = pictures.painted("Large", side, side)
    session, images = addon.part("runtime"), addon.part("pictures.images")
    blenders = Watch()
    undo = [blenders.first_step(images, "read"), blenders.around(images, "from_png")]
    placing = Watch()
    undo.append(placing.around(session, "place"))
    longest = {"all": 0.0, "without_image_calls": 0.0, "placing": 0.0}
    bpy.ops.acetate.generate("EXEC_DEFAULT", True, prompt="echo", mode="refine", layer_from="IMAGE", layer_name=name)
    end = time.monotonic() + 120
    while time.monotonic() < end and session.controller().of(bpy.context.scene)[0].state != "placed":
        blenders.seconds = placing.seconds = 0.0
        begin = time.perf_counter()
        wait = session.poll()
        took = time.perf_counter() - begin
        longest["all"] = max(longest["all"], took)
        longest["placing"] = max(longest["placing"], placing.seconds - blenders.seconds)
        longest["without_image_calls"] = max(longest["without_image_calls"], took - blenders.seconds)
        time.sleep(min(wait, 0.02))
    for put_back in undo:
        put_back()
    return {key: 1000 * value for key, value in longest.items()}
