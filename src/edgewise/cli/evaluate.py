"""edgewise evaluate: how good a trained network is, on its own data or on others."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from edgewise.cli import completion
from edgewise.cli.door import door, stoppable

EXAMPLES = """\b
Examples:
  edgewise evaluate runs/cora-gat
  edgewise evaluate runs/cora-gat --part test --json
  edgewise evaluate runs/mine --data other_graph        a folder of the same kind
  edgewise evaluate runs/mine --set training.device=cpu
"""


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", autocompletion=completion.run_folders)],
    data: Annotated[
        Path | None, typer.Option(help="Other data of the same kind: every example with a target counts.")
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="train, validation or test alone.", autocompletion=completion.parts)
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change an option; repeat for more.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say how good a run's best weights are, part by part.

    Other data are read as training read its own: the same categories, the same means, the same classes. Of their links
    those are asked about that the recipe's split would test, and all others heard.
    """
    with stoppable(), door(ValueError, TypeError, IndexError, ImportError, OSError):
        sys.path.insert(0, str(Path.cwd()))
        from rich.console import Console

        with Console(stderr=True).status("reading the run and the data"):
            from edgewise.names import lookup
            from edgewise.training import Trained
            from edgewise.training import evaluate as evaluate_run

            if data is not None and part is not None:
                raise ValueError("--data and --part: other data have no parts, all that is known of them counts")
            asked = completion.PARTS if part is None else (lookup(part, dict.fromkeys(completion.PARTS, part), "part"),)
            found = evaluate_run(Trained.open(run, changes or ()), data=data, parts=asked)
        if as_json:
            told: dict[str, Any] = {
                name: {"examples": figures.examples, "loss": figures.loss, **figures.scores}
                for name, figures in found.parts.items()
            }
            typer.echo(json.dumps({"run": str(run), "epoch": found.epoch, "data": found.task.name, "parts": told}))
            return
        from edgewise.cli.summary import show_evaluation

        show_evaluation(found, run)
