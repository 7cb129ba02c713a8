"""A machine of a farm: its address, and the Ray processes that make it one."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from acetate_wire.errors import AcetateError

from acetate.farm.key import FarmKey

PORT = 6380
"""The head's first port; a machine uses this one and those up to `LAST_PORT` after it."""
LAST_PORT = 220
WORKERS = "acetate_worker"
"""The resource of Ray that a machine has as often as it has room for workers."""
_PORTS = (
    "node-manager-port",
    "object-manager-port",
    "runtime-env-agent-port",
    "dashboard-agent-grpc-port",
    "dashboard-agent-listen-port",
    "metrics-export-port",
)


def check_ray() -> None:
    """Raises AcetateError when the extra `ray` is not installed."""
    if importlib.util.find_spec("ray") is None or importlib.util.find_spec("cryptography") is None:
        raise AcetateError(
            "bad_request",
            "a farm needs Ray, which is not installed",
            hint=f"{sys.executable} -m pip install 'acetate[ray]', on each machine",
        )


def own_address(head: str = "") -> str:
    """This machine's IP address, as the machine at `head` (`HOST:PORT`) sees it. Raises AcetateError."""
    host = head.rpartition(":")[0] or head
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            address = socket.gethostbyname(host) if host else "192.0.2.1"
            try:
                probe.bind((address, 0))
                return address
            except OSError:
                # It is another machine: nothing is sent, the system only chooses the way there.
                probe.connect((address, 9))
                return str(probe.getsockname()[0])
    except OSError as error:
        raise AcetateError(
            "bad_request", f"there is no way to {host} ({error})", field="address", hint="name it by its IP address"
        ) from None


def ray_command(host: str, port: int, workers: int, head: str = "") -> list[str]:
    """`ray start` for this machine: the head of a farm, or one that joins the farm of `head` (`HOST:PORT`).

    It uses the ports from `port` to `port + LAST_PORT` alone, so that a firewall can let them through.
    """
    place = ["--address", head] if head else ["--head", "--port", str(port), "--include-dashboard", "false"]
    ports = [text for number, name in enumerate(_PORTS, 1) for text in (f"--{name}", str(port + number))]
    ports += ["--min-worker-port", str(port + 20), "--max-worker-port", str(port + LAST_PORT)]
    room = json.dumps({WORKERS: workers})
    return [
        *(
            sys.executable,
            "-m",
            "ray.scripts.scripts",
            "start",
            "--block",
            "--disable-usage-stats",
            "--include-log-monitor",
            "false",
        ),
        *("--node-ip-address", host, "--resources", room),
        *place,
        *ports,
    ]


def run_machine(key: FarmKey, folder: Path, host: str, port: int, workers: int, head: str = "") -> int:
    """Be a machine of a farm until a signal ends it, and return Ray's exit code; `folder` is for what Ray reads."""
    environment = {**os.environ, **key.environment(folder, host)}
    command = ray_command(host, port, workers, head)
    # Ray ends its processes by itself when it is interrupted.
    return subprocess.run(command, env=environment, check=False).returncode
