"""How weights are stepped: schedules, decay, smoothed labels, accumulation and means of weights, each by itself.

    python benchmarks/steps.py --data FOLDER [--only TEXT] [--seeds N] [--rates X ...] [--steps N] [--finished]
                               [--threads N] [--save]

FOLDER holds tinyshakespeare. A small decoder, the same number of steps for all. Finished runs are kept in runs/steps
and not trained again, so what was cut off goes on. `--save` writes the table to benchmarks/results.
"""

from collections.abc import Sequence
from typing import Any

import report
from shakespeare import COSTS, COSTS_TOLD, Plan, Row, costs, page, written

EVERY, WARM_UP = 20, 40


def schedule(name: str, **options: object) -> str:
    told = "".join(f", {key} = {value}" for key, value in options.items())
    return f'training.schedule={{name = "{name}"{told}}}'


COSINE = schedule("cosine")

PLAN = Plan(
    name="steps",
    changes=(
        *("model.num_layers=3", "model.dim=128", "model.num_heads=4", "model.hidden=256", "training.batch_size=2048"),
        *("data.split.train=0.97", "data.split.validation=0.01"),
    ),
    rows=(
        Row("constant", (schedule("constant"),), WARM_UP),
        Row("linear", (schedule("linear"),), WARM_UP),
        Row("cosine", (COSINE,), WARM_UP),
        Row("cosine, no warm-up", (COSINE,)),
        Row("inverse square root (Noam)", (schedule("inverse_square_root"),), WARM_UP),
        Row("warm-up, stable, decay", (schedule("warm_up_stable_decay", decay=0.3),), WARM_UP),
        Row("cosine, no decay of weights", (COSINE, "training.weight_decay=0.0"), WARM_UP),
        Row("cosine, matrices decay", (COSINE, 'training.decayed="matrices"'), WARM_UP),
        Row("cosine, smoothed labels", (COSINE, "training.label_smoothing=0.1"), WARM_UP),
        Row(
            "cosine, two batches a step",
            (COSINE, "training.batch_size=1024", "training.accumulation=2", f"data.steps={2 * EVERY}"),
            WARM_UP,
        ),
        Row(
            "constant, moving mean of weights",
            (schedule("constant"), 'training.averaging={name = "ema", decay = 0.97}'),
            WARM_UP,
        ),
        Row(
            "constant, mean of the last 5 points",
            (schedule("constant"), 'training.averaging={name = "last", count = 5}'),
            WARM_UP,
        ),
    ),
    steps=300,
    every=EVERY,
    rates=(4e-3,),
)


def main() -> None:
    options = PLAN.arguments(__doc__)
    rows = PLAN.runs(options)
    saved = {"header": report.header("lightning"), "steps": options.steps, "rows": rows}
    report.finish("steps", told(rows, options.steps), options.save, saved)


def told(rows: Sequence[dict[str, Any]], steps: int) -> str:
    cells = [
        [row["name"], f"{row['rate']:g}", *(written(row, part) for part in ("last", "validation", "test")), *costs(row)]
        for row in rows
    ]
    columns = ["what steps", "learning rate:", "training, in the end:", "validation:", "test:", *COSTS]
    about = (
        f"A decoder of three layers, {steps} steps of about 2,048 characters of tiny Shakespeare, {WARM_UP} of them of"
        f" warm-up unless it says none. Nats a character: the mean of the last {EVERY} training steps (of smoothed"
        " labels where they are), the best of validation, and the test at that point. "
    )
    parts = [about + COSTS_TOLD.format(every=EVERY), report.table(columns, cells)]
    return page("What steps the weights", parts, PLAN, rows)


if __name__ == "__main__":
    main()
