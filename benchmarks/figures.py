"""Figures of saved numbers, for docs/: what an edge costs by graph and way, and as a graph fills up; and `curves`.

    python benchmarks/figures.py

Reads the newest JSON of each benchmark in benchmarks/results; writes docs/performance-attention.svg,
docs/performance-density.svg, docs/sequences.svg, docs/depth.svg and docs/scale-*.svg. What was not saved is not drawn,
and is said.
"""

import json
from pathlib import Path
from typing import Any

import matplotlib
from curves import CURVES
from matplotlib import pyplot
from progress import tell
from report import latest

DOCS = Path(__file__).parent.parent / "docs"
# Ours is drawn strong; the peers in one order, whatever graph they appear on.
COLOURS = {
    "edgewise": "#c1272d",
    "edgewise, bfloat16": "#e58a8d",
    "SDPA, all pairs": "#222222",
    "SDPA, called directly": "#222222",
    "SDPA with the mask": "#888888",
    "FlexAttention, compiled": "#b8860b",
    "PyG": "#1f5fa8",
    "PyG, compiled": "#7fa8d6",
    "DGL": "#2e8b57",
    "torch.sparse": "#8a5fb0",
}
# The same numbers give the same file, letter by letter.
STYLE = {"svg.hashsalt": "edgewise", "svg.fonttype": "path", "font.size": 9, "axes.spines.top": False}
STYLE |= {"axes.spines.right": False, "axes.grid": True, "grid.color": "#dddddd", "axes.axisbelow": True}


def main() -> None:
    own = {f"performance-{draw.__name__}": (draw.__name__, draw) for draw in (attention, density)}
    for target, (name, draw) in (own | CURVES).items():
        file = latest(name)
        if file is None:
            tell(f"no saved numbers of {name}: python benchmarks/{name}.py --save")
            continue
        draw_to(DOCS / f"{target}.svg", draw, json.loads(file.read_text()))


def draw_to(target: Path, draw: Any, numbers: dict[str, Any]) -> None:
    with matplotlib.rc_context(STYLE):
        figure = draw(numbers)
        figure.savefig(target, metadata={"Date": None}, bbox_inches="tight")
        pyplot.close(figure)
    tell(f"wrote {target}")


def attention(numbers: dict[str, Any]) -> Any:
    """A line of dots for each graph, on a logarithmic axis of nanoseconds; a bar from the smallest to the largest."""
    rows = [row for row in numbers["attention"] if (row["heads"], row["dim"]) == (8, 64)]
    graphs = list(dict.fromkeys(row["graph"] for row in rows))
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 0.36 * len(graphs) + 1.2), sharey=True)
    for axis, part, title in zip(axes, ("forward", "both"), ("forward", "forward + backward"), strict=True):
        for way, colour in COLOURS.items():
            found = [row for row in rows if row["way"] == way and row[part]]
            if not found:
                continue
            x, y = [row[part]["median"] for row in found], [graphs.index(row["graph"]) for row in found]
            spread = [[row[part]["median"] - row[part]["smallest"] for row in found]]
            spread += [[row[part]["largest"] - row[part]["median"] for row in found]]
            axis.errorbar(x, y, xerr=spread, fmt="o", color=colour, markersize=5, linewidth=1, label=way)
        axis.set_xscale("log")
        axis.set_title(f"{title}, ns an edge and head")
    axes[0].set_yticks(range(len(graphs)), graphs)
    axes[0].invert_yaxis()
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="lower center", ncols=5, frameon=False, bbox_to_anchor=(0.5, 1))
    figure.tight_layout()
    return figure


def density(numbers: dict[str, Any]) -> Any:
    """Milliseconds a call over the share of pairs that are edges; a window and random pairs side by side."""
    rows = numbers["density"]
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 3.6), sharey=True)
    for axis, kind in zip(axes, ("window", "random"), strict=True):
        for way in dict.fromkeys(row["way"] for row in rows):
            for part, line in (("forward", "--"), ("both", "-")):
                found = [row for row in rows if (row["way"], row["kind"]) == (way, kind)]
                label = f"{way}, {'forward' if part == 'forward' else 'and backward'}"
                x, y = [row["percent"] for row in found], [row[part]["median"] for row in found]
                axis.plot(x, y, line, marker="o", markersize=3, color=COLOURS[way], label=label)
        axis.set(xscale="log", yscale="log", title=f"{kind}, {numbers['nodes']:,} nodes", xlabel="% of all pairs")
    axes[0].set_ylabel("ms a call")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=3, frameon=False, bbox_to_anchor=(0.5, 1))
    figure.tight_layout()
    return figure


if __name__ == "__main__":
    main()
