"""`acetate farm …`: many machines that draw for one daemon."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from acetate_wire.errors import AcetateError
from acetate_wire.paths import state_dir

from acetate.cli.console import echo
from acetate.farm.key import FarmKey, default_key_path
from acetate.farm.machine import LAST_PORT, PORT, check_ray, own_address, run_machine
from acetate.i18n import tr as _

app = typer.Typer(help=_("Many machines that draw for one daemon, on Ray."), no_args_is_help=True)
models = typer.Typer(help=_("The models of the farm's machines."), no_args_is_help=True)
app.add_typer(models, name="models")

Host = Annotated[
    str,
    typer.Option("--host", metavar="IP", help=_("This machine's address for the others. [default: looked up]")),
]
Workers = Annotated[
    str, typer.Option("--workers", metavar="N", help=_("How many workers this machine has; auto is one on each card."))
]
Port = Annotated[int, typer.Option("--port", min=1024, max=65000, help=_("The first of the ports that Ray uses here."))]
Key = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help=_("The farm's key. [default: farm.json of this machine]"))
]


@app.command()
def start(host: Host = "", port: Port = PORT, workers: Workers = "auto", key: Key = None) -> None:
    """Make this machine the head of a farm, until Ctrl+C; the daemon may run here too."""
    check_ray()
    path = key or default_key_path()
    if not path.exists():
        FarmKey.new().save(path)
    own = host or own_address()
    echo(_("The key of the farm is {path}: bring it to each machine by a safe way.").format(path=path))
    echo(_("There: acetate farm join {address} --key FILE").format(address=f"{own}:{port}"))
    echo(_("Here: acetate serve --farm {address}").format(address=f"{own}:{port}"))
    _run(path, own, port, workers)


@app.command()
def join(
    head: Annotated[str, typer.Argument(metavar="HEAD", help=_("The head's address, as acetate farm start tells it."))],
    host: Host = "",
    port: Port = PORT,
    workers: Workers = "auto",
    key: Key = None,
) -> None:
    """Let this machine draw for a farm, until Ctrl+C."""
    check_ray()
    address = head if ":" in head else f"{head}:{PORT}"
    _run(key or default_key_path(), host or own_address(address), port, workers, address)


def _run(path: Path, host: str, port: int, workers: str, head: str = "") -> None:
    from acetate.daemon.worker_devices import find_worker_devices

    count = 0 if workers == "0" else len(find_worker_devices(workers))
    echo(_("{n} workers here, on the ports {first} to {last}.").format(n=count, first=port, last=port + LAST_PORT))
    folder = state_dir() / f"farm-{host}"
    raise typer.Exit(run_machine(FarmKey.load(path), folder, host, port, count, head))


@models.command()
def pull(
    name: Annotated[str, typer.Argument(help=_("sd15, sdxl, an adapter such as sdxl/edge, or owner/model."))],
    farm: Annotated[str, typer.Option("--farm", metavar="HEAD", help=_("The head's address."))],
    key: Key = None,
) -> None:
    """Fetch a model on every machine of a farm."""
    check_ray()
    address = farm if ":" in farm else f"{farm}:{PORT}"
    command = [sys.executable, "-m", "acetate.farm.pull", address, str(key or default_key_path()), name]
    failed = False
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            told = json.loads(line)
            failed = failed or bool(told["problem"])
            done = _("{name} is here.").format(name=name)
            echo(f"{told['machine']}: {told['problem'] or done}")
        errors = process.stderr.read().strip() if process.stderr else ""
    if process.returncode and errors:
        raise AcetateError("internal", errors.splitlines()[-1], hint=_("is this machine one of the farm's?"))
    if failed:
        raise typer.Exit(1)
