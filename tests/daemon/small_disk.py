"""A daemon whose folder lies on a disk of a few megabytes: a tmpfs, mounted for its process alone."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from tests.daemon.harness import ROOT, Daemon


class SmallDisk(Daemon):
    """Its state folder has `size` bytes; what is on it is lost when the process ends."""

    size = 4 << 20

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the daemon in a mount namespace of its own (a user namespace too, so that anybody can)."""
        self.state.mkdir(exist_ok=True)
        mount = f"mount -t tmpfs -o size={self.size},mode=700 acetate {shlex.quote(str(self.state))}"
        run = shlex.join([sys.executable, "-m", "acetate.daemon", *self.options])
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f"{mount} && exec {run}"]
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, cwd=ROOT)

    @property
    def disk(self) -> Path:
        """The small disk, seen from outside."""
        return Path(f"/proc/{self.pid}/root") / str(self.state).lstrip("/")

    def fill(self) -> Path:
        """Fill the disk to the last byte, behind the daemon's back; remove the returned file to make room."""
        filler = self.disk / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 65536)
            except OSError:
                pass
            try:
                while True:
                    file.write(b"x")
            except OSError:
                pass
        return filler
