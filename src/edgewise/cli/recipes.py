"""edgewise recipes: what can be trained without writing a file."""

from typing import Annotated

import typer

from edgewise.cli.builtin import RECIPES, complete, find
from edgewise.cli.door import door, stoppable

EXAMPLES = """\b
Examples:
  edgewise recipes                         list them
  edgewise recipes cora-gat > mine.toml    a copy to change
"""


def recipes(
    name: Annotated[str | None, typer.Argument(help="Print this one.", autocompletion=complete)] = None,
) -> None:
    """List the built-in recipes, or print one."""
    with stoppable(), door(ValueError, OSError):
        if name is not None:
            typer.echo(find(name).read_text(encoding="utf-8"), nl=False)
            return
        width = max(map(len, RECIPES))
        for label, file in RECIPES.items():
            with file.open(encoding="utf-8") as lines:
                typer.echo(f"{label:<{width}}  {lines.readline().lstrip('# ').rstrip()}")
