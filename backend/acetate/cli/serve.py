"""`acetate serve`: the daemon in the foreground."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from acetate_wire.connection import Connection

from acetate.cli.console import echo
from acetate.i18n import tr as _


def serve(
    tcp: Annotated[
        str,
        typer.Option(metavar="HOST:PORT", help=_("Also listen here, for paired machines; always encrypted.")),
    ] = "",
    unload_after: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help=_("Free the models' memory after so long without a job."))
    ] = 600,
    stop_after: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help=_("End after so long without clients and jobs."))
    ] = 3600,
    keep_days: Annotated[
        float, typer.Option(metavar="DAYS", min=0, help=_("How long layers wait for the editor that asked."))
    ] = 7,
    keep_gib: Annotated[
        float, typer.Option(metavar="GIB", min=0, help=_("How much room waiting layers may take; the oldest go first."))
    ] = 2,
    workers: Annotated[
        str | None,
        typer.Option(metavar="N", help=_("How many jobs are drawn at the same time. [default: one on each card]")),
    ] = None,
    farm: Annotated[
        str, typer.Option(metavar="HOST:PORT", help=_("Draw on the workers of the farm with this head."))
    ] = "",
    farm_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("The farm's key. [default: farm.json of this machine]"))
    ] = None,
    engine: Annotated[
        str | None, typer.Option(metavar="NAME", help=_("The engine that draws, of those that are installed."))
    ] = None,
) -> None:
    """Run the daemon that draws for Krita, Blender and this command line."""
    from acetate.cli.jobs import running
    from acetate.daemon.config import DAY_S, DaemonConfig
    from acetate.daemon.run import serve as run

    settings = DaemonConfig(
        tcp=tcp,
        farm=farm,
        unload_after_s=unload_after,
        idle_exit_s=stop_after,
        keep_s=keep_days * DAY_S,
        keep_bytes=int(keep_gib * (1 << 30)),
    )
    if farm_key is not None:
        settings = replace(settings, farm_key=farm_key)
    if workers is not None:
        settings = replace(settings, workers=workers)
    if engine is not None:
        settings = replace(settings, engine=engine)

    def ready(connection: Connection) -> None:
        places = connection.endpoint
        if connection.tcp and connection.tcp != places:
            places += _(" and ") + connection.tcp
        echo(
            _("The daemon listens at {places} (process {pid}). Ctrl+C ends it; jobs go on next time.").format(
                places=places, pid=connection.pid
            )
        )

    if not run(settings, ready):
        found = running()
        echo(
            _("The daemon is already running at {place} (process {pid}).").format(
                place=found.endpoint if found else "?", pid=found.pid if found else "?"
            )
        )
