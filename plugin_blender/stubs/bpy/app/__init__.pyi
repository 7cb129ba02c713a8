from typing import Any

from . import handlers as handlers
from . import timers as timers
from . import translations as translations

version: tuple[int, int, int]
version_string: str
background: bool

def is_job_running(kind: str) -> bool: ...
def __getattr__(name: str) -> Any: ...
