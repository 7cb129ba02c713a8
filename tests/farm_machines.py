"""A farm for tests: `acetate farm start` and `join`, each at an address of its own of this computer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.daemon.harness import ROOT, until

HEAD, OTHER, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"
PORTS = 300
PATIENCE_S = 180.0


@dataclass
class Machines:
    """The machines of a farm by their hosts; `home` has their logs and the farm's key, of this `address`."""

    home: Path
    first_port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The head's."""
        return f"{HEAD}:{self.first_port}"

    @property
    def key(self) -> Path:
        """The file with the farm's key."""
        return self.home / "farm.json"

    def start(self, host: str, workers: int = 1, environment: Mapping[str, str] | None = None) -> None:
        """Run a machine, the first one as the head, and wait until it is part of the farm."""
        words = ["join", self.address] if self.processes else ["start"]
        port = self.first_port + len(self.processes) * PORTS
        log = self.home / f"{host}.log"
        own = {"PYTHONPATH": str(ROOT), "ACETATE_STATE_DIR": str(self.home), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "acetate", "farm", *words, "--host", host, "--port", str(port)]
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*command, "--workers", str(workers)],
                env={**os.environ, **own, **(environment or {})},
                stdout=file,
                stderr=file,
                cwd=self.home,
                start_new_session=True,
            )
        self.processes[host] = process
        until(lambda: b"runtime started" in log.read_bytes() or process.poll() is not None, host, PATIENCE_S)
        assert process.poll() is None, log.read_text()

    def family(self, host: str) -> list[psutil.Process]:
        """Ray's processes of a machine, with the actors there."""
        found: list[psutil.Process] = psutil.Process(self.processes[host].pid).children(recursive=True)
        return found

    def raylet(self, host: str) -> psutil.Process:
        """The process of a machine that the head asks whether it lives."""
        return next(process for process in self.family(host) if process.name() == "raylet")

    def close(self) -> None:
        """End all machines, the head last."""
        for host, process in reversed(self.processes.items()):
            family = self.family(host) if process.poll() is None else []
            process.terminate()
            for each in family:
                if each.is_running():
                    each.kill()
            process.wait()


@contextmanager
def a_farm(folder: Path, *workers: int, environment: Mapping[str, str] | None = None) -> Iterator[Machines]:
    """A farm for a `with` block, of machines with so many workers."""
    machines = Machines(folder, free_ports())
    try:
        for host, count in zip((HEAD, OTHER, THIRD), workers, strict=False):
            machines.start(host, count, environment)
        yield machines
    finally:
        machines.close()


def free_ports() -> int:
    """The first of enough ports that nobody listens on."""
    for first in range(20000, 60000, 4 * PORTS):
        try:
            for number, host in enumerate((HEAD, OTHER, THIRD)):
                with socket.socket() as probe:
                    probe.bind((host, first + number * PORTS))
        except OSError:
            continue
        return first
    raise AssertionError("no port is free")
