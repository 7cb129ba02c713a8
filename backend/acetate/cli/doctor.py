"""`acetate doctor`: what can this computer do, and does it compute what the method says?"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from acetate.cli.console import printable
from acetate.cli.json_output import STANDARD_OUTPUT, JsonOption, refuse, write_json
from acetate.i18n import tr as _

if TYPE_CHECKING:
    from acetate.models.memory_report import ModePlan
    from acetate.reference_vectors.check import VectorCase


def doctor(
    vectors: Annotated[
        Path | None,
        typer.Option("--vectors", metavar="DIR", help=_("Folder of reference vectors to compute again.")),
    ] = None,
    journal: Annotated[
        bool,
        typer.Option("--journal", help=_("Check the journal of the daemon's jobs, and mend it when it is damaged.")),
    ] = False,
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="MODEL", help=_("Check a model's files, and generate one layer with it.")),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Print how each model's modes will use this computer's memory.

    With --vectors, compute reference vectors again instead and compare: one line a case, and an error code when one
    is missed. With --journal, check the journal of the daemon's jobs instead: a damaged one is copied, what can be read
    of it makes a new one, and there is an error code. With --weights, compare a model's files with their hashes, attach
    each layer file, and generate a red apple: it is decoded from both forms of the latent, and those that are cut out
    are named.
    """
    console = Console(stderr=json_file == STANDARD_OUTPUT, highlight=False, soft_wrap=True)
    if journal:
        _journal(console, json_file)
    elif weights is not None:
        _weights(console, weights, json_file)
    elif vectors is None:
        _memory(console, json_file)
    else:
        _vectors(console, vectors, json_file)


def _memory(console: Console, json_file: Path | None) -> None:
    from rich.filesize import decimal

    from acetate.models.backbones.stable_diffusion.compiled.network import is_installed, version
    from acetate.models.devices import free_memory
    from acetate.models.memory_report import mode_plans, torch_state, wants_nf4
    from acetate.models.model_cache import ModelCache

    store = ModelCache(compiles=True)
    free = free_memory(store.device)
    console.print(_("Device {device}, {free} free.").format(device=store.device, free=decimal(free)))
    torch, advice = torch_state(store.device.type)
    console.print(_("PyTorch {version}.").format(version=torch))
    if advice:
        console.print(escape(advice), style="yellow")
    openvino = version() if is_installed() else ""
    if openvino:
        console.print(_("OpenVINO {version}.").format(version=openvino))
    elif store.device.type == "cpu":
        hint = _("OpenVINO is not installed; it may draw faster on this processor: {command}")
        console.print(escape(hint.format(command=f"{sys.executable} -m pip install 'acetate[openvino]'")))
    plans, absent = mode_plans(store)
    for plan in plans:
        console.print(_plan_line(plan))
    if wants_nf4(store.device.type, plans):
        hint = _("Weights in 4 bits need not be moved layer by layer: {command}")
        console.print(escape(hint.format(command=f"{sys.executable} -m pip install 'acetate[nf4]'")))
    for name, reason in absent.items():
        console.print(f"{escape(printable(name))}: {escape(printable(reason))}", style="dim")
    if json_file is not None:
        figures = {
            "device": str(store.device),
            "torch": torch,
            "advice": advice,
            "openvino": openvino,
            "free": free,
            "plans": [asdict(plan) for plan in plans],
            "absent": absent,
        }
        write_json(json_file, figures)


def _plan_line(plan: ModePlan) -> str:
    """Model, mode, size, plan and what it needs, in columns."""
    from rich.filesize import decimal

    verdict = "" if plan.fits else f"  [red]{_('more than there is')}[/red]"
    size = f"{plan.side} x {plan.side}"
    return f"{escape(plan.model):<12} {plan.mode:<11} {size:<12} {decimal(plan.needed):>9}  {plan.plan}{verdict}"


def _journal(console: Console, json_file: Path | None) -> None:
    from acetate.cli.jobs import STATES
    from acetate.daemon.config import state_dir
    from acetate.daemon.job_store import JOURNAL
    from acetate.daemon.journal_check import check_journal, mend_journal

    state = state_dir()
    if not (state / JOURNAL).exists():
        console.print(_("There is no journal in {folder} yet.").format(folder=escape(str(state))))
        write_json(json_file, {"journal": None})
        return
    report = check_journal(state)
    console.print(_("Journal {path}, schema {schema}.").format(path=escape(str(report.path)), schema=report.schema))
    for name, count in report.states.items():
        console.print(f"{count:>6}  {escape(STATES.get(name, name))}")
    notes = (
        (_("Damaged: {what}"), report.faults, "red"),
        (_("This job cannot be read: {what}"), report.unreadable, "red"),
        (_("The pictures of this job are missing: {what}"), report.layerless, "yellow"),
        (_("This file belongs to no job: {what}"), report.orphans, "yellow"),
    )
    for text, found, style in notes:
        for each in found:
            console.print(text.format(what=escape(each)), style=style)
    mended = mend_journal(state) if report.damaged else None
    if mended is None:
        console.print(_("The journal is sound."), style="green")
    else:
        text = _("A new journal has the {count} jobs that could be read. The damaged one is in {folder}.")
        console.print(text.format(count=mended.jobs, folder=escape(str(mended.backup))))
    if json_file is not None:
        backup = None if mended is None else str(mended.backup)
        write_json(json_file, {"journal": {**asdict(report), "path": str(report.path)}, "backup": backup})
    if mended is not None:
        raise typer.Exit(1)


def _weights(console: Console, name: str, json_file: Path | None) -> None:
    from rich.filesize import decimal

    from acetate.models.model_cache import ModelCache
    from acetate.pipelines.weights_check import check_weights

    report = check_weights(ModelCache(), name)
    verdicts = {"whole": _("whole"), "damaged": _("damaged"), "unknown": _("no hash to compare with")}
    for file in report.files:
        path = escape(printable(file.path))
        console.print(f"{file.sha256[:16]}  {decimal(file.bytes):>9}  {verdicts[file.verdict]}  {path}")
    for fault in report.faults:
        console.print(escape(printable(fault)), style="red")
    for layer in report.golden:
        latent = _("latent of the UNet") if layer.scaled else _("latent of the VAE")
        verdict = f"[green]{_('cut out')}[/green]" if layer.is_cut_out else f"[yellow]{_('not cut out')}[/yellow]"
        text = _("{latent}: alpha {corners} in the corners, {middle} in the middle")
        console.print(
            text.format(latent=latent, corners=f"{layer.corners:.3f}", middle=f"{layer.middle:.3f}") + f"  {verdict}"
        )
    if json_file is not None:
        golden = [
            {"scaled": layer.scaled, "corners": layer.corners, "middle": layer.middle, "cut_out": layer.is_cut_out}
            for layer in report.golden
        ]
        files = [asdict(file) for file in report.files]
        write_json(
            json_file,
            {"model": name, "passed": report.passed, "files": files, "faults": report.faults, "golden": golden},
        )
    if not report.passed:
        raise typer.Exit(1)


def _vectors(console: Console, vectors: Path, json_file: Path | None) -> None:
    # PyTorch takes seconds to import, which no other command should wait for.
    from acetate.reference_vectors.check import check_vectors
    from acetate.reference_vectors.folder import UnreadableVectorsError

    cases: list[VectorCase] = []
    try:
        found = check_vectors(vectors)
    except UnreadableVectorsError as error:
        refuse(str(error))
    console.print(f"{_('case'):<40} {_('error'):>10} {_('tolerance'):>10}  {_('verdict')}", style="bold")
    for case in found:
        cases.append(case)
        console.print(_line(case))
    missed = sum(not case.passed for case in cases)
    console.print(
        _("{passed} of {count} cases are within their tolerance.").format(passed=len(cases) - missed, count=len(cases))
    )
    if json_file is not None:
        figures = {"vectors": str(vectors), "passed": not missed, "cases": [asdict(case) for case in cases]}
        write_json(json_file, figures)
    if missed:
        raise typer.Exit(1)


def _line(case: VectorCase) -> str:
    """Name, largest error, tolerance and verdict of a case, in columns."""
    error = "-" if case.error is None else f"{case.error:.2e}"
    verdict = f"[green]{_('pass')}[/green]" if case.passed else f"[red]{_('MISS')}[/red]"
    note = f"  {escape(case.note)}" if case.note else ""
    return f"{escape(case.name):<40} {error:>10} {case.tolerance:>10.2e}  {verdict}{note}"
