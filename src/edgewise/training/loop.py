"""One epoch after another: step, look, remember the best, stop when nothing gets better."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor
from torch.nn import Module

from edgewise.data import NodeTask
from edgewise.training import checkpoint
from edgewise.training.chance import deterministic, set_chance
from edgewise.training.config import TrainingConfig
from edgewise.training.fabric import make_fabric
from edgewise.training.interrupt import Interrupted, postponed_interrupt
from edgewise.training.metrics import Epoch, MetricsFile
from edgewise.training.named import named
from edgewise.training.objectives import OBJECTIVES, Objective
from edgewise.training.optimisers import OPTIMISERS
from edgewise.training.place import Place


@dataclass(frozen=True)
class Outcome:
    """What came of a run: loss and score of the best epoch's weights for each part of the data."""

    figures: dict[str, tuple[float, float]]  # "train", "validation", "test"
    score_name: str
    best_epoch: int
    epochs: int
    stopped_early: bool
    seconds: float  # in training and validation, all sittings together
    device: str


def train(
    network: Module,
    task: NodeTask,
    config: TrainingConfig,
    folder: Path,
    *,
    resume: bool = False,
    tell: Callable[[Epoch, Place], None] = lambda epoch, place: None,
) -> Outcome:
    """Train `network` on `task`, keeping metrics.csv, best/ and last/ in `folder`; `tell` hears of every epoch.

    The whole graph is one batch, so an epoch is one step. With `resume` the run goes on from last/ and gives the same
    numbers as one that was never cut off. Afterwards the network holds the weights of its best epoch.
    """
    objective: Objective = named(config.objective, OBJECTIVES, "objective")
    fabric = make_fabric(config)
    optimiser = named(config.optimiser, OPTIMISERS, "optimiser")(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    wrapped, stepper = fabric.setup(network, optimiser)
    task = task.to(fabric.device)
    folder.mkdir(parents=True, exist_ok=True)
    place = Place()
    if resume:
        place, precision = checkpoint.load(folder, network, optimiser)
        fabric.strategy.precision.load_state_dict(precision)

    def write(metrics: MetricsFile) -> None:
        metrics.sync()
        checkpoint.save(folder, place, network, optimiser, fabric.strategy.precision.state_dict())

    def step() -> tuple[float, float]:
        wrapped.train()
        outputs = wrapped(task.graphs, task.features)[task.train]
        loss = objective.loss(outputs, task.targets[task.train])
        fabric.backward(loss)
        stepper.step()
        stepper.zero_grad()
        return loss.item(), objective.score(outputs, task.targets[task.train]).item()

    @torch.no_grad()
    def look(*parts: Tensor) -> list[tuple[float, float]]:
        wrapped.eval()
        states = wrapped(task.graphs, task.features)
        pairs = [(states[part], task.targets[part]) for part in parts]
        return [(objective.loss(*pair).item(), objective.score(*pair).item()) for pair in pairs]

    with (
        deterministic(),
        postponed_interrupt() as interrupted,
        MetricsFile(folder, objective.score_name, keep=place.epoch) as metrics,
    ):
        written = perf_counter()
        while not place.finished(config):
            began = perf_counter()
            set_chance(config.seed, place.epoch + 1)
            (train_loss, train_score), [(loss, score)] = step(), look(task.validation)
            if not math.isfinite(train_loss + loss):
                raise FloatingPointError(
                    f"training: the loss of epoch {place.epoch + 1} is {train_loss} in training, {loss} in validation;"
                    f" try a smaller learning_rate than {config.learning_rate}"
                )
            place.epoch += 1
            place.note(network, (-loss, score) if config.watch == "loss" else (score, -loss))
            place.seconds += perf_counter() - began
            epoch = Epoch(place.epoch, round(place.seconds, 3), train_loss, train_score, loss, score)
            metrics.add(epoch)
            tell(epoch, place)
            if place.finished(config):
                break
            if interrupted() or perf_counter() - written >= config.save_every:
                write(metrics)
                written = perf_counter()
            if interrupted():
                raise Interrupted(f"stopped after epoch {place.epoch}; {folder} can be resumed")
        # Also where a run was finished when it was taken up: it may have been killed between last/ and best/.
        write(metrics)
        network.load_state_dict(place.best_weights)
        figures = dict(zip(("train", "validation", "test"), look(task.train, task.validation, task.test), strict=True))
    return Outcome(
        figures=figures,
        score_name=objective.score_name,
        best_epoch=place.best_epoch,
        epochs=place.epoch,
        stopped_early=place.stopped_early(config),
        seconds=place.seconds,
        device=str(fabric.device),
    )
