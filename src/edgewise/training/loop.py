"""One epoch after another: step, look, remember the best, stop when nothing gets better."""

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from torch import Tensor
from torch.nn import Module

from edgewise.data import Batch, Task
from edgewise.data.parts import PARTS
from edgewise.ranks import num_ranks
from edgewise.training import checkpoint
from edgewise.training.averaging import averaged, averaging_of
from edgewise.training.chance import deterministic, set_chance
from edgewise.training.config import TrainingConfig
from edgewise.training.energy import Energy
from edgewise.training.fabric import align_buffers, gathered, joined
from edgewise.training.goal import Goal
from edgewise.training.interrupt import Interrupted, postponed_interrupt
from edgewise.training.layers_file import LayersFile
from edgewise.training.look import look
from edgewise.training.machine import peak_device_memory, peak_memory
from edgewise.training.meter import Meter
from edgewise.training.metrics import Epoch, MetricsFile
from edgewise.training.optimisers import optimiser_of
from edgewise.training.place import Place
from edgewise.training.position_cache import keep_positions
from edgewise.training.samplings import sampled
from edgewise.training.schedules import schedule_of
from edgewise.training.shares import as_started, shared
from edgewise.training.start import start_from
from edgewise.training.step import Step, grouped, num_steps


@dataclass(frozen=True)
class Outcome:
    """What came of a run: loss and score of the best epoch's weights for each part of the data."""

    figures: dict[str, tuple[float, float]]  # "train", "validation", "test"
    goal: Goal
    best_epoch: int
    epochs: int
    stopped_early: bool
    seconds: float  # in training and validation, all sittings together
    device: str
    energy: float | None = field(compare=False)  # joules in that time, None where they could not be read
    memory: int = field(compare=False)  # bytes at most, in any sitting: of the processes,
    device_memory: int = field(compare=False)  # and of accelerators
    test_outputs: Tensor = field(compare=False, repr=False)  # a row for each example of the test part, in its order

    @property
    def score_name(self) -> str:
        return self.goal.score_name


def train(
    network: Module,
    task: Task,
    config: TrainingConfig,
    folder: Path,
    *,
    resume: bool = False,
    tell: Callable[[Epoch, Place], None] = lambda epoch, place: None,
) -> Outcome:
    """Train `network` on `task`, keeping metrics.csv, best/ and last/ in `folder`; `tell` hears of every epoch.

    The task says how its examples come in batches; each is a step. With `resume` the run goes on from last/ and gives
    the same numbers as one that was never cut off. Afterwards the network holds the weights of its best epoch.
    """
    if not task.learns:
        raise ValueError(f"training: {task.name} is data for a network that has learned; there is no train part in it")
    config = as_started(config)
    if config.devices > num_ranks():
        raise ValueError(
            f"training: devices is {config.devices}, and a network and a task are values of this one process; start all"
            " by torchrun, or train a recipe, by run(recipe, folder) or edgewise train"
        )
    with joined(config) as fabric:
        return _train(network, task, config, folder, fabric, resume=resume, tell=tell)


def _train(
    network: Module,
    task: Task,
    config: TrainingConfig,
    folder: Path,
    fabric: Any,
    *,
    resume: bool,
    tell: Callable[[Epoch, Place], None],
) -> Outcome:
    task = sampled(task, config)
    goal = Goal.of(config, task)
    schedule, averaging, steps = schedule_of(config), averaging_of(config), num_steps(task, config)
    meter = Meter(goal, task.answer, fabric)
    first, devices = fabric.is_global_zero, fabric.world_size
    optimiser = optimiser_of(config, network)
    wrapped, stepper = fabric.setup(network, optimiser)
    task = task.to(fabric.device)
    step = Step(config, task.answer, goal, meter, fabric, network, wrapped, stepper)
    keep_positions(task, config)
    mine = shared(task, config, fabric.global_rank)
    folder.mkdir(parents=True, exist_ok=True)
    place = Place()
    if resume:
        with fabric.rank_zero_first():  # it puts a folder in order that was cut off
            place, precision = checkpoint.load(folder, network, optimiser)
        fabric.strategy.precision.load_state_dict(precision)
    if config.start and not place.epoch:
        start_from(network, Path(config.start))

    def write(metrics: MetricsFile) -> None:
        metrics.sync()
        checkpoint.save(folder, place, network, optimiser, fabric.strategy.precision.state_dict())

    def set_learning_rate(number: int) -> None:
        share = schedule.share(number, round(config.warm_up * steps), config.epochs * steps)
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * share

    def batches() -> Iterator[Batch]:
        for number, batch in enumerate(mine.batches("train", config.batch_size, shuffled=True)):
            if number == 0 and not first:  # the order is drawn, which all have in common
                set_chance(config.seed, place.epoch + 1, fabric.global_rank)
            yield batch

    def learn() -> tuple[float, float]:
        wrapped.train()
        for number, group in enumerate(grouped(batches(), config.accumulation), start=place.epoch * steps):
            set_learning_rate(number)
            step.take(group)
            place.kept = averaging.after_step(place.kept, network)
        place.kept = averaging.after_epoch(place.kept, network)
        align_buffers(fabric, network)
        return meter.figures()

    layers = None
    if config.layer_figures and first:
        layers = LayersFile(folder, network, task, config.batch_size, keep=place.epoch)

    with (
        deterministic(),
        postponed_interrupt() as interrupted,
        MetricsFile(folder, goal.score_name, keep=place.epoch) if first else nullcontext() as metrics,
    ):
        written, energy = perf_counter(), Energy()
        while not place.finished(config):
            began = perf_counter()
            set_chance(config.seed, place.epoch + 1)
            train_loss, train_score = learn()
            with averaged(network, place.kept):
                loss, score, _ = look(wrapped, task, "validation", config.batch_size, goal, meter, fabric)
                place.epoch += 1
                place.note(network, goal.merit(loss, score))
            if not math.isfinite(train_loss + loss):
                raise FloatingPointError(
                    f"training: the loss of epoch {place.epoch} is {train_loss} in training, {loss} in validation;"
                    f" try a smaller learning_rate than {config.learning_rate}"
                )
            place.seconds += perf_counter() - began
            place.energy = energy.added_to(place.energy)
            held = gathered(fabric, (peak_memory(), peak_device_memory(str(fabric.device))))
            place.memory = max(place.memory, sum(memory for memory, _ in held))
            place.device_memory = max(place.device_memory, sum(memory for _, memory in held))
            epoch = Epoch(place.epoch, round(place.seconds, 3), train_loss, train_score, loss, score)
            if layers:
                layers.add(place.epoch)
            if metrics:
                metrics.add(epoch)
                tell(epoch, place)
            if place.finished(config):
                break
            stopped = any(gathered(fabric, interrupted()))  # whoever was asked to
            if metrics and (stopped or perf_counter() - written >= config.save_every):
                write(metrics)
                written = perf_counter()
            if stopped:
                raise Interrupted(f"stopped after epoch {place.epoch}; {folder} can be resumed")
        # Also where a run was finished when it was taken up: it may have been killed between last/ and best/.
        if metrics:
            write(metrics)
        network.load_state_dict(place.best_weights)
        looks = {part: look(wrapped, task, part, config.batch_size, goal, meter, fabric) for part in PARTS}
    return Outcome(
        figures={part: (loss, score) for part, (loss, score, _) in looks.items()},
        goal=goal,
        best_epoch=place.best_epoch,
        epochs=place.epoch,
        stopped_early=place.stopped_early(config),
        seconds=place.seconds,
        device=f"{devices} x {fabric.device.type}" if devices > 1 else str(fabric.device),
        energy=place.energy,
        memory=place.memory,
        device_memory=place.device_memory,
        test_outputs=looks["test"][2],
    )
