"""Doubts about the Transformer's parts: what 1/√d, norms, the feed-forward and many heads are for, layer by layer.

    python benchmarks/scale.py --data FOLDER [--only TEXT] [--seeds N] [--rates X ...] [--steps N] [--finished]
                               [--threads N] [--save]

FOLDER holds tinyshakespeare. Joshi 2020 asks which of these a GNN would need too,
https://thegradient.pub/transformers-are-graph-neural-networks/; here each is taken out of a decoder of four layers, and
`training.layer_figures` tells what becomes of logits, attention and states. Finished runs are kept in runs/scale and
not trained again, so what was cut off goes on. `--save` writes the table to benchmarks/results; `python
benchmarks/figures.py` draws it.
"""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import report
from shakespeare import COSTS, COSTS_TOLD, Plan, Row, best, costs, page, written

from edgewise.training.layers_file import read_layers

EVERY = 20
BASE = "as it is, 4 heads"
UNSCALED = 'model.score={name = "dot", scale = 1.0}'
FIGURES = ("logit_spread", "entropy", "norm")

PLAN = Plan(
    name="scale",
    changes=(
        *("model.num_layers=4", "model.dim=128", "model.num_heads=4", "model.hidden=512", "model.norm=layer"),
        *("model.activation=relu", "model.gated=false", "training.batch_size=2048", "training.weight_decay=0.0"),
        *("training.clip_norm=0.0", "data.split.train=0.95", "data.split.validation=0.01"),
        "training.layer_figures=true",
    ),
    rows=(
        Row(BASE, (), EVERY),
        Row("without 1/√d", (UNSCALED,), EVERY),
        Row("without norms", ("model.norm=identity",), EVERY),
        Row("without 1/√d and norms", (UNSCALED, "model.norm=identity"), EVERY),
        Row("without feed-forward", ("model.hidden=0",), EVERY),
        Row("1 head", ("model.num_heads=1",), EVERY),
        Row("1 head, without 1/√d", ("model.num_heads=1", UNSCALED), EVERY),
        Row("2 heads", ("model.num_heads=2",), EVERY),
        Row("8 heads", ("model.num_heads=8",), EVERY),
    ),
    steps=400,
    every=EVERY,
    rates=(1e-3, 4e-3),
)


def main() -> None:
    options = PLAN.arguments(__doc__)
    rows = PLAN.runs(options)
    numbers = {row.name: row for row in PLAN.rows}
    for row in rows:
        row["layers"] = layers(PLAN.place(numbers[row["name"]], row["rate"], 0, options.steps), row["curve"])
    saved = {"header": report.header("lightning"), "steps": options.steps, "rows": rows}
    report.finish("scale", told(rows, options.steps), options.save, saved)


def layers(folder: Path, curve: Sequence[Sequence[float]]) -> dict[str, dict[str, list[list[float]]]]:
    """By figure and layer, [step, value] of each point of the first seed; step 0 is before training."""
    steps = {0: 0.0} | {number: point[0] for number, point in enumerate(curve, 1)}
    found: dict[str, dict[str, list[list[float]]]] = {figure: {} for figure in FIGURES}
    for line in read_layers(folder):
        for figure in FIGURES:
            value = getattr(line, figure)
            if line.epoch in steps and isfinite(value):
                found[figure].setdefault(str(line.layer), []).append([steps[line.epoch], round(value, 4)])
    return found


def told(rows: Sequence[dict[str, Any]], steps: int) -> str:
    cells = [
        [row["name"], f"{row['rate']:g}", written(row, "last"), written(row, "validation"), written(row, "test")]
        + [last(row, figure) for figure in FIGURES]
        + costs(row)
        for row in rows
    ]
    columns = ["decoder", "learning rate:", "training:", "validation:", "test:", "logit spread:", "entropy:", "norm:"]
    every = min(EVERY, steps)
    about = (
        f"A pre-norm decoder of four layers, {steps} steps of about 2,048 characters, on tiny Shakespeare. Nats a"
        f" character: the mean of the last {every} training steps; validation and test are of the point that is best in"
        " validation. Then what the layers do after the last step, from the first layer to the last: the standard"
        " deviation of a receiver's logits, the entropy of its weights (1: all are heard alike, 0: one alone), and the"
        " root mean square of the states that the layer gives. "
    )
    parts = [about + COSTS_TOLD.format(every=every), report.table([*columns, *COSTS], cells)]
    return page("The Transformer's parts, taken out", parts, PLAN, rows)


def last(row: dict[str, Any], figure: str) -> str:
    """A figure of each layer at the last point."""
    return " ".join(f"{points[-1][1]:.2f}" for points in row["layers"][figure].values()) or "–"


def drawn(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows at the learning rate that is best for the decoder as it is, or for the first one that there is."""
    rate = next((row["rate"] for row in best(rows) if row["name"] == BASE), rows[0]["rate"])
    return [row for row in rows if row["rate"] == rate]


if __name__ == "__main__":
    main()
