"""`python -m acetate.daemon`: the daemon without the command line's helpers, as editors start it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace
from pathlib import Path

from acetate_wire.errors import AcetateError

from acetate.daemon.config import DaemonConfig
from acetate.daemon.run import serve

KINDS = {"Path": Path, "str": str, "float": float, "int": int}


def main() -> int:
    """Serve; 0 also when another daemon of this user is running already. Every setting is an option."""
    parser = argparse.ArgumentParser(prog="python -m acetate.daemon", description=DaemonConfig.__doc__)
    for field in fields(DaemonConfig):
        if field.type in KINDS:
            parser.add_argument("--" + field.name.replace("_", "-"), type=KINDS[str(field.type)])
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    try:
        serve(replace(DaemonConfig(), **given))
    except AcetateError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
