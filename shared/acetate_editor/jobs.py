"""A job in an editor: its states, and how far it is."""

from __future__ import annotations

from typing import Any

from acetate_wire.events import Progress

PREPARING, WAITING, RUNNING, SAVING = "preparing", "waiting", "running", "keeping"
SAVED, PLACED = "kept", "placed"
FAILED, CANCELLED, LOST = "failed", "cancelled", "lost"
"""The states as files of every version hold them."""
OPEN = (PREPARING, WAITING, RUNNING, SAVING)
"""States of a job whose end is still to come."""
FAILED_STATES = (FAILED, CANCELLED, LOST)
"""States of a job that ended without layers."""


class EditorJob:
    """What both editors know of a job; their own jobs inherit it and add the document, the settings, the layers.

    `position` jobs run before it; `step` of `steps` and `seconds_left` are of its `stage`, `preview` is the layer as it
    stands. `code`, `message` and `hint` say why it failed, and `retry` whether trying again can help.
    """

    id: str
    state: str = PREPARING
    position: int = 0
    stage: str = ""
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    preview: Any = None
    code: str = ""
    message: str = ""
    hint: str = ""
    retry: bool = True
    cancelling: bool = False

    def advance(self, event: Progress) -> None:
        """Take the daemon's news of how far it is."""
        self.state, self.stage = RUNNING, event.stage
        self.step, self.steps, self.seconds_left = event.step, event.steps, event.seconds_left

    @property
    def busy(self) -> bool:
        """Whether its end is still to come."""
        return self.state in OPEN

    @property
    def share(self) -> float | None:
        """How far it is, 0 to 1; None when that cannot be told."""
        return self.step / self.steps if self.state == RUNNING and self.steps else None
