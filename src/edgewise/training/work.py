"""How many operations a network takes, counted while it works."""

from typing import NamedTuple

import torch
from torch.nn import Module

from edgewise.data import Task
from edgewise.kernels.flops import count_flops
from edgewise.training.chance import set_chance
from edgewise.training.config import TrainingConfig
from edgewise.training.fabric import make_fabric
from edgewise.training.goal import Goal


class Work(NamedTuple):
    """Floating-point operations, as `count_flops` counts them."""

    forward: int  # of one look at the test part
    epoch: int  # of all steps of an epoch, forward and backward, and one look at the validation part


def work(network: Module, task: Task, config: TrainingConfig) -> Work:
    """Count them on the task itself; the network is as it was, but for gradients that nobody will take a step by."""
    goal, fabric = Goal.of(config, task), make_fabric(config)
    wrapped, there = fabric.setup(network), task.to(fabric.device)
    wrapped.eval()  # the same products, and no statistics that are kept

    def look(part: str) -> None:
        with torch.no_grad():
            for batch in there.batches(part, config.batch_size):
                batch.outputs(wrapped)

    def learn() -> None:
        set_chance(config.seed, 1)  # the samples of the first epoch, so that it is always the same number
        for batch in there.batches("train", config.batch_size, shuffled=True):
            targets = there.answer.to_learn(batch.targets)
            fabric.backward(goal.objective.loss(batch.outputs(wrapped), targets))
            network.zero_grad()

    forward = count_flops(lambda: look("test"))
    return Work(forward, count_flops(learn) + count_flops(lambda: look("validation")))
