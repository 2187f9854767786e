"""edgewise predict: what a trained network says of new data, as a table."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from edgewise.cli import completion
from edgewise.cli.door import door, stoppable

EXAMPLES = """\b
Examples:
  edgewise predict runs/mine new_graph -o answers.parquet     a folder of tables
  edgewise predict runs/esol molecules.csv -o answers.csv     a table with a column of SMILES
  edgewise predict runs/mine new_graph -o answers.csv --overwrite
  edgewise predict runs/links new_graph -o links.csv -k 5     the five likeliest partners of every node
"""


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", autocompletion=completion.run_folders)],
    data: Annotated[Path, typer.Argument(metavar="INPUT", help="A folder or a file of the kind it was trained on.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A file that ends in .parquet or .csv.")],
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change an option; repeat for more.")
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option("--top-k", "-k", min=1, help="Of links: partners to suggest a node; usually 10."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
) -> None:
    """Write what a run says of every example in INPUT.

    A row an example: which it is, then the likeliest class and the probability of each, or the probability of each
    label, or numbers in the units of the targets. Columns are encoded as in training; no targets are needed.

    Of links: a row a suggestion, the likeliest pairs that are not linked in INPUT: node, rank, partner, p(linked).
    """
    with stoppable(), door(ValueError, TypeError, IndexError, ImportError, OSError):
        sys.path.insert(0, str(Path.cwd()))
        from rich.console import Console

        with Console(stderr=True).status("reading the run and the data"):
            from edgewise.data import LinkTask
            from edgewise.training import Trained
            from edgewise.training import predict as predict_run
            from edgewise.training.predict import check_out, write

            check_out(out, overwrite)
            trained = Trained.open(run, changes or ())
            task = trained.task_in(data, targets=False)
            if top_k is not None and not isinstance(task, LinkTask):
                raise ValueError(f"--top-k is of links, and {run} says something of each {task.example}; leave it out")
        from edgewise.cli.progress import Batches

        if isinstance(task, LinkTask):
            from edgewise.analysis.suggestions import suggested

            with Batches("node") as progress:
                said = suggested(trained, task, 10 if top_k is None else top_k, tell=progress.tell)
            rows = f"{len(said['rank'])} suggestions for {task.num_nodes} nodes"
        else:
            with Batches() as progress:
                said = predict_run(trained, task, tell=progress.tell)
            rows = f"{len(task.test)} {task.example}s"
        write(out, said)
        typer.echo(f"{rows}, {len(said)} columns: {out}")
