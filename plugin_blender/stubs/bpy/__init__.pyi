from typing import Any

from . import app as app
from . import path as path
from . import props as props
from . import types as types
from . import utils as utils

context: Any
data: Any
ops: Any
