"""Variations of a decoder on tiny Shakespeare, each trained by as many steps: what sequences, depth and scale share.

A run is a row of a table with a learning rate and a seed, and is trained in a process of its own. Its points are
`EVERY` steps apart: each is an epoch of `short_epochs`.
"""

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, stdev
from time import process_time
from typing import Any

import report
import torch
from literature import FIGURES
from progress import Progress

from edgewise.cli.builtin import find
from edgewise.models import MODELS, Network
from edgewise.training import Recipe, metrics, run

RECIPE = "language-decoder"
CHARACTERS = 65  # different ones


@dataclass(frozen=True)
class Row:
    """A line of a table: a name and what is changed for it."""

    name: str
    changes: tuple[str, ...] = ()
    warm_up: int = 0  # steps


@dataclass(frozen=True)
class Plan:
    """What all rows of a script have in common."""

    name: str  # of the script, and of the folder in runs/ that keeps what is finished
    changes: tuple[str, ...]
    rows: tuple[Row, ...]
    steps: int  # each run has, unless --steps says otherwise
    every: int  # steps a point
    rates: tuple[float, ...]  # learning rates, unless --rates says otherwise

    def arguments(self, doc: str | None) -> argparse.Namespace:
        parser = report.parser(doc)
        parser.add_argument("--data", type=Path, required=True, help="the folder that holds tinyshakespeare")
        parser.add_argument("--only", action="append", metavar="TEXT", help="rows with this in their names; repeatable")
        parser.add_argument("--seeds", type=int, default=1, metavar="N", help="so many runs of each")
        parser.add_argument("--rates", type=float, nargs="+", default=self.rates, metavar="X", help="learning rates")
        parser.add_argument("--steps", type=int, default=self.steps, metavar="N", help="of each run")
        parser.add_argument("--finished", action="store_true", help="the table of the runs that are there; train none")
        return parser.parse_args()

    def runs(self, options: argparse.Namespace) -> list[dict[str, Any]]:
        """A dictionary for each row and learning rate: the mean over seeds, and the curve of the first one."""
        torch.set_num_threads(options.threads)
        rows = [row for row in self.rows if not options.only or any(text in row.name for text in options.only)]
        plan = [(row, rate, seed) for row in rows for rate in options.rates for seed in range(options.seeds)]
        if options.finished:
            plan = [each for each in plan if (self.place(*each, options.steps) / FIGURES).exists()]
        progress, found = Progress(len(plan)), {}
        for row, rate, seed in plan:
            progress.next(f"{row.name}, {rate:g}, {seed}")
            folder = self.place(row, rate, seed, options.steps)
            changes = [f"data.folder={options.data / 'tinyshakespeare'}", *self.changed(row, options.steps)]
            changes += [f"training.learning_rate={rate}", f"training.seed={seed}"]
            found.setdefault((row.name, rate), []).append(trained(changes, folder, min(self.every, options.steps)))
        return [{"name": name, "rate": rate} | summary(runs) for (name, rate), runs in found.items()]

    def place(self, row: Row, rate: float, seed: int, steps: int) -> Path:
        """The folder of one run."""
        return Path("runs") / self.name / f"{row.name.replace('/', ' over ')}-{steps}-{rate:g}-{seed}"

    def changed(self, row: Row, steps: int) -> list[str]:
        """What is changed in the recipe."""
        every = min(self.every, steps)
        epochs = round(steps / every)
        warm_up = min(row.warm_up / every, epochs / 2)
        common = ["data.name=short_epochs:language", f"data.steps={every}", f"training.epochs={epochs}"]
        return [*common, f"training.warm_up={warm_up:.4f}", *self.changes, *row.changes]


def trained(changes: Sequence[str], folder: Path, every: int) -> dict[str, Any]:
    """The figures of one run: what its folder has, or what comes of training it."""
    if not (folder / FIGURES).exists():
        # Peak memory is a process's: one run's would hide that of the next.
        with ProcessPoolExecutor(1, get_context("fork")) as alone:
            kept = alone.submit(_figures, changes, folder, every).result()
        (folder / FIGURES).write_text(json.dumps(kept))
    kept: dict[str, Any] = json.loads((folder / FIGURES).read_text())
    epochs = metrics.read(folder)
    curve = [[every * one.number, round(one.train_loss, 4), round(one.validation_loss, 4)] for one in epochs]
    return kept | {"curve": curve}


def _figures(changes: Sequence[str], folder: Path, every: int) -> dict[str, Any]:
    recipe, ends = Recipe.read(find(RECIPE), changes), [process_time()]
    kept = {"parameters": parameters(tuple(changes)), "diverged": False}
    try:
        outcome = run(recipe, folder, resume=True, tell=lambda epoch, place: ends.append(process_time()))
    except FloatingPointError:
        return kept | {"diverged": True}
    kept |= {part: loss for part, (loss, _) in outcome.figures.items()} | {"memory": outcome.memory}
    # Of the processor, as the machine may be everybody's; nothing where a run was taken up after its last step.
    quickest = min((end - begin for begin, end in pairwise(ends)), default=0.0)
    return kept | {"ms": 1e3 * quickest / every}


@cache
def parameters(changes: tuple[str, ...]) -> int:
    """Of the network of the recipe with these changes."""
    model = Recipe.read(find(RECIPE), changes).model
    network = Network(model.build(MODELS, "model", tokens=CHARACTERS + 1))  # one stands for the unknown
    return sum(weight.numel() for weight in network.parameters())


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over seeds, the quickest step and the most memory; the curve of the first seed."""
    kept = {"seeds": len(runs), "diverged": sum(one["diverged"] for one in runs), "curve": runs[0]["curve"]}
    kept["parameters"] = runs[0]["parameters"]
    if kept["diverged"]:
        return kept
    losses = {part: [one[part] for one in runs] for part in ("validation", "test")}
    losses["last"] = [one["curve"][-1][1] for one in runs]
    spread = {part: [mean(x), stdev(x) if len(x) > 1 else 0.0] for part, x in losses.items()}
    return kept | spread | {"ms": min(one["ms"] for one in runs), "memory": max(one["memory"] for one in runs)}


def best(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each name the learning rate that validation is best at; one that diverged is worst."""
    told: dict[str, dict[str, Any]] = {}
    for row in rows:
        told[row["name"]] = min(told.get(row["name"], row), row, key=merit)
    return list(told.values())


def merit(row: dict[str, Any]) -> float:
    return float("inf") if row["diverged"] else row["validation"][0]


def written(row: dict[str, Any], part: str, scale: float = 1.0) -> str:
    """A loss of a row, with its spread where there are seeds; how far it came where it diverged."""
    if row["diverged"]:
        return "diverged"
    shown = [f"{scale * value:.3f}" for value in row[part]]
    return " ± ".join(shown if row["seeds"] > 1 else shown[:1])


def costs(row: dict[str, Any]) -> list[str]:
    """Parameters, milliseconds a step, gigabytes."""
    told = ["–", "–"] if row["diverged"] else [f"{row['ms']:.0f}", f"{row['memory'] / 1e9:.2f}"]
    return [f"{row['parameters']:,}", *told]


COSTS = ["parameters:", "ms a step:", "GB:"]
COSTS_TOLD = (
    "Milliseconds a step: of the processor, in the quickest {every} steps and the look at the validation part after "
    "them. Gigabytes: the most that the process held, PyTorch and the data with it."
)


def page(title: str, told: Sequence[str], plan: Plan, found: Sequence[dict[str, Any]]) -> str:
    """A report: title, header, what is told, and what each row that was found changes in the recipe."""
    names = {row["name"] for row in found}
    changed = [f"- {row.name}: `{' '.join(row.changes)}`" for row in plan.rows if row.name in names and row.changes]
    parts = [*told, f"What is changed in the recipe `{RECIPE}` for all: `{' '.join(plan.changes)}`; and row by row:"]
    return "\n\n".join([f"# {title}", report.header("lightning"), *parts, "\n".join(changed)])
