"""`acetate train …`: the trainings, resumable and in plain sight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import platformdirs
import typer
from acetate.i18n import tr as _
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from acetate_lab.training.configs.dry_run import Estimate
    from acetate_lab.training.configs.runner import Finished, RunOptions

GIGABYTE = 10**9
PACKAGES = platformdirs.user_cache_path("acetate") / "packages"
STOPPED = _("Stopped. Start the same command again and it goes on from the last checkpoint.")
app = typer.Typer(
    no_args_is_help=True, help=_("Train models. Every run can be stopped at any moment and goes on later.")
)


Config = Annotated[
    Path, typer.Argument(metavar="CONFIG.toml", help=_("The settings; docs/training.md explains every one."))
]
DryRun = Annotated[bool, typer.Option("--dry-run", help=_("Only estimate memory and time, from a few measured steps."))]


@app.command()
def transparency(config: Config, dry_run: DryRun = False) -> None:
    """Train offset encoder and transparent decoder for any frozen VAE."""
    from acetate_lab.training.configs.transparency import run_transparency

    _run(run_transparency, config, dry_run)


@app.command()
def text(config: Config, dry_run: DryRun = False) -> None:
    """Train a base model to draw transparent layers: a LoRA on its attention, or deltas of its weights."""
    from acetate_lab.training.configs.text import run_text

    _run(run_text, config, dry_run)


@app.command()
def layers(config: Config, dry_run: DryRun = False) -> None:
    """Train attention sharing: one to three layers of a scene side by side, with or without a control image."""
    from acetate_lab.training.configs.layers import run_layers

    _run(run_layers, config, dry_run)


def _run(recipe: Callable[[RunOptions], Estimate | Finished], config: Path, dry_run: bool) -> None:
    from acetate_lab.training.configs.dry_run import Estimate
    from acetate_lab.training.configs.runner import RunOptions

    console = Console()
    try:
        result = recipe(RunOptions(config, dry_run, lambda line: console.log(line, highlight=False)))
    except KeyboardInterrupt:
        console.print(STOPPED)
        raise typer.Exit(130) from None
    if isinstance(result, Estimate):
        _show_estimate(console, result)
        raise typer.Exit(0 if result.fits else 1)
    for path in result.written:
        console.print(_("written: {path}").format(path=path), highlight=False, soft_wrap=True)


def _show_estimate(console: Console, found: Estimate) -> None:
    table = Table(show_header=False, box=None)
    rows = {
        _("weights of all networks"): found.weights,
        _("weights that are trained"): found.trained,
        _("their gradients"): found.gradients,
        _("the optimiser's memory"): found.optimiser,
        _("the moving average"): found.average,
        _("most memory at once"): found.peak,
        _("memory that there is"): found.available,
        _("a checkpoint on disk"): found.checkpoint,
        _("disk space that is free"): found.disk,
    }
    for name, size in rows.items():
        table.add_row(name, f"{size / GIGABYTE:.2f} GB")
    if found.step_seconds is not None and found.seconds is not None:
        table.add_row(_("one step"), f"{found.step_seconds:.2f} s")
        table.add_row(_("all {steps} steps").format(steps=found.steps), f"{timedelta(seconds=round(found.seconds))}")
    console.print(table)
    if not found.fits:
        hint = _("This does not fit: take a smaller run.batch or data.size, or run.gradient_checkpointing = true.")
        console.print(hint, highlight=False)


@app.command()
def starter(
    runs: Annotated[Path, typer.Option(help=_("Folder for data, checkpoints, logs and sample sheets."))] = Path(
        "runs/starter"
    ),
    output: Annotated[Path | None, typer.Option("--output", "-o", help=_("Folder for the finished model."))] = None,
    vae_steps: Annotated[int | None, typer.Option(min=1, help=_("Steps of the VAE's training."))] = None,
    transparency_steps: Annotated[
        int | None, typer.Option(min=0, help=_("Steps of the latent transparency's training."))
    ] = None,
    text_steps: Annotated[int | None, typer.Option(min=0, help=_("Steps of the UNet's training."))] = None,
    upsampler_steps: Annotated[int | None, typer.Option(min=0, help=_("Steps of the upsampler's training."))] = None,
    decoder_steps: Annotated[
        int | None, typer.Option(min=0, help=_("Steps of the transparent decoder's training on drawn latents."))
    ] = None,
    layers_steps: Annotated[
        int | None, typer.Option(min=0, help=_("Steps of the training that shares attention between layers."))
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help=_("CPU threads; 0 takes all."))] = 0,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0,
            help=_("Stop in time, and write the model as far as it has come; the same command goes on. 0 only writes."),
        ),
    ] = None,
    measure: Annotated[bool, typer.Option("--measure", help=_("Tell where the time goes."))] = False,
    processes: Annotated[
        int | None, typer.Option(min=0, help=_("Processes that make data meanwhile; 0 makes it when it is needed."))
    ] = None,
    pack: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help=_("Take all data from a file that `acetate train pack` wrote; no network is needed."),
        ),
    ] = None,
    parts: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="MIB",
            help=_("Keep small checkpoints too: averages in half precision, in RUNS/parts, in files of so many MiB."),
        ),
    ] = None,
    compile_unet: Annotated[
        bool,
        typer.Option(
            "--compile",
            help=_("Compile the UNet, on a graphics card with CUDA graphs: minutes at first, faster steps then."),
        ),
    ] = False,
    finished: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            exists=True,
            file_okay=False,
            help=_("Go on from the folder of a finished starter: its VAE stays, all else is trained on."),
        ),
    ] = None,
) -> None:
    """Build the data, train VAE, latent transparency, UNet and layer sharing, and write the starter model.

    Watch it with: tensorboard --logdir RUNS. Sample sheets lie beside the checkpoints.
    """
    import torch

    from acetate_lab.training.packages import PackageError
    from acetate_lab.training.small_checkpoints import SmallCheckpoints
    from acetate_lab.training.starter.data_pool import usual_processes
    from acetate_lab.training.starter.export import export_starter
    from acetate_lab.training.starter.pack import open_pack
    from acetate_lab.training.starter.preview import write_preview
    from acetate_lab.training.starter.recipe import RunControl, StarterRecipe, train_starter
    from acetate_lab.training.trainer import Deadline

    if threads:
        torch.set_num_threads(threads)
    console = Console()
    processes = usual_processes() if processes is None else processes
    small = SmallCheckpoints(runs / "parts", None if parts is None else parts * 2**20)
    compiler = "inductor" if compile_unet else None
    pace = RunControl(Deadline.after(minutes), measure, processes, small, compiler)
    recipe = StarterRecipe()
    chosen = {
        "vae": vae_steps,
        "transparency": transparency_steps,
        "text": text_steps,
        "upsampler": upsampler_steps,
        "decoder": decoder_steps,
        "layers": layers_steps,
    }
    for name, steps in chosen.items():
        if steps is not None:
            recipe = replace(recipe, **{name: replace(getattr(recipe, name), steps=steps)})

    def log(line: str) -> None:
        console.log(line, highlight=False)

    cache = PACKAGES if pack is None else open_pack(pack, runs, log)
    try:
        trained = train_starter(recipe, runs, cache, log, finished, pace)
        export_starter(trained, recipe, cache, output or runs / "model")
        write_preview(output or runs / "model", log)
    except PackageError as error:
        Console(stderr=True).print(str(error), highlight=False)
        raise typer.Exit(2) from error
    except KeyboardInterrupt:
        console.print(STOPPED)
        raise typer.Exit(130) from None
    console.print(_("The model is in {folder}").format(folder=output or runs / "model"))


@app.command()
def pack(
    file: Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help=_("The file that is written."))],
    runs: Annotated[Path, typer.Option(help=_("Folder with the data; it is built there where it is missing."))] = Path(
        "runs/starter"
    ),
) -> None:
    """Write all data of the starter's training into one file, to train on a machine without network."""
    from acetate_lab.training.packages import PackageError
    from acetate_lab.training.starter.dataset import build_pictures
    from acetate_lab.training.starter.pack import write_pack

    console = Console()
    try:
        pictures = build_pictures(runs / "data", PACKAGES, lambda line: console.log(line, highlight=False))
        write_pack(file, pictures, PACKAGES, lambda line: console.print(line, highlight=False, soft_wrap=True))
    except PackageError as error:
        Console(stderr=True).print(str(error), highlight=False)
        raise typer.Exit(2) from error


@app.command()
def preview(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", exists=True, file_okay=False, help=_("Folder of a finished starter."))
    ],
) -> None:
    """Fit the small network that makes previews of a starter's latents, and write it into the model's folder."""
    from acetate_lab.training.starter.preview import write_preview

    console = Console()
    write_preview(model, lambda line: console.log(line, highlight=False))
    console.print(_("The model is in {folder}").format(folder=model))
