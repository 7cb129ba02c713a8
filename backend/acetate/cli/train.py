"""`acetate train …`: the trainings, resumable and in plain sight."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import platformdirs
import typer
from rich.console import Console

from acetate.messages import tr as _

app = typer.Typer(
    no_args_is_help=True, help=_("Train models. Every run can be stopped at any moment and goes on later.")
)


@app.callback()
def trainings() -> None:
    """Keep `starter` a command of its own, whatever else there is to train."""


@app.command()
def starter(
    runs: Annotated[Path, typer.Option(help=_("Folder for data, checkpoints, logs and sample sheets."))] = Path(
        "runs/starter"
    ),
    output: Annotated[Path | None, typer.Option("--output", "-o", help=_("Folder for the finished model."))] = None,
    vae_steps: Annotated[int | None, typer.Option(min=1, help=_("Steps of the VAE's training."))] = None,
    transparency_steps: Annotated[
        int | None, typer.Option(min=1, help=_("Steps of the latent transparency's training."))
    ] = None,
    text_steps: Annotated[int | None, typer.Option(min=1, help=_("Steps of the UNet's training."))] = None,
    decoder_steps: Annotated[
        int | None, typer.Option(min=1, help=_("Steps that polish the transparent decoder at the end."))
    ] = None,
    layers_steps: Annotated[
        int | None, typer.Option(min=1, help=_("Steps of the training that shares attention between layers."))
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help=_("CPU threads; 0 takes all."))] = 0,
    finished: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            exists=True,
            file_okay=False,
            help=_("Go on from the folder of a finished starter: its autoencoders stay, its UNet is trained on."),
        ),
    ] = None,
) -> None:
    """Build the data, train VAE, latent transparency, UNet and layer sharing, and write the starter model.

    Watch it with: tensorboard --logdir RUNS. Sample sheets lie beside the checkpoints.
    """
    import torch

    from acetate.training.packages import PackageError
    from acetate.training.starter.export import export_starter
    from acetate.training.starter.recipe import StarterRecipe, train_starter

    if threads:
        torch.set_num_threads(threads)
    console = Console()
    recipe = StarterRecipe()
    chosen = {
        "vae": vae_steps,
        "transparency": transparency_steps,
        "text": text_steps,
        "decoder": decoder_steps,
        "layers": layers_steps,
    }
    for name, steps in chosen.items():
        if steps:
            recipe = replace(recipe, **{name: replace(getattr(recipe, name), steps=steps)})
    cache = platformdirs.user_cache_path("acetate") / "packages"
    try:
        trained = train_starter(recipe, runs, cache, lambda line: console.log(line, highlight=False), finished)
        export_starter(trained, recipe, cache, output or runs / "model")
    except PackageError as error:
        Console(stderr=True).print(str(error), highlight=False)
        raise typer.Exit(2) from error
    except KeyboardInterrupt:
        console.print(_("Stopped. Start the same command again and it goes on from the last checkpoint."))
        raise typer.Exit(130) from None
    console.print(_("The model is in {folder}").format(folder=output or runs / "model"))
