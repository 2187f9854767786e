"""edgewise train: from a recipe to a run folder."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from edgewise.cli.builtin import complete, find, label
from edgewise.cli.door import INTERRUPTED, door
from edgewise.ranks import rank

EXAMPLES = """\b
Examples:
  edgewise train cora-gat
  edgewise train cora-gat --seed 3 --out runs/seed3
  edgewise train cora-gat --set model.hidden=16 --set data.split_seed=1
  edgewise train tables-gat --set data.folder=my_graph
  edgewise train molecules-graph-transformer --set data.folder=esol --set training.start=runs/zinc-pretrain
  edgewise train mine.toml --overwrite
  edgewise train cora-gat --resume         go on where it was cut off
"""


def train(
    recipe: Annotated[
        str, typer.Argument(help="A built-in name (see: edgewise recipes) or a TOML file.", autocompletion=complete)
    ],
    out: Annotated[Path | None, typer.Option(help="The run folder.", show_default="runs/RECIPE")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of first weights and dropout; the split has data.split_seed.", min=0)
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="How many at most.", min=1)] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change an option; repeat for more.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the folder; start one if there is none.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Drop the run in the folder and start again.")] = False,
) -> None:
    """Train what a recipe says, and leave the run in a folder.

    The folder holds the recipe with every option, metrics.csv, the best and the last checkpoint, pictures and tables
    of how it went, and report.md.
    """
    folder = out or Path("runs") / label(Path(recipe))
    try:
        _train(recipe, folder, _all_changes(changes, seed, epochs), resume, overwrite)
    except KeyboardInterrupt as interrupted:
        if rank():
            raise typer.Exit(INTERRUPTED) from interrupted
        typer.echo(f"edgewise: {interrupted}" if interrupted.args else "edgewise: stopped", err=True)
        written = folder / "recipe.toml"
        if written.exists():
            command = ["edgewise", "train", str(written), "--out", str(folder), "--resume"]
            typer.echo(f"To go on: {shlex.join(command)}", err=True)
        raise typer.Exit(INTERRUPTED) from interrupted


def _all_changes(changes: list[str] | None, seed: int | None, epochs: int | None) -> list[str]:
    short = {"training.seed": seed, "training.epochs": epochs}
    return [*(changes or []), *(f"{key}={value}" for key, value in short.items() if value is not None)]


def _train(recipe: str, folder: Path, changes: list[str], resume: bool, overwrite: bool) -> None:
    with door(ValueError, TypeError, IndexError, ImportError, OSError):
        file = find(recipe)
        # So that a recipe can name what stands in the folder it is run from: `mymodel:build`.
        sys.path.insert(0, str(Path.cwd()))
        from rich.console import Console

        with Console(stderr=True, quiet=rank() > 0).status("reading the recipe, the data and the model"):
            from edgewise.cli.progress import Progress
            from edgewise.cli.summary import show_outcome
            from edgewise.training import (
                CheckpointError,
                Goal,
                LostProcess,
                NoGradient,
                Recipe,
                finish,
                open_run_folder,
                prepare,
            )

            chosen = Recipe.read(file, changes, name=label(file)).as_started()
            task, network = prepare(chosen, resume=resume)
            if rank() == 0:
                open_run_folder(folder, chosen, resume=resume, overwrite=overwrite)
            goal = Goal.of(chosen.training, task)
    with door(CheckpointError, FloatingPointError, LostProcess, NoGradient, OSError):
        if rank():
            finish(chosen, task, network, folder, resume=resume)
            return
        with Progress(chosen.training.epochs, goal) as progress:
            outcome = finish(chosen, task, network, folder, resume=resume, tell=progress.tell)
    show_outcome(outcome, task, folder)
