"""A look at a part of the data: nothing is learned from it."""

import torch
from torch import Tensor
from torch.nn import Module

from edgewise.data import Task
from edgewise.training.goal import Goal
from edgewise.training.meter import Meter


@torch.no_grad()
def look(network: Module, task: Task, part: str, size: int, goal: Goal, meter: Meter) -> tuple[float, float, Tensor]:
    """Loss and score of a part, and the network's outputs, a row for each of its examples, in its order."""
    network.eval()
    said = []
    for batch in task.batches(part, size):
        outputs = batch.outputs(network)
        meter.add(goal.objective.loss(outputs, task.answer.to_learn(batch.targets)), outputs, batch.targets)
        said.append(outputs.cpu())
    return *meter.figures(), torch.cat(said)
