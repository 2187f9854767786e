"""Figures of sequences, depth and scale: losses over steps, quality against time, layers over steps."""

from collections.abc import Sequence
from typing import Any

from matplotlib import pyplot
from scale import FIGURES, drawn
from shakespeare import best

TRAINING, VALIDATION = 1, 2  # where they stand in a point of a curve
LEGEND = {"loc": "lower center", "ncols": 5, "frameon": False, "bbox_to_anchor": (0.5, 1)}
TITLES = {
    "logit_spread": "standard deviation of a receiver's logits",
    "entropy": "entropy of a receiver's weights, 1: all are heard alike",
    "norm": "root mean square of the states",
}


def sequences(numbers: dict[str, Any]) -> Any:
    """Validation loss over steps, and the test part's over the seconds that the steps take; best learning rates."""
    rows = best(numbers["rows"])
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4))
    for number, row in enumerate(rows):
        colour = f"C{number}"
        left.plot(*line(row, VALIDATION), color=colour, linewidth=1.2, label=row["name"])
        if row["diverged"]:
            continue
        seconds, nats = row["ms"] / 1e3 * row["curve"][-1][0], row["test"][0]
        right.errorbar(seconds, nats, yerr=row["test"][1] or None, fmt="o", color=colour, markersize=5)
        right.annotate(row["name"], (seconds, nats), (5, 3), textcoords="offset points", fontsize=8)
    left.set(xlabel="steps", title="validation, nats a character", ylim=(None, ceiling(rows, VALIDATION)))
    right.set(xlabel="seconds of a processor", title="test, nats a character", xlim=(0, None))
    right.margins(x=0.3)
    figure.legend(*left.get_legend_handles_labels(), **LEGEND)
    figure.tight_layout()
    return figure


def depth(numbers: dict[str, Any]) -> Any:
    """Training loss over steps, a row a learning rate: the place of the norm, and beside it what pre-norm takes."""
    rows = numbers["rows"]
    rates = list(dict.fromkeys(row["rate"] for row in rows))
    figure, axes = pyplot.subplots(
        len(rates), 2, figsize=(10, 2.8 * len(rates) + 0.4), sharex=True, sharey=True, squeeze=False
    )
    names = list(dict.fromkeys(row["name"] for row in rows))
    additions = [name for name in names if name.partition(", ")[2] not in ("", "warm-up")]
    for rate, (left, right) in zip(rates, axes, strict=True):
        for row in rows:
            if row["rate"] != rate:
                continue
            style = {"color": f"C{names.index(row['name'])}", "linewidth": 1.2, "label": row["name"]}
            for axis in [right] if row["name"] in additions else [left, right] if row["name"] == "pre-norm" else [left]:
                axis.plot(*line(row, TRAINING), **style)
        left.set(ylabel=f"nats, learning rate {rate:g}", ylim=(None, ceiling(rows, TRAINING)))
    axes[0][0].set_title("where the norm stands, and warm-up")
    axes[0][1].set_title("what else is for deep stacks")
    for axis in axes[-1]:
        axis.set_xlabel("steps")
    named = {label: handle for axis in axes[0] for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), **{**LEGEND, "ncols": 4})
    figure.tight_layout()
    return figure


def scale_losses(numbers: dict[str, Any]) -> Any:
    """Training and validation loss over steps, at one learning rate."""
    rows = drawn(numbers["rows"])
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 3.6), sharey=True)
    for axis, part, title in zip(axes, (TRAINING, VALIDATION), ("training", "validation"), strict=True):
        for number, row in enumerate(rows):
            axis.plot(*line(row, part), color=f"C{number}", linewidth=1.2, label=row["name"])
        axis.set(xlabel="steps", title=f"{title}, nats a character, learning rate {rows[0]['rate']:g}")
    axes[0].set_ylim(None, ceiling(rows, VALIDATION))
    figure.legend(*axes[0].get_legend_handles_labels(), **LEGEND)
    figure.tight_layout()
    return figure


def scale_layers(numbers: dict[str, Any], what: str) -> Any:
    """A figure of each layer over steps: a panel a layer, a line a row, at one learning rate."""
    rows = drawn(numbers["rows"])
    layers = sorted({layer for row in rows for layer in row["layers"][what]}, key=int)
    figure, axes = pyplot.subplots(1, max(len(layers), 1), figsize=(10, 3), sharey=True, squeeze=False)
    for layer, axis in zip(layers, axes[0], strict=False):
        for number, row in enumerate(rows):
            points = row["layers"][what].get(layer, [])
            axis.plot(*zip(*points, strict=True), color=f"C{number}", linewidth=1.2, label=row["name"])
        axis.set(xlabel="steps", title=f"layer {int(layer) + 1}", yscale="linear" if what == "entropy" else "log")
    figure.legend(*axes[0][0].get_legend_handles_labels(), **LEGEND)
    figure.suptitle(TITLES[what], y=0.99, fontsize=10)
    figure.tight_layout()
    return figure


def line(row: dict[str, Any], part: int) -> tuple[list[float], list[float]]:
    """Steps and losses."""
    return [point[0] for point in row["curve"]], [point[part] for point in row["curve"]]


def ceiling(rows: Sequence[dict[str, Any]], part: int) -> float:
    """The top of an axis: what begins higher, or ends so, would hide the rest."""
    return min(4.0, 1.02 * max((point[part] for row in rows for point in row["curve"]), default=4.0))


CURVES = {  # by the name of a file: whose numbers, and how they are drawn
    "sequences": ("sequences", sequences),
    "depth": ("depth", depth),
    "scale-loss": ("scale", scale_losses),
} | {
    f"scale-{what.replace('_', '-')}": ("scale", lambda numbers, what=what: scale_layers(numbers, what))
    for what in FIGURES
}
