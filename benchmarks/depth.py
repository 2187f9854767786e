"""Twelve layers, and what lets them train: where the norm stands, warm-up, gates, and what else is for deep stacks.

    python benchmarks/depth.py --data FOLDER [--only TEXT] [--seeds N] [--rates X ...] [--steps N] [--finished]
                               [--threads N] [--save]

FOLDER holds tinyshakespeare. After Xiong et al. 2020, https://arxiv.org/abs/2002.04745, whose finding is that the norm
after each sub-layer needs a warm-up and the norm before does not. Finished runs are kept in runs/depth and not trained
again, so what was cut off goes on. `--save` writes the table to benchmarks/results; `python benchmarks/figures.py`
draws it.
"""

from collections.abc import Sequence
from typing import Any

import report
from shakespeare import COSTS, COSTS_TOLD, Plan, Row, costs, page, written

EVERY = 12
WARM_UP = 120
POST, PRE = "model.placement=post", "model.placement=pre"

PLAN = Plan(
    name="depth",
    changes=(
        *("model.num_layers=12", "model.dim=96", "model.num_heads=4", "model.hidden=192", "model.norm=layer"),
        *("model.activation=relu", "model.gated=false", "training.optimiser=adam", "training.weight_decay=0.0"),
        *("training.clip_norm=0.0", "training.schedule=linear", "training.batch_size=2048"),
        *("data.split.train=0.98", "data.split.validation=0.005"),
    ),
    rows=(
        Row("post-norm", (POST,)),
        Row("post-norm, warm-up", (POST,), WARM_UP),
        Row("pre-norm", (PRE,)),
        Row("pre-norm, warm-up", (PRE,), WARM_UP),
        Row("pre-norm, GRU gates", (PRE, "model.join=gru")),
        Row("pre-norm, all-attention", (PRE, "model.hidden=0", "model.memories=192")),
        Row("pre-norm, linear combination", (PRE, "model.combination=linear")),
        Row("pre-norm, layer dropout", (PRE, "model.layer_dropout=0.1")),
    ),
    steps=360,
    every=EVERY,
    rates=(3e-4, 1e-3, 3e-3),
)


def main() -> None:
    options = PLAN.arguments(__doc__)
    rows = PLAN.runs(options)
    saved = {"header": report.header("lightning"), "steps": options.steps, "rows": rows}
    report.finish("depth", told(rows, options.steps), options.save, saved)


def told(rows: Sequence[dict[str, Any]], steps: int) -> str:
    warm_ups = {row.name: f"{row.warm_up}" for row in PLAN.rows}
    cells = [
        [row["name"], warm_ups[row["name"]], f"{row['rate']:g}", at(row, steps // 4), at(row, steps // 2)]
        + [written(row, part) for part in ("last", "validation")]
        + costs(row)
        for row in rows
    ]
    columns = ["blocks", "warm-up, steps:", "learning rate:", f"after {steps // 4}:", f"after {steps // 2}:"]
    columns += ["in the end:", "validation:", *COSTS]
    every = min(EVERY, steps)
    about = (
        f"A decoder of twelve layers, {steps} steps of about 2,048 characters, on tiny Shakespeare; after the warm-up"
        f" the learning rate falls in a straight line, and no gradient is clipped. Nats a character: means of {every}"
        " training steps, after a quarter and a half of them and in the end, and the best of validation. Whoever says"
        " how often each character comes, and nothing else, has 3.3. "
    )
    parts = [about + COSTS_TOLD.format(every=every), report.table(columns, cells)]
    return page("Deep stacks", parts, PLAN, rows)


def at(row: dict[str, Any], step: int) -> str:
    """The training loss of the point that ends with this step, or the next."""
    found = [train for number, train, _ in row["curve"] if number >= step]
    return f"{found[0]:.3f}" if found else "–"


if __name__ == "__main__":
    main()
