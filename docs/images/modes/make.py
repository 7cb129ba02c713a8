#!/usr/bin/env python3
"""Makes the pictures of docs/modes.md again, with the commands that stand there: python3 docs/images/modes/make.py"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PAGE = ROOT / "docs" / "modes.md"


def main() -> int:
    """Run the page's commands in order in an empty folder, and keep the previews that the page shows."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("    acetate ")]
    commands = [command for command in commands if command[0] != "take"]  # The page's job is not here.
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HERE / "mask.png", folder)
        for command in commands:
            print("acetate", *command, flush=True)
            subprocess.run([sys.executable, str(ROOT / "run.py"), *command], cwd=folder, check=True)
        for preview in Path(folder).glob("*.preview.png"):
            shutil.copy(preview, HERE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
