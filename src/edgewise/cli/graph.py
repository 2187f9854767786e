"""edgewise graph: a pattern or a file in figures, and drawn."""

from pathlib import Path
from typing import Annotated, Any

import typer

from edgewise.cli.door import door, stoppable
from edgewise.cli.numbers import size

NODES = 1024

EXAMPLES = """\b
Examples:
  edgewise graph "window(128, 128) | hubs(0)"
  edgewise graph "causal & window(127, 0)" -n 1000000
  edgewise graph "window(8, 8) | strided(64)" --draw pattern.png
  edgewise graph edges.csv --undirected
  edgewise graph matrix.npz --draw matrix.png
"""


def graph(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PATTERN|FILE",
            help="A pattern, or a file: .csv .parquet .tsv .txt .edges with an edge a row, .npz .mtx a sparse matrix.",
        ),
    ],
    nodes: Annotated[
        int | None,
        typer.Option(
            "--nodes",
            "-n",
            help="How many; of a list, its ids are these numbers.",
            show_default=f"{NODES}, or the file's",
        ),
    ] = None,
    undirected: Annotated[bool, typer.Option("--undirected", help="Who is heard in the file also hears.")] = False,
    draw: Annotated[Path | None, typer.Option(help="A picture: .png, .svg or .pdf.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the picture if it is there.")] = False,
) -> None:
    """Count edges, degrees and runs of a graph, and draw it.

    And say which way the kernels take it. Rows are receivers, columns senders, in the picture as everywhere.
    """
    with stoppable(), door(ValueError, TypeError, IndexError, ImportError, OSError):
        from edgewise.graph.summary import summary
        from edgewise.kernels import plan

        if draw is not None:
            _check_picture(draw, overwrite)
        made, title, how = _made(source, nodes, undirected)
        found = summary(made)
        typer.echo(f"{title}: {how}")
        for name, value in {**_figures(found), "plan": str(plan(made))}.items():
            typer.echo(f"  {name:<11} {value}")
        if draw is not None:
            from edgewise.graph.picture import draw as draw_graph
            from edgewise.training.atomic import new_file

            with new_file(draw) as new:
                draw_graph(made, new, title)
            typer.echo(f"  {'picture':<11} {draw}")


def _made(source: str, nodes: int | None, undirected: bool) -> tuple[Any, str, str]:
    """The graph, what it is called, and how it came to be."""
    from edgewise.data.graph_file import READERS, read_graph
    from edgewise.patterns import parse

    # A pattern's name holds no dot but before a class of one's own, and that no ending.
    if Path(source).exists() or source.endswith(tuple(READERS)):
        read = read_graph(source, nodes=nodes, undirected=undirected)
        return read.graph, Path(source).name, read.how
    if undirected:
        raise ValueError("--undirected is for files; a pattern says itself who hears whom")
    pattern, count = parse(source), NODES if nodes is None else nodes
    if pattern.needs:
        needs = " and ".join(sorted(pattern.needs))
        raise ValueError(f"{pattern}: it needs {needs}, which only a program can give, parse(...).build({count}, ...)")
    return pattern.build(count), str(pattern), f"{count:,} nodes{' unless -n says how many' if nodes is None else ''}"


def _figures(found: Any) -> dict[str, str]:
    square = found.num_receivers == found.num_senders
    alone = {"isolated": f"{found.isolated:,}"} if square else {}
    return {
        "nodes": f"{found.num_receivers:,}"
        if square
        else f"{found.num_receivers:,} receivers, {found.num_senders:,} senders",
        "edges": f"{found.num_edges:,}, {100 * found.density:.3g} % of all pairs",
        "hear": _spread(found.heard) + f"; {found.deaf:,} hear nobody",
        "are heard": _spread(found.hearers) + f"; {found.unheard:,} by nobody",
        **alone,
        "self-loops": f"{found.self_loops:,}",
        "symmetric": "yes" if found.symmetric else "no",
        "runs": f"{found.num_runs:,}, {size(float(found.num_bytes))}",
    }


def _spread(spread: Any) -> str:
    return f"{spread.least:,} to {spread.most:,}, median {spread.median:,}"


def _check_picture(file: Path, overwrite: bool) -> None:
    from edgewise.training.atomic import check_free

    if file.suffix not in (".png", ".svg", ".pdf"):
        raise ValueError(f"{file}: expected a picture that ends in .png, .svg or .pdf")
    check_free(file, overwrite)
