"""Ways to hear a text: attention, means, convolutions and recurrences in one decoder, on tiny Shakespeare.

    python benchmarks/sequences.py --data FOLDER [--only TEXT] [--seeds N] [--rates X ...] [--steps N] [--finished]
                                   [--threads N] [--save]

FOLDER holds tinyshakespeare. All rows have the same steps, the same learning rates to choose from by validation, and as
nearly as eight hidden channels allow the same number of parameters: the feed-forward has what hearing leaves over.
Finished runs are kept in runs/sequences and not trained again, so what was cut off goes on. `--save` writes the table
to benchmarks/results; `python benchmarks/figures.py` draws it.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import log
from typing import Any

import report
from shakespeare import COSTS, COSTS_TOLD, Plan, Row, best, costs, page, parameters, written

EVERY = 60
HIDDEN = 512  # of attention
COMMON = (
    *("model.dim=128", "model.num_heads=4", "model.num_layers=3", "training.batch_size=2048"),
    *("training.weight_decay=0.1", "training.clip_norm=1.0", "data.split.train=0.93", "data.split.validation=0.02"),
)
PLACES = 'model.positions=["sinusoidal"]'  # for those that do not know who came when

ROWS = (
    Row("attention", ("model.hears=attention",)),
    Row("mean", ("model.hears=mean", PLACES)),
    Row("sum", ("model.hears=sum", PLACES)),
    Row("max", ("model.hears=max", PLACES)),
    Row("gaussian", ("model.hears=gaussian",)),
    Row("gated convolution", ("model.hears=gated_convolution", "model.width=4")),
    Row("light convolution", ("model.hears=light_convolution", "model.width=16")),
    Row("dynamic convolution", ("model.hears=dynamic_convolution", "model.width=16")),
    Row("GRU", ("model.hears=gru",)),
    Row("LSTM", ("model.hears=lstm",)),
)


def main() -> None:
    plan = Plan(
        name="sequences",
        changes=COMMON,
        rows=tuple(map(matched, ROWS)),
        steps=600,
        every=EVERY,
        rates=(2e-3, 5e-3),
    )
    options = plan.arguments(__doc__)
    rows = plan.runs(options)
    saved = {"header": report.header("lightning"), "steps": options.steps, "rows": rows}
    report.finish("sequences", told(rows, plan, options.steps), options.save, saved)


def matched(row: Row) -> Row:
    """The row with as many hidden channels as make its parameters nearest to those of attention with HIDDEN."""

    def count(row: Row, hidden: int) -> int:
        return parameters(("data.folder=.", *COMMON, *row.changes, f"model.hidden={hidden}"))

    wanted, few, more = count(ROWS[0], HIDDEN), count(row, 8), count(row, 16)
    hidden = 8 * max(1, 1 + round((wanted - few) / (more - few)))
    return replace(row, changes=(*row.changes, f"model.hidden={hidden}"), warm_up=EVERY)


def told(rows: Sequence[dict[str, Any]], plan: Plan, steps: int) -> str:
    cells = [
        [row["name"], *(written(row, *part) for part in (("validation",), ("test",), ("test", 1 / log(2)))),
         f"{row['rate']:g}", *costs(row)]
        for row in best(rows)
    ]  # fmt: skip
    tried = [[row["name"], f"{row['rate']:g}", written(row, "last"), written(row, "validation")] for row in rows]
    about = (
        f"A decoder of three layers, {steps} steps of about 2,048 characters, on tiny Shakespeare. Nats a character;"
        " the weights are those of the point that is best in validation, and so is the learning rate; bits are of the"
        " test part. Positions are rotary where there is attention, none or sinusoidal where there is not. "
    )
    columns = ["hears", "validation:", "test:", "bits:", "learning rate:", *COSTS]
    parts = [
        about + COSTS_TOLD.format(every=min(EVERY, steps)),
        report.table(columns, cells),
        "All learning rates that were tried: the training loss of the last point, and the best of validation.",
        report.table(["hears", "learning rate:", "training:", "validation:"], tried),
    ]
    return page("Ways to hear a text", parts, plan, rows)


if __name__ == "__main__":
    main()
