"""The commands about the daemon and its jobs: `jobs`, `cancel`, `status`, `stop`, `pair`."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from acetate_wire import connection as connections
from acetate_wire.blocking import BlockingClient
from acetate_wire.connection import Connection
from acetate_wire.errors import AcetateError
from acetate_wire.events import Cancelled, Done
from acetate_wire.paths import runtime_dir

import acetate
from acetate.cli.console import echo
from acetate.i18n import tr as _

if TYPE_CHECKING:
    from acetate.daemon.presence import Record

CLIENT = "cli"
STANDARD_OUTPUT = Path("-")
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help=_("Write the figures here too; - for standard output.")),
]
JobId = Annotated[str, typer.Argument(metavar="ID", help=_("The job's id, or its beginning; see acetate jobs."))]
STATES = {
    "waiting": _("waiting"),
    "running": _("running"),
    "done": _("done"),
    "failed": _("failed"),
    "cancelled": _("cancelled"),
    "expired": _("expired"),
}


def open_session(*, start: bool = True) -> BlockingClient:
    """A connection of this command line to the daemon, which is started where it is not running."""
    command = [sys.executable, "-m", "acetate.daemon"]
    return BlockingClient(CLIENT, version=acetate.__version__, start=start, command=command)


def running() -> Connection | None:
    """The connection of the daemon that is running, if one is."""
    found = connections.find()
    if found is None:
        # It may have been started by a session with another runtime folder.
        from acetate.daemon.presence import publish_for

        other = _hidden()
        found = None if other is None else publish_for(other, runtime_dir())
    if found is None:
        return None
    try:
        BlockingClient(CLIENT, version=acetate.__version__, connection=found, start=False, timeout=2).close()
    except AcetateError:
        return None
    return found


def jobs(
    action: Annotated[
        str | None, typer.Argument(metavar="[retry", help=_("Run a job again that failed with its worker or daemon."))
    ] = None,
    which: Annotated[str | None, typer.Argument(metavar="ID]", help=_("The job's id, or its beginning."))] = None,
    json_file: JsonFile = None,
) -> None:
    """List the jobs that this command line has given to the daemon and that are not forgotten yet, or run one again."""
    if action is not None:
        _retry(action, which)
        return
    with open_session() as session:
        listing = session.jobs()
    figures = {
        "jobs": [dict(job) for job in listing.jobs],
        "keep_days": listing.keep_days,
        "keep_bytes": listing.keep_bytes,
    }
    if not write_json(json_file, figures):
        return
    if not listing.jobs:
        echo(_("There are no jobs."))
    for job in listing.jobs:
        echo(job_line(job))
    if any(job["state"] == "done" for job in listing.jobs):
        echo(_("What is done waits for you: acetate take ID -o FILE writes it."))


def _retry(action: str, job: str | None) -> None:
    if action != "retry" or job is None:
        raise AcetateError("bad_request", f"jobs {action} is no command", field="action", hint="acetate jobs retry ID")
    with open_session() as session:
        id = str(find_job(session, job)["id"])
        session.retry(id)
    echo(_("It runs again: acetate take {id} writes it when it is done.").format(id=id[:8]))


def job_line(job: Mapping[str, Any]) -> str:
    """One job in one line."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(job["submitted"]))
    state = STATES.get(job["state"], job["state"])
    if job["position"] is not None:
        state += _(" ({n} before it)").format(n=job["position"])
    line = f"{job['id']}  {when}  {state:<10}  {job['mode']}: {job['prompt']}"
    return f"{line}  ({job['message']})" if job["message"] else line


def find_job(session: BlockingClient, begin: str) -> Mapping[str, Any]:
    """The one job whose id begins so, as in `Session.jobs`. Raises AcetateError `bad_request`."""
    found = [entry for entry in session.jobs().jobs if entry["id"].startswith(begin.lower())]
    if len(found) != 1:
        few = _("there is no job {id}") if not found else _("several jobs begin with {id}")
        raise AcetateError("bad_request", few.format(id=begin), field="id", hint=_("see acetate jobs"))
    return found[0]


def cancel(job: JobId) -> None:
    """Stop a job."""
    with open_session() as session:
        ended = session.cancel(find_job(session, job)["id"])
    if isinstance(ended, Cancelled):
        echo(_("Cancelled."))
    elif isinstance(ended, Done):
        echo(_("Too late: it is done."))
    else:
        echo(_("Too late: it has ended."))


def status(json_file: JsonFile = None) -> None:
    """Tell how the daemon does; exit code 1 when it is not running."""
    found = running()
    if found is None:
        hidden = _hidden()
        figures = {"running": False} if hidden is None else {"running": False, "pid": hidden.pid}
        if write_json(json_file, figures):
            echo(_("The daemon is not running.") if hidden is None else _unreachable(hidden))
        raise typer.Exit(1)
    with open_session(start=False) as session:
        values = session.status()
    figures = {"running": True, **{name: value for name, value in values.items() if name not in ("v", "kind")}}
    if not write_json(json_file, figures):
        return
    for name, text in (
        (_("process"), values["pid"]),
        *((_("worker {n}").format(n=worker["number"]), worker_line(worker)) for worker in values["pool"]),
        (_("endpoint"), " ".join(place for place in (values["endpoint"], values["tcp"]) if place)),
        (_("device"), values["device"]),
        *(((_("farm"), values["farm"]["problem"] or values["farm"]["address"]),) if values["farm"] else ()),
        (_("models loaded"), ", ".join(values["models_loaded"]) or _("none at present")),
        (_("clients"), ", ".join(values["clients"])),
        (_("jobs"), ", ".join(f"{count} {STATES[state]}" for state, count in values["jobs"].items()) or "0"),
        (_("folder"), values["state_folder"]),
    ):
        echo(f"{name:<14} {text}")


def worker_line(worker: Mapping[str, Any]) -> str:
    """Where a worker computes, and what it has and does, in one line."""
    process = _("not started") if worker["pid"] is None else _("process {pid}").format(pid=worker["pid"])
    doing = _("job {id}").format(id=worker["job"][:8]) if worker["job"] else _("no job")
    place = f"{worker['machine']} {worker['device']}".strip()
    return ", ".join((place, process, *worker["models"], doing))


def _hidden() -> Record | None:
    """The daemon that runs with this state folder, whatever its runtime folder."""
    from acetate.daemon.config import state_dir
    from acetate.daemon.presence import living

    return living(state_dir())


def _unreachable(hidden: Record) -> str:
    return _(
        "The daemon runs (process {pid}), but cannot be reached through its folder {runtime}. "
        "It publishes itself again within seconds; acetate stop ends it."
    ).format(pid=hidden.pid, runtime=hidden.runtime)


def stop() -> None:
    """End the daemon; the jobs that it holds go on when it is started again."""
    if running() is None:
        hidden = _hidden()
        if hidden is None:
            echo(_("The daemon is not running."))
        else:
            os.kill(hidden.pid, signal.SIGTERM)
            echo(_("The daemon (process {pid}) cannot be reached here; it was told to end.").format(pid=hidden.pid))
        return
    with open_session(start=False) as session:
        waiting = session.stop()["waiting"]
    echo(_("The daemon ends."))
    if waiting:
        echo(_("{n} jobs go on when it is started again.").format(n=waiting))


def pair(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help=_("A name for the other machine."))] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help=_("Where the other machine reaches this one. [default: HOSTNAME:47810]")
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help=_("The file for it. [default: acetate-NAME.json]")),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help=_("Let this machine in no more."))] = False,
) -> None:
    """Let another machine use this daemon: make the connection file for it. Without NAME, list them."""
    import socket

    from acetate.daemon import auth
    from acetate.daemon.config import state_dir

    state = state_dir()
    if name is None:
        echo("\n".join(auth.paired(state)) or _("No machine is paired."))
        return
    if remove:
        if not auth.unpair(state, name):
            raise AcetateError("bad_request", _("{name} is not paired").format(name=name), hint=_("see acetate pair"))
        echo(_("{name} may connect no more.").format(name=name))
        return
    place = endpoint or f"{socket.gethostname()}:{auth.DEFAULT_PORT}"
    if ":" not in place:
        place += f":{auth.DEFAULT_PORT}"
    file = output or Path(f"acetate-{name}.json")
    try:
        auth.pair(state, name, f"tcp://{place}", file)
    except OSError as error:
        raise AcetateError(
            "bad_request", f"{file} cannot be written: {error.strerror}", field="output", hint=_("choose another place")
        ) from None
    echo(
        _("Bring {file} to {name} by a safe way, and set ACETATE_CONNECTION to it there.").format(file=file, name=name)
    )
    port = place.rpartition(":")[2]
    echo(_("Then run here: acetate serve --tcp 0.0.0.0:{port}").format(port=port))


def write_json(path: Path | None, figures: Mapping[str, Any]) -> bool:
    """Write figures where they were asked for; False when that was standard output, so nothing else goes there."""
    if path is None:
        return True
    content = json.dumps(figures, indent=2)
    if path == STANDARD_OUTPUT:
        echo(content)
        return False
    try:
        path.write_text(content + "\n", encoding="utf-8")
    except OSError as error:
        raise AcetateError(
            "bad_request", f"{path} cannot be written: {error.strerror}", field="json", hint=_("choose another place")
        ) from None
    return True
