"""Built-in recipes on published data at the protocols of the literature, PyG's own layers in the same loop beside them.

    python benchmarks/literature.py --data FOLDER [--only TEXT] [--seeds N] [--peer-seeds N] [--finished] [--threads N]
                                    [--save]

FOLDER holds planetoid_cora, planetoid_pubmed, tu_mutag, moleculenet_esol, …. A run is a seed, a fold or a split, as the
protocol has it, and trained in a process of its own; the epoch is chosen by validation, and the test part looked at
once. Finished runs are kept in runs/literature and not trained again, so what was cut off goes on. `--save` writes the
table to benchmarks/results.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import lightning.fabric  # noqa: F401  # imported once, so that the processes of the runs need not
import matplotlib.figure  # noqa: F401
import report
import torch
from progress import Progress

from edgewise.cli.builtin import find
from edgewise.training import Recipe, Trained, evaluate, metrics, run

RUNS = Path("runs/literature")
FIGURES = "figures.json"
ROUNDING = 1e-6  # scores are float32: 780 of 1000 come as 0.77999997


@dataclass(frozen=True)
class Row:
    """A data set, a recipe with what is changed in it, and what changes from run to run."""

    data: str
    folder: str
    recipe: str
    model: str
    changes: tuple[str, ...] = ()
    peer: tuple[str, ...] | None = ()  # what a recipe of PyG's layers changes besides; None: there are none
    varies: str = "training.seed"  # with {} where the number of the run goes, or a key that is set to it
    runs: int = 10
    first: int = 0
    promised: float | None = None  # of the mean over all runs
    at_most: bool = False  # whether less is better
    also: str = ""  # a score of the test part that is told besides the one watched

    @property
    def name(self) -> str:
        return f"{self.data}, {self.model}"

    def kept(self, found: float) -> bool | None:
        """Whether the promise is kept; None where there is none."""
        if self.promised is None:
            return None
        better = self.promised - found if self.at_most else found - self.promised
        return better >= -ROUNDING


SPLITS = {"runs": 5, "varies": "data.split_seed", "at_most": True, "promised": 0.65}
FOLDS = {"runs": 10, "varies": "data.fold", "first": 1}

ROWS = (
    Row("Cora", "planetoid_cora", "planetoid-gcn", "gcn", promised=0.81),
    Row("Cora", "planetoid_cora", "planetoid-gat", "gat", promised=0.825),
    Row("PubMed", "planetoid_pubmed", "planetoid-gcn", "gcn", promised=0.786),
    Row(
        "PubMed",
        "planetoid_pubmed",
        "planetoid-gat",
        "gat",
        ("model.out_heads=8", "training.learning_rate=0.01", "training.weight_decay=1e-3"),
        promised=0.78,
    ),
    Row("Cora", "planetoid_cora", "planetoid-monet", "monet", promised=0.81),
    Row("Cora", "planetoid_cora", "planetoid-graph-transformer", "graph_transformer", promised=0.79),
    Row("MUTAG", "tu_mutag", "tu-gin", "gin", promised=0.85, **FOLDS),
    Row("PROTEINS", "tu_proteins", "tu-gin", "gin", ("training.batch_size=128",), promised=0.73, **FOLDS),
    Row(
        "NCI1",
        "tu_nci1",
        "tu-gin",
        "gin",
        (
            *("model.hidden=64", "model.dropout=0.0", "training.batch_size=128", "training.learning_rate=3e-3"),
            *("training.epochs=60", "training.watch=accuracy"),
        ),
        promised=0.79,
        **FOLDS,
    ),
    Row("ESOL", "moleculenet_esol", "molecules-graph-transformer", "graph_transformer", **SPLITS),
    Row("MUSAE Facebook", "musae_facebook", "musae-gat", "gat", runs=5, varies="data.split_seed"),
    Row(
        "MUSAE Facebook",
        "musae_facebook",
        "musae-graph-transformer",
        "graph_transformer",
        runs=5,
        varies="data.split_seed",
    ),
    Row(
        "MUSAE Facebook, briefly",
        "musae_facebook",
        "musae-gat",
        "gat",
        ("training.epochs=15",),
        runs=3,
        varies="data.split_seed",
    ),
    Row(
        "MUSAE Facebook, briefly",
        "musae_facebook",
        "musae-graph-transformer",
        "graph_transformer",
        ("training.epochs=15",),
        runs=3,
        varies="data.split_seed",
    ),
    Row(
        "MUSAE Facebook links",
        "musae_facebook",
        "musae-links",
        "gat",
        runs=3,
        varies="data.split_seed",
        promised=0.97,
        also="hits@50",
    ),
    Row("WordNet files, sampled", "wordnet31", "wordnet-gat", "gat", peer=None, runs=1),
    Row(
        "WordNet files, full batch",
        "wordnet31",
        "wordnet-gat",
        "gat",
        (
            *("training.batch_size=0", 'training.sampling=""'),
            *("training.epochs=6", "training.learning_rate=0.02"),
        ),
        runs=1,
    ),
    Row(
        "WordNet files, full batch, longer",
        "wordnet31",
        "wordnet-gat",
        "gat",
        (
            *("training.batch_size=0", 'training.sampling=""'),
            *("training.epochs=100", "training.learning_rate=0.02", "training.patience=20"),
        ),
        peer=None,  # PyG's 38 s a step would be an hour
        runs=1,
    ),
    Row(
        "Lipophilicity",
        "moleculenet_lipophilicity",
        "molecules-graph-transformer",
        "graph_transformer",
        ('data.target=["exp"]', "training.epochs=20", "training.warm_up=2"),
        **SPLITS,
    ),
)


def main() -> int:
    options = arguments()
    torch.set_num_threads(options.threads)
    chosen = [row for row in ROWS if not options.only or any(text in row.name for text in options.only)]
    plan = [(row, False, number) for row in chosen for number in numbers(row, options.seeds)]
    peers = [row for row in chosen if row.peer is not None]
    plan += [(row, True, number) for row in peers for number in numbers(row, options.peer_seeds)]
    if options.finished:
        plan = [(row, peer, number) for row, peer, number in plan if (place(row, peer, number) / FIGURES).exists()]
        chosen = [row for row in chosen if any(row is tried for tried, _, _ in plan)]
    progress = Progress(len(plan))
    found: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for row, peer, number in plan:
        progress.next(f"{row.name}{', PyG' if peer else ''}, {number}")
        found.setdefault((row.name, peer), []).append(trained(row, peer, number, options.data))
    rows = [told(row, found) for row in chosen]
    saved = {"header": report.header("torch_geometric", "lightning"), "rows": rows}
    report.finish("literature", page(rows), options.save, saved)
    return 1 if any(row["kept"] is False for row in rows) else 0


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--only", action="append", metavar="TEXT", help="rows with this in their names; repeatable")
    parser.add_argument("--seeds", type=int, metavar="N", help="so many runs of each at most")
    parser.add_argument("--peer-seeds", type=int, metavar="N", help="so many runs of PyG's layers at most; 0: none")
    parser.add_argument("--finished", action="store_true", help="the table of the runs that are there; train none")
    return parser.parse_args()


def numbers(row: Row, at_most: int | None) -> range:
    return range(row.first, row.first + (row.runs if at_most is None else min(row.runs, at_most)))


def trained(row: Row, peer: bool, number: int, data: Path) -> dict[str, Any]:
    """The figures of one run of a row."""
    changes = [f"data.folder={data / row.folder}", *row.changes, f"{row.varies}={number}"]
    changes += [f"model.name=pyg_models:{row.model}", *(row.peer or ())] if peer else []
    return figures(row.recipe, changes, place(row, peer, number), row.also)


def place(row: Row, peer: bool, number: int) -> Path:
    """The folder of one run."""
    return RUNS / f"{row.data}-{row.model}{'-pyg' if peer else ''}-{number}"


def figures(recipe: str, changes: Sequence[str], folder: Path, also: str = "") -> dict[str, Any]:
    """The figures of one run: what its folder has, or what comes of training it."""
    if not (folder / FIGURES).exists():
        # Peak memory is a process's: one run's would hide that of the next.
        with ProcessPoolExecutor(1, get_context("fork")) as alone:
            kept = alone.submit(_figures, recipe, changes, folder, also).result()
        (folder / FIGURES).write_text(json.dumps(kept))
    kept: dict[str, Any] = json.loads((folder / FIGURES).read_text())
    # The quickest, as the machine may be everybody's.
    ends = [0.0, *(epoch.seconds for epoch in metrics.read(folder))]
    return kept | {"ms": 1e3 * min(end - begin for begin, end in pairwise(ends))}


def _figures(recipe: str, changes: Sequence[str], folder: Path, also: str) -> dict[str, Any]:
    outcome = run(Recipe.read(find(recipe), changes), folder, resume=True)
    kept = {part: score for part, (_, score) in outcome.figures.items()}
    kept |= {"score": outcome.score_name, "seconds": outcome.seconds, "epochs": outcome.epochs}
    kept |= {"memory": outcome.memory}
    if also:
        kept["also"] = evaluate(Trained.open(folder), parts=["test"]).parts["test"].scores[also]
    return kept


def told(row: Row, found: dict[tuple[str, bool], list[dict[str, Any]]]) -> dict[str, Any]:
    ours, theirs = (summary(found.get((row.name, peer), [])) for peer in (False, True))
    return asdict(row) | {"ours": ours, "PyG": theirs, "kept": row.kept(ours["test"][0]) if ours else None}


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over runs; milliseconds an epoch at best, and bytes at most."""
    if not runs:
        return {}
    each = {part: [one[part] for one in runs] for part in ("validation", "test", "also") if part in runs[0]}
    spread = {part: [mean(x), stdev(x) if len(x) > 1 else 0.0] for part, x in each.items()}
    cost = {"ms": min(one["ms"] for one in runs), "memory": max(one["memory"] for one in runs)}
    cost["epochs"] = mean(one["epochs"] for one in runs)
    return spread | {"runs": len(runs), "score": runs[0]["score"]} | cost


def page(rows: Sequence[dict[str, Any]]) -> str:
    cells = []
    for row in rows:
        promised = "–" if row["promised"] is None else written(row, row["promised"])
        verdict = {None: "", True: "kept", False: "**not kept**"}[row["kept"]]
        if verdict and row["ours"]["runs"] < row["runs"]:
            verdict += ", so far"
        shown = [told_of(row, row[whose]) for whose in ("ours", "PyG")]
        runs = " / ".join(str(row[whose].get("runs", "–")) for whose in ("ours", "PyG"))
        runs += f" of {row['runs']}"
        cells.append([row["data"], row["model"], runs, promised, *shown[0], *shown[1], verdict])
    changed = [f"- {row['data']}, {row['model']}: `{' '.join(row['changes'])}`" for row in rows if row["changes"]]
    each = ["ms:", "GB:"]
    columns = ["data", "model", "runs:", "asked:", "edgewise:", *each, "PyG's layers:", *each, ""]
    parts = [
        "# Published data, at the protocols of the literature",
        report.header("torch_geometric", "lightning"),
        "The test part: mean ± standard deviation over runs (seeds, folds or splits), the epoch chosen by validation; "
        "accuracy in %, RMSE in the units of the data, of links the ROC-AUC in %. PyG's layers are trained by the same "
        "recipe, in the same loop. Milliseconds an epoch: a training epoch and a look at the validation part, the "
        "quickest of all; on a machine that others use, no more than an upper bound. Gigabytes: the most that the "
        "process of a run held, PyTorch and the data with it.",
        report.table(columns, cells),
    ]
    if changed:
        parts.append("What is changed in the recipe, for both:")
        parts.append("\n".join(changed))
    return "\n\n".join(parts)


def written(row: dict[str, Any], value: float) -> str:
    return f"≤ {value:.2f}" if row["at_most"] else f"≥ {100 * value:.1f}"


def told_of(row: dict[str, Any], found: dict[str, Any]) -> list[str]:
    if not found:
        return ["–", "–", "–"]
    digits, times = (3, 1) if row["at_most"] else (1, 100)

    def spread(part: str) -> str:
        shown = [f"{times * value:.{digits}f}" for value in found[part]]
        return " ± ".join(shown if found["runs"] > 1 else shown[:1])

    told = spread("test") + (f", {row['also']} {spread('also')}" if row["also"] else "")
    return [told, f"{found['ms']:.0f}", f"{found['memory'] / 1e9:.1f}"]


if __name__ == "__main__":
    sys.exit(main())
