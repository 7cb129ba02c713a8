"""`acetate models …`: which models are here, and fetching, adding, removing and verifying them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from acetate_wire.element import ELEMENTS
from acetate_wire.errors import AcetateError

from acetate.cli.console import echo, printable
from acetate.cli.jobs import JsonFile, write_json
from acetate.i18n import tr as _
from acetate.worker.element_engine import NATIVE_SIZE

if TYPE_CHECKING:
    from acetate.models.families import ModelFamily
    from acetate.models.hub_download import DownloadPlan
    from acetate.models.inventory import InstalledModel
    from acetate.models.licences import RestrictedLicence

ASK_ABOVE = 2_000_000_000
"""Bytes; downloads of more are asked about."""
PURPOSES = {
    "base": _("base model"),
    "layers": _("layer files"),
    "configuration": _("what describes the model"),
    "control": _("control"),
    "style": _("style adapter"),
}
"""What the files of a repository are for."""
ALLOWED = {
    "research": _("It allows research and evaluation alone: no commercial work."),
    "noncommercial": _("It does not allow commercial work."),
}
"""What a licence that has to be agreed to forbids."""
NAME = typer.Argument(help=_("Name of the model."))

app = typer.Typer(help=_("Which models are here, and fetching, adding, removing and verifying them."))


@app.callback(invoke_without_command=True)
def models(context: typer.Context, json_file: JsonFile = None) -> None:
    """List the models: what each can do, its licence, its size, and where it lives; and LoRAs for few steps."""
    if context.invoked_subcommand is not None:
        return
    from acetate.models.adapter_files import installed_loras
    from acetate.models.few_steps import few_steps_of
    from acetate.models.inventory import installed_models
    from acetate.models.registry import ModelRegistry
    from acetate.models.user_models import unusable_files

    found = (*installed_models(ModelRegistry()), _elements())
    unusable = {str(path): f"{kind.what}: {kind.hint}" for path, kind in unusable_files().items()}
    presets = {name: few for name in installed_loras() if (few := few_steps_of(name)) is not None}
    few_steps = {name: asdict(few) for name, few in presets.items()}
    figures = {"models": [asdict(holding) for holding in found], "unusable": unusable, "few_steps": few_steps}
    if write_json(json_file, figures):
        _show(found, unusable)
        for name, few in presets.items():
            line = _("LoRA {name}: {kind}, drawn in {steps} steps with {sampler} at guidance {guidance:g}")
            echo(line.format(name=name, **asdict(few)))


def _elements() -> InstalledModel:
    """The elements, as a model among others."""
    from acetate.models.inventory import InstalledModel

    place = _("Elements: drawn by formula, no neural network")
    return InstalledModel(ELEMENTS, ELEMENTS, ("text",), "Apache-2.0", NATIVE_SIZE, 0, place, own=False)


def _show(found: Sequence[InstalledModel], unusable: Mapping[str, str]) -> None:
    from rich.console import Console
    from rich.filesize import decimal
    from rich.markup import escape

    from acetate.models.licences import restricted_licence

    def shown(text: str) -> str:
        return escape(printable(text))

    console = Console(highlight=False)
    for holding in found:
        size = f"  {decimal(holding.bytes)}" if holding.bytes else ""
        console.print(f"[bold cyan]{shown(holding.name)}[/]  {holding.family}  {shown(holding.licence)}{size}")
        restricted = restricted_licence(holding.licence, "")
        if restricted is not None:
            console.print(f"  {ALLOWED[restricted.allows]}", style="yellow", soft_wrap=True)
        if holding.modes:
            console.print(_("  can do: {modes}").format(modes=", ".join(holding.modes)))
        if holding.missing:
            console.print(_("  missing: {what}").format(what=shown(holding.missing)), soft_wrap=True)
        console.print(_("  where: {place}").format(place=shown(holding.place)), style="dim", soft_wrap=True)
    for path, reason in unusable.items():
        console.print(_("Not usable: {path}").format(path=shown(path)), style="yellow", soft_wrap=True)
        console.print(f"  {shown(reason)}", soft_wrap=True)


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help=_("sd15, sdxl, an adapter such as sdxl/edge, or owner/model."))],
    layers: Annotated[bool, typer.Option("--layers", help=_("Only the layer files of the family."))] = False,
    configuration: Annotated[
        bool, typer.Option("--configuration", help=_("Only what describes the model, for checkpoints in one file."))
    ] = False,
    full: Annotated[bool, typer.Option("--full", help=_("Weights in float32 instead of float16."))] = False,
    family: Annotated[
        str | None, typer.Option("--family", help=_("Family of a model given as owner/model: sd15 or sdxl."))
    ] = None,
    licence: Annotated[str, typer.Option("--licence", help=_("Licence to note for it."))] = "unknown",
    yes: Annotated[bool, typer.Option("--yes", "-y", help=_("Fetch large files without asking."))] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept-license", metavar="NAME", help=_("Agree to this licence; may be repeated.")),
    ] = None,
) -> None:
    """Fetch a model from the Hugging Face hub. Stopped half-way, it goes on from there when called again."""
    from acetate.models.families import families
    from acetate.models.hub_download import download_spec, plan_download
    from acetate.models.user_models import UserModel, read_user_models, write_user_models

    foreign = "/" in name and name.partition("/")[0] not in families()
    kind = _family(family) if foreign else None
    wanted = download_spec(name, family=kind, configuration=configuration, layers=layers, full=full)
    plan = plan_download(wanted)
    _agree(plan.licences, accept or ())
    _fetch(plan, agreed=yes)
    if kind is not None:
        short = name.partition("/")[2]
        _write(
            lambda: write_user_models(
                read_user_models() | {short: UserModel(kind.name, repository=name, licence=licence)}
            )
        )
        echo(_("Added as {name}.").format(name=short))
    else:
        echo(_("{name} is here.").format(name=name))


def _agree(licences: Sequence[RestrictedLicence], accepted: Sequence[str]) -> None:
    """Show every licence that forbids commercial work and has not been agreed to, and ask; `accepted` are answers."""
    from acetate.models.licences import agree, agreed_licences, require_agreed

    for licence in licences:
        if licence.name in agreed_licences():
            continue
        echo(_("Licence {name}: {what}").format(name=licence.name, what=ALLOWED[licence.allows]), err=True)
        echo(_("Read it at {link}").format(link=licence.link), err=True)
        if licence.name not in accepted:
            if not sys.stdin.isatty():
                require_agreed([licence], accepted)
            typer.confirm(_("Do you agree to {name}?").format(name=licence.name), abort=True, err=True)
        _write(partial(agree, [licence]))


def _fetch(plan: DownloadPlan, *, agreed: bool) -> None:
    """Say what comes and how large it is, ask where that is much, and fetch it with one progress bar."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from acetate.models.hub_fetch import fetch
    from acetate.models.safetensors_header import in_bytes

    line = _("{repository} ({purpose}): {count} files, {size}")
    for repository, files in plan.by_repository().items():
        size = in_bytes(sum(file.bytes for file in files))
        purpose = PURPOSES[plan.purposes[repository]]
        echo(line.format(repository=repository, purpose=purpose, count=len(files), size=size), err=True)
    coming = in_bytes(plan.to_fetch)
    echo(_("To fetch: {size}.").format(size=coming), err=True)
    if plan.to_fetch > ASK_ABOVE and not agreed:
        if not sys.stdin.isatty():
            raise _refusal(
                _("{size} are much to fetch without asking").format(size=coming), _("add --yes where that is meant")
            )
        typer.confirm(_("Fetch {size} now?").format(size=coming), abort=True, err=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        task = bars.add_task(_("Fetching"), total=plan.to_fetch)
        fetch(plan, lambda count: bars.advance(task, count))


@app.command()
def add(
    path: Annotated[Path, typer.Argument(help=_("A .safetensors checkpoint, or a folder in diffusers' layout."))],
    name: Annotated[str | None, typer.Option("--name", help=_("Name for it; else the file's own."))] = None,
    licence: Annotated[str, typer.Option("--licence", help=_("Licence to note for it."))] = "unknown",
    files: Annotated[
        list[str] | None,
        typer.Option("--file", metavar="PART=PATH", help=_("A layer file to use with it; may be repeated.")),
    ] = None,
    prefer: Annotated[
        str, typer.Option("--prefer", metavar="PART", help=_("The part to draw with where several can: attn or conv."))
    ] = "",
) -> None:
    """Add a model where it is: nothing is copied or changed."""
    from acetate.models.backbones.file_kind import identify
    from acetate.models.inventory import installed_models, sha256_of
    from acetate.models.registry import ModelRegistry
    from acetate.models.user_models import UserModel, read_user_models, write_user_models

    whole = path.expanduser().resolve()
    kind = identify(whole)
    family = kind.family
    if family is None:
        raise _refusal(
            _("{path} is no Stable Diffusion 1.5 or SDXL model that can be used: it is {what}").format(
                path=path, what=kind.what
            ),
            kind.hint,
        )
    called = name or (whole.stem if whole.is_file() else whole.name)
    _refuse_known(called)
    if prefer:
        _check_part(prefer, family.name, f"--prefer {prefer}")
    layer_files = dict(_layer_file(each, family.name) for each in files or ())
    hashed = [*([whole] if whole.is_file() else []), *map(Path, layer_files.values())]
    sha256 = {str(file): sha256_of(file) for file in hashed}
    note = UserModel(family.name, str(whole), licence=licence, files=layer_files, prefer=prefer, sha256=sha256)
    _write(lambda: write_user_models(read_user_models() | {called: note}))
    echo(_("Added {name}, a model of the family {family}.").format(name=called, family=family.name))
    missing = next(each.missing for each in installed_models(ModelRegistry()) if each.name == called)
    if missing:
        echo(_("  missing: {what}").format(what=missing), err=True)


def _refuse_known(name: str) -> None:
    from acetate.models.registry import ModelRegistry

    if name in ModelRegistry().sources:
        raise _refusal(_("there is a model {name} already").format(name=name), _("give another name with --name"))


def _layer_file(text: str, family: str) -> tuple[str, str]:
    """The part and path of `PART=PATH`. Raises AcetateError naming the parts that there are."""
    part, _equals, path = text.partition("=")
    file = Path(path).expanduser().resolve()
    _check_part(part, family, f"--file {text}")
    if not file.is_file():
        raise _refusal(_("--file {text}: there is no such file").format(text=text), _("write PART=PATH"))
    return part, str(file)


def _check_part(part: str, family: str, option: str) -> None:
    from acetate.models.families import families
    from acetate.models.registry import DECODER, ENCODER

    known = {each.name for way in families()[family].recipes for each in way.adapters if each.files} | {
        ENCODER,
        DECODER,
    }
    if part not in known:
        raise _refusal(
            _("{option}: there is no part {part}").format(option=option, part=part),
            _("choose from {parts}").format(parts=", ".join(sorted(known))),
        )


@app.command()
def remove(
    name: Annotated[str, NAME],
    delete: Annotated[
        bool, typer.Option("--delete", help=_("Delete fetched files too, from the cache that all programs share."))
    ] = False,
) -> None:
    """Take a model off the list. Files stay where they are, unless --delete says otherwise."""
    from acetate.models.hub_download import forget
    from acetate.models.registry import ModelRegistry
    from acetate.models.user_models import read_user_models, write_user_models

    source = ModelRegistry().sources.get(name)
    notes = read_user_models()
    if source is None:
        raise AcetateError("unknown_model", _("there is no model {name}").format(name=repr(name)), field="name")
    if name not in notes and not (delete and source.repository):
        raise _refusal(
            _("{name} is not on the list of added models").format(name=name),
            _("its files are in {place}; a fetched model goes with --delete").format(
                place=source.file or source.folder or source.repository
            ),
        )
    freed = forget(source.repository) if delete and source.repository else 0
    if name in notes:
        _write(lambda: write_user_models({other: note for other, note in notes.items() if other != name}))
    from rich.filesize import decimal

    echo(_("Removed {name}; {size} freed.").format(name=name, size=decimal(freed)))


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help=_("Name of the model; all of them without."))] = None,
    json_file: JsonFile = None,
) -> None:
    """Read every file of a model, or of all models, LoRAs and controls: is it whole, and is it what it should be?

    Hashes are compared where they are known. There is an error code when a file is damaged.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from acetate.models.inventory import check_file, check_files, installed_models, model_files
    from acetate.models.registry import ModelRegistry
    from acetate.models.user_models import unusable_files

    catalogue = ModelRegistry()
    installed = installed_models(catalogue)
    names = [name] if name is not None else [each.name for each in installed if each.bytes]
    entries = [catalogue.entry(each) for each in names]
    # PyTorch takes seconds to import: after what can be refused without it.
    from acetate.adapters.file_check import adapter_fault, adapter_files, misfits

    files = [] if name is not None else list(adapter_files())
    total = sum(path.stat().st_size for path in (*files, *(path for entry in entries for path in model_files(entry))))
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(_("Reading"), total=total)

        def advance(count: int) -> None:
            bars.advance(task, count)

        checks = {entry.name: list(check_files(entry, advance, misfits(entry))) for entry in entries}
        adapters = [check_file(path, advance, fault=adapter_fault(path)) for path in files]
    unusable = {} if name is not None else {str(path): kind.what for path, kind in unusable_files().items()}
    if name is None:
        unusable |= {each.place: each.missing for each in installed if each.own and not each.bytes}
    everything = [*(check for found in checks.values() for check in found), *adapters]
    figures = {
        "models": {model: [asdict(check) for check in found] for model, found in checks.items()},
        "adapters": [asdict(check) for check in adapters],
        "unusable": unusable,
    }
    verdicts = {"whole": _("whole"), "damaged": _("DAMAGED"), "unknown": _("readable, hash unknown")}
    if write_json(json_file, figures):
        for check in everything:
            echo(f"{verdicts[check.verdict]:<22}  {check.path}")
            if check.note:
                echo(f"  {check.note}")
        for path, what in unusable.items():
            echo(f"{_('NOT USABLE'):<22}  {path}")
            echo(f"  {what}")
    if unusable or any(check.verdict == "damaged" for check in everything):
        raise typer.Exit(1)


def _family(name: str | None) -> ModelFamily:
    from acetate.models.families import families

    known = [family for family in families().values() if family.repository]
    for family in known:
        if family.name == name:
            return family
    raise _refusal(
        _("--family is missing or unknown"), _("choose from {names}").format(names=", ".join(f.name for f in known))
    )


def _write(change: Callable[[], None]) -> None:
    try:
        change()
    except OSError as error:
        raise AcetateError(
            "internal",
            _("the list of models cannot be written: {reason}").format(reason=error.strerror),
            hint=_("set ACETATE_MODELS_DIR to a folder of your own"),
        ) from error


def _refusal(message: str, hint: str) -> AcetateError:
    return AcetateError("bad_request", message, hint=hint)
