"""How good a trained network is: loss and every score that fits, part by part."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from edgewise.data import Task, Tokens
from edgewise.data.parts import PARTS
from edgewise.training import checkpoint
from edgewise.training.chance import deterministic
from edgewise.training.fabric import make_fabric
from edgewise.training.figures import FIGURES
from edgewise.training.goal import Goal
from edgewise.training.look import look
from edgewise.training.meter import Meter
from edgewise.training.scores import SCORES, Score
from edgewise.training.trained import Trained


@dataclass(frozen=True)
class Figures:
    """Of one part; a score that has no value there is None."""

    examples: int
    loss: float
    scores: dict[str, float | None]  # the one that was watched first


@dataclass(frozen=True)
class Evaluation:
    """What came of it, and by which weights."""

    task: Task
    goal: Goal
    epoch: int
    parts: dict[str, Figures]


def evaluate(trained: Trained, *, data: str | Path | None = None, parts: Sequence[str] = PARTS) -> Evaluation:
    """The best weights of a run on its own parts, or on every example in `data` whose target is known.

    On the run's own data the figures are those of its report, to the last bit.
    """
    if data is None:
        task = trained.own_task()
    else:
        task, parts = _labelled(trained.task_in(data, targets=True)), ("test",)
    config = trained.recipe.training
    goal = Goal.of(config, task)
    network, fabric = trained.network(task), make_fabric(config)
    wrapped = fabric.setup(network)
    epoch = checkpoint.load_best(trained.folder, network)
    there, meter = task.to(fabric.device), Meter(goal, task.answer, fabric)
    found = {}
    with deterministic():
        for part in parts:
            loss, score, outputs = look(wrapped, there, part, config.batch_size, goal, meter, fabric)
            scores = {goal.score_name: score, **_others(goal, task, part, outputs)}
            found["labelled" if data is not None else part] = Figures(len(getattr(task, part)), loss, scores)
    return Evaluation(task, goal, epoch, found)


def _labelled(task: Task) -> Task:
    known = task.answer.known(task.targets).reshape(len(task.targets), -1).any(dim=1)
    if not known.any():
        raise ValueError(f"{task.name}: no target is known, so there is nothing to hold answers against")
    if known.all():
        return task
    return replace(task, test=task.test[known[task.test]])  # type: ignore[type-var]  # tasks are dataclasses


def _others(goal: Goal, task: Task, part: str, outputs: Tensor) -> dict[str, float | None]:
    if isinstance(task.answer, Tokens):  # of which not the outputs, but what they are worth is kept
        return {name: figure.of(task, part, outputs) for name, figure in FIGURES.items()}
    fitting: dict[str, Score] = {
        name: score
        for name, score in SCORES.items()
        if isinstance(task.answer, score.answers) and name != goal.score_name
    }
    return {name: _value(score, task, part, outputs) for name, score in fitting.items()}


def _value(score: Score, task: Task, part: str, outputs: Tensor) -> float | None:
    return None if score.hindrance(task, part) else score.taken(task.answer, outputs, task.asked(part))
