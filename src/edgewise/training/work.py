"""How many operations a network takes, counted while it works."""

from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

import torch
from torch.nn import Module

from edgewise.data import Task
from edgewise.data.parts import PARTS
from edgewise.kernels.flops import count_flops
from edgewise.training.chance import set_chance
from edgewise.training.config import TrainingConfig
from edgewise.training.fabric import make_fabric
from edgewise.training.goal import Goal

MOST = 16  # batches of a part that are counted one by one


class Work(NamedTuple):
    """Floating-point operations, as `count_flops` counts them."""

    forward: int  # of one look at the test part
    epoch: int  # of all steps of an epoch, forward and backward, and one look at the validation part
    sampled: bool  # whether a part has so many batches that only some were counted, and the others taken as their mean


def work(network: Module, task: Task, config: TrainingConfig) -> Work:
    """Count them on the task itself; the network is as it was, but for gradients that nobody will take a step by.

    A part of more than MOST batches is counted on its first MOST, and the rest by their share: an epoch may take hours.
    """
    goal, fabric = Goal.of(config, task), make_fabric(config)
    wrapped, there = fabric.setup(network), task.to(fabric.device)
    wrapped.eval()  # the same products, and no statistics that are kept

    def look(part: str) -> None:
        with torch.no_grad():
            for batch in islice(there.batches(part, config.batch_size), MOST):
                batch.outputs(wrapped)

    def learn() -> None:
        set_chance(config.seed, 1)  # the samples of the first epoch, so that it is always the same number
        for batch in islice(there.batches("train", config.batch_size, shuffled=True), MOST):
            targets = there.answer.to_learn(batch.targets)
            fabric.backward(goal.objective.loss(batch.outputs(wrapped), targets))
            network.zero_grad()

    batches = {part: there.num_batches(part, config.batch_size) for part in PARTS}

    def whole(part: str, counted: Callable[[], None]) -> int:
        return round(count_flops(counted) * max(batches[part] / MOST, 1))

    forward = whole("test", lambda: look("test"))
    epoch = whole("train", learn) + whole("validation", lambda: look("validation"))
    return Work(forward, epoch, max(batches.values()) > MOST)
