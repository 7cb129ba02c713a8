"""A job in an editor: its states, and how far it is."""

from __future__ import annotations

from typing import Any, Iterable, Optional

PREPARING, WAITING, RUNNING, SAVING = "preparing", "waiting", "running", "keeping"
SAVED, PLACED = "kept", "placed"
FAILED, CANCELLED, LOST = "failed", "cancelled", "lost"
"""The states as files of every version hold them."""
OPEN = (PREPARING, WAITING, RUNNING, SAVING)
"""States of a job whose end is still to come."""
FAILED_STATES = (FAILED, CANCELLED, LOST)
"""States of a job that ended without layers."""


class EditorJob:
    """What every editor knows of a job; an editor's own class adds the document, the settings, the layers.

    `position` jobs run before it; `step` of `steps` and `seconds_left` are of its `stage`, `preview` is the layer as it
    stands. `code`, `message` and `hint` say why it failed, and `retry` whether trying again can help. `unsaved` layers
    are finished and not safe on this disk: the daemon still has them.
    """

    id: str
    state: str = PREPARING
    position: int = 0
    stage: str = ""
    step: int = 0
    steps: int = 0
    seconds_left: Optional[float] = None
    preview: Any = None
    code: str = ""
    message: str = ""
    hint: str = ""
    retry: bool = True
    cancelling: bool = False
    unsaved: bool = False

    @property
    def busy(self) -> bool:
        """Whether its end is still to come."""
        return self.state in OPEN

    @property
    def share(self) -> Optional[float]:
        """How far it is, 0 to 1; None when that cannot be told."""
        return self.step / self.steps if self.state == RUNNING and self.steps else None

    @property
    def would_take_hours(self) -> bool:
        """Whether it was refused for its time, so that trying again means to wait for it."""
        return self.code == "too_slow"

    @property
    def prompts(self) -> Iterable[str]:
        """What it is to draw, which no report tells."""
        return ()

    @property
    def explanation(self) -> str:
        """Why it stands as it does, with the way out; empty where there is nothing to say."""
        return ": ".join(filter(None, (self.message, self.hint)))

    def set_state(self, state: str, code: str = "", message: str = "", hint: str = "", retry: bool = True) -> None:
        """Go to a state, with the reason where it is a failure."""
        self.state, self.code, self.message, self.hint, self.retry = state, code, message, hint, retry
        self.preview, self.cancelling = None, False
