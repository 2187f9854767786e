"""A graph as a picture of its matrix: receivers are rows, senders columns."""

from pathlib import Path
from typing import Any

from edgewise.extras import require
from edgewise.graph.density import density
from edgewise.graph.graph import Graph

CELLS = 256


def picture(graph: Graph, title: str = "", cells: int = CELLS) -> Any:
    """A Matplotlib figure: edges are dark; of more nodes than cells, the darker the more of the pairs are edges."""
    require("matplotlib", extra="view")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    seen = density(graph, cells)
    coarse = max(graph.num_receivers, graph.num_senders) > cells
    figure = Figure(figsize=(7, 6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    heard = seen[seen > 0]
    least, most = (float(heard.min()), float(heard.max())) if len(heard) else (0.0, 1.0)
    # Hubs and windows in one picture differ by orders of magnitude; cells without an edge stay white.
    norm = LogNorm(least, most) if coarse and 0 < least < 0.1 * most else Normalize(0.0, most)
    image = axes.imshow(
        seen.where(seen > 0, float("nan")).numpy(),
        extent=(-0.5, max(graph.num_senders, 1) - 0.5, max(graph.num_receivers, 1) - 0.5, -0.5),
        cmap="viridis_r" if coarse else "Greys",
        norm=norm,
        interpolation="nearest",
        aspect="equal" if graph.num_receivers == graph.num_senders else "auto",
    )
    axes.set(xlabel="sender j", ylabel="receiver i", title=title)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator("auto", integer=True))
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if coarse:
        figure.colorbar(image, label="share of pairs that are edges", shrink=0.8)
    return figure


def draw(graph: Graph, file: Path, title: str = "") -> None:
    """The picture into a file; its ending says of which kind."""
    picture(graph, title).savefig(file, dpi=150)
