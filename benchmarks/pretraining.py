"""Graph Transformers on ESOL and BBBP from scratch and pretrained on ZINC, with warm-up and without; scaffold split.

    python benchmarks/pretraining.py --data FOLDER [--pretraining N] [--epochs N] [--seeds N] [--threads N] [--save]

FOLDER holds zinc250k_jtvae_split, moleculenet_esol and moleculenet_bbbp. Recipe zinc-pretrain is trained once, then
molecules-graph-transformer on each set, from drawn weights and from those; runs differ by the seed, the split is one.
The epoch is chosen by validation, and the test part looked at once. Finished runs are kept in runs/pretraining and not
trained again, so what was cut off goes on. `--save` writes the table to benchmarks/results.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import report
import torch
from literature import figures, summary
from progress import Progress

RUNS = Path("runs/pretraining")
STARTS = ("from scratch", "pretrained")
WARM_UPS = (0.0, 0.2)  # of the epochs


@dataclass(frozen=True)
class Set:
    """A data set to fine-tune on."""

    name: str
    folder: str
    changes: tuple[str, ...]
    percent: bool


SETS = (
    Set("ESOL", "moleculenet_esol", (), percent=False),
    Set(
        "BBBP",
        "moleculenet_bbbp",
        (
            'data.target=["BBBP"]',
            "data.task=classification",
            "data.skip_unparsable=true",
            "training.watch=roc_auc",
        ),
        percent=True,
    ),
)


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    plan = [
        (each, warm_up, start, seed)
        for each in SETS
        for warm_up in WARM_UPS
        for start in STARTS
        for seed in range(options.seeds)
    ]
    progress = Progress(1 + len(plan))
    progress.next("ZINC, hidden atoms and bonds")
    pretrained, learned = pretraining(options)
    found: dict[tuple[str, float, str], list[dict[str, Any]]] = {}
    for each, warm_up, start, seed in plan:
        progress.next(f"{each.name}, {start}, warm-up {warm_up:.0%}, {seed}")
        run = fine_tuned(each, warm_up, pretrained if start == STARTS[1] else None, seed, options)
        found.setdefault((each.name, warm_up, start), []).append(run)
    rows = [
        asdict(each) | {"warm_up": warm_up} | {start: summary(found[each.name, warm_up, start]) for start in STARTS}
        for each in SETS
        for warm_up in WARM_UPS
    ]
    saved = {"header": report.header("lightning", "rdkit"), "pretraining": learned, "rows": rows}
    report.finish("pretraining", page(rows, learned, options.epochs), options.save, saved)


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--pretraining", type=int, default=8, metavar="N", help="epochs on ZINC")
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="epochs on the others")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="runs of each")
    return parser.parse_args()


def pretraining(options: argparse.Namespace) -> tuple[Path, dict[str, Any]]:
    """The run on hidden atoms and bonds, and its figures."""
    folder = RUNS / f"zinc-{options.pretraining}"
    changes = [
        f"data.folder={options.data / 'zinc250k_jtvae_split'}",
        f"training.epochs={options.pretraining}",
        f"training.warm_up={0.1 * options.pretraining}",
    ]
    return folder, figures("zinc-pretrain", changes, folder)


def fine_tuned(each: Set, warm_up: float, start: Path | None, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run on what is asked in the end."""
    begun = f"zinc-{options.pretraining}" if start else "scratch"
    changes = [
        f"data.folder={options.data / each.folder}",
        "data.split=scaffold",
        *each.changes,
        f"training.epochs={options.epochs}",
        f"training.warm_up={warm_up * options.epochs}",
        f"training.seed={seed}",
        *([f"training.start={start}"] if start else []),
    ]
    folder = RUNS / f"{each.name}-{options.epochs}-{begun}-{warm_up}-{seed}"
    return figures("molecules-graph-transformer", changes, folder)


def page(rows: Sequence[dict[str, Any]], learned: dict[str, Any], epochs: int) -> str:
    cells = [
        [
            row["name"],
            {"rmse": "RMSE", "roc_auc": "ROC-AUC, %"}[row[STARTS[0]]["score"]],
            f"{row['warm_up'] * epochs:.3g}",
            *(told(row[start], row["percent"]) for start in STARTS),
            str(row[STARTS[0]]["runs"]),
        ]
        for row in rows
    ]
    return "\n\n".join(
        [
            "# Pretraining on ZINC",
            report.header("lightning", "rdkit"),
            f"The test part of the scaffold split: mean ± standard deviation over seeds, {epochs} epochs, the epoch"
            f" chosen by validation. The pretrained network has seen 22,000 molecules of ZINC {learned['epochs']}"
            f" times, in {learned['seconds']:.0f} s, and says {learned['test']:.1%} of hidden atoms and bonds rightly."
            " Everything but the first weights is the same in both.",
            report.table(["data", "score", "warm-up, epochs:", *(f"{start}:" for start in STARTS), "runs:"], cells),
        ]
    )


def told(found: dict[str, Any], percent: bool) -> str:
    centre, spread = found["test"]
    return f"{100 * centre:.1f} ± {100 * spread:.1f}" if percent else f"{centre:.3f} ± {spread:.3f}"


if __name__ == "__main__":
    main()
