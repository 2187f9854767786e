"""One step: the gradient of some batches together, and the optimiser's move by it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from torch import Tensor
from torch.nn import Module

from edgewise.data import Answer, Batch, Task
from edgewise.models.logits import factored
from edgewise.training.config import TrainingConfig
from edgewise.training.goal import Goal
from edgewise.training.meter import Meter
from edgewise.training.shares import check_gradients
from edgewise.training.weighed import shares_of, weighed

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """A step of `network` towards the `goal`; `meter` hears each batch."""

    config: TrainingConfig
    answer: Answer
    goal: Goal
    meter: Meter
    fabric: Any
    network: Module
    wrapped: Module  # the network, and the optimiser, as Fabric has set them up
    optimiser: Any

    @property
    def takes_factors(self) -> bool:
        """Whether logits may stay factors: not where other devices wait for the gradient of every weight in them."""
        return self.goal.takes_factors and self.fabric.world_size == 1

    def take(self, batches: Sequence[Batch]) -> None:
        """By the gradient of all the batches' known targets, as of one large batch."""
        known = [int(self.answer.known(batch.targets).sum()) for batch in batches]
        for at, (batch, share) in enumerate(zip(batches, shares_of(self.fabric, known), strict=True), start=1):
            # Devices tell each other their gradients once a step, with the last batch.
            with self.fabric.no_backward_sync(self.wrapped, enabled=at < len(batches)):
                with factored(self.network) if self.takes_factors else nullcontext():
                    outputs = batch.outputs(self.wrapped)
                loss: Tensor = self.goal.to_learn(outputs, self.answer.to_learn(batch.targets))
                self.fabric.backward(weighed(loss, outputs, share))
            self.meter.add(loss, outputs, batch.targets)
        check_gradients(self.network, self.config)
        if self.config.clip_norm:
            self.fabric.clip_gradients(self.wrapped, self.optimiser, max_norm=self.config.clip_norm)
        self.optimiser.step()
        self.optimiser.zero_grad()


def num_steps(task: Task, config: TrainingConfig) -> int:
    """How many steps an epoch has; the last is of what is left."""
    batches = task.num_batches("train", config.batch_size)
    if config.accumulation > batches:
        raise ValueError(
            f"training: accumulation is {config.accumulation} batches a step, but an epoch of {task.name} has only"
            f" {batches}; lower it, or batch_size"
        )
    return -(-batches // config.accumulation)


def grouped(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """So many at a time; the last group is what is left.

    >>> list(grouped("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group
