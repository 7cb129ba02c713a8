"""How one daemon is set up."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs
from acetate_wire.limits import Limits
from acetate_wire.paths import runtime_dir

from acetate import logs
from acetate.farm.key import default_key_path

DEFAULT_ENGINE = "standard"
DAY_S = 86400.0


def state_dir() -> Path:
    """Where journal, spool and keys live: `ACETATE_STATE_DIR`, or the platform's place for such things."""
    chosen = os.environ.get("ACETATE_STATE_DIR")
    return Path(chosen).absolute() if chosen else platformdirs.user_state_path("acetate", appauthor=False)


@dataclass(frozen=True)
class DaemonConfig:
    """Folders, limits and times of a daemon; `tcp` is `HOST:PORT` or empty, `engine` is the name of an installed
    engine (`acetate.engines`) or `module:class`, by default ACETATE_ENGINE or `standard`.

    `workers` is how many worker processes draw at the same time, or `auto`: one on each graphics card, one where the
    processor computes; by default ACETATE_WORKERS or `auto`.

    `farm` is the address (`HOST:PORT`) of a farm's head, whose workers draw then instead of this machine's, or empty;
    `farm_key` is the file with the farm's key.

    `idle_exit_s`: the daemon ends after so long without clients and jobs. `unload_after_s`: a worker, and
    the models in it, end after so long without a job. `cancel_grace_s`: how long a worker may take to stop
    before it is killed. `silence_s`: a worker that says nothing for so long during a job is asked whether it lives, and
    replaced when it does not answer within `answer_s`. `keep_s` and `keep_bytes`: how long, and how much of, finished
    layers stay that nobody took; `waiting_bytes`: how many bytes of pictures may wait in jobs. Both amounts are for
    each paired machine alone; `keep_bytes` for all of this user's clients together, `waiting_bytes` for each of them.
    `reserve_bytes`: what a new job leaves free on the disk.
    `log_level` is one of `acetate_wire.logs.LEVELS`, for daemon.log and worker.log in the state folder.
    """

    runtime: Path = field(default_factory=runtime_dir)
    state: Path = field(default_factory=state_dir)
    tcp: str = ""
    engine: str = field(default_factory=lambda: os.environ.get("ACETATE_ENGINE") or DEFAULT_ENGINE)
    workers: str = field(default_factory=lambda: os.environ.get("ACETATE_WORKERS") or "auto")
    farm: str = ""
    farm_key: Path = field(default_factory=default_key_path)
    limits: Limits = field(default_factory=Limits)
    idle_exit_s: float = 3600.0
    unload_after_s: float = 600.0
    cancel_grace_s: float = 60.0
    silence_s: float = 30.0
    answer_s: float = 30.0
    keep_s: float = 7 * DAY_S
    keep_bytes: int = 2 << 30
    waiting_bytes: int = 4 << 30
    reserve_bytes: int = 4 << 20
    log_level: str = field(default_factory=lambda: logs.chosen_level("info"))
