"""What came of a run, in a few lines."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from edgewise.analysis.beside import Beside
from edgewise.cli.numbers import size
from edgewise.data import Task
from edgewise.training import Evaluation, Outcome
from edgewise.training.figures import FIGURES, Figure
from edgewise.training.scores import SCORES, Score

ABREAST = 5  # so many scores stand side by side


def show_outcome(outcome: Outcome, task: Task, folder: Path) -> None:
    """A table of losses and scores by part, and where to read on."""
    console = Console(highlight=False, soft_wrap=True)
    table = Table("part", f"{task.example}s", outcome.score_name, "loss", box=None, pad_edge=False)
    for part, (loss, score) in outcome.figures.items():
        table.add_row(part, str(len(getattr(task, part))), outcome.goal.score.written(score), f"{loss:.4f}")
    console.print(table)
    console.print(
        f"Best epoch {outcome.best_epoch} of {outcome.epochs}, {outcome.seconds:.1f} s. Read {folder / 'report.md'}",
        markup=False,
    )


def show_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """The same table with every score that fits; a dash where one has no value. Many scores stand below each other."""
    console, goal = Console(highlight=False, soft_wrap=True), evaluation.goal
    names = list(next(iter(evaluation.parts.values())).scores)
    rows = [["part", f"{evaluation.task.example}s", *names, "loss"]]
    known: dict[str, Score | Figure] = {**SCORES, **FIGURES, goal.score_name: goal.score}
    for part, figures in evaluation.parts.items():
        scores = ["-" if value is None else known[name].written(value) for name, value in figures.scores.items()]
        rows.append([part, str(figures.examples), *scores, f"{figures.loss:.4f}"])
    head, *below = rows if len(names) <= ABREAST else zip(*rows, strict=True)
    table = Table(*head, box=None, pad_edge=False)
    for row in below:
        table.add_row(*row)
    console.print(table)
    console.print(f"{evaluation.task.name}, by the weights of epoch {evaluation.epoch} in {folder}", markup=False)


def show_beside(found: Beside) -> None:
    """A row a figure: of the original, of the rewired model, and what the one is of the other."""
    console = Console(highlight=False, soft_wrap=True)
    table = Table("", "original", "rewired", "", box=None, pad_edge=False)
    ours, theirs = found.rewired, found.original
    for name, score in ours.scores.items():
        shown = "{:.2f}" if name == "perplexity" else "{:.4f}"
        change = f"{100 * (score / theirs.scores[name] - 1):+.1f} %" if name == "perplexity" else ""
        table.add_row(name, shown.format(theirs.scores[name]), shown.format(score), change)
    rows: list[tuple[str, float, float, Callable[[Any], str]]] = [
        ("edges", theirs.edges, ours.edges, lambda count: f"{count:,}"),
        ("seconds", theirs.seconds, ours.seconds, lambda count: f"{count:.2f}"),
    ]
    if theirs.memory is not None and ours.memory is not None:
        rows.append(("memory", theirs.memory, ours.memory, size))
    for name, before, after, written in rows:
        table.add_row(name, written(before), written(after), f"{after / before:.2f}x" if before else "")
    console.print(table)
