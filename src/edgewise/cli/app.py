"""The command line as a whole: its verbs, --version, completion."""

from typing import Annotated

import typer

import edgewise
from edgewise.cli import embed, evaluate, generate, graph, predict, recipes, rewire, train

EXAMPLES = """\b
Examples:
  edgewise recipes              what there is to train
  edgewise train cora-gat       train it
  edgewise train --help         how else
  edgewise evaluate runs/cora-gat
  edgewise graph "window(128, 128) | hubs(0)"
  edgewise rewire MODEL --graph "window(8, 8)" --data sentences.txt
"""

# Plain help: Rich's boxes would double the time that --help takes, and wrap the examples.
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, epilog=EXAMPLES)


def _version(asked: bool) -> bool:
    if asked:
        typer.echo(f"edgewise {edgewise.__version__}")
        raise typer.Exit
    return asked


@app.callback()
def edgewise_(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Attention and message passing are one thing: sums over the neighbours in a graph."""


app.command(epilog=train.EXAMPLES)(train.train)
app.command(epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command(epilog=predict.EXAMPLES)(predict.predict)
app.command(epilog=graph.EXAMPLES)(graph.graph)
app.command(epilog=recipes.EXAMPLES)(recipes.recipes)
app.command(epilog=rewire.EXAMPLES)(rewire.rewire)
app.command(epilog=embed.EXAMPLES)(embed.embed)
app.command(epilog=generate.EXAMPLES)(generate.generate)
