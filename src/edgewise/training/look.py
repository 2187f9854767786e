"""A look at a part of the data: nothing is learned from it."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from edgewise.data import Task
from edgewise.training.fabric import in_turn
from edgewise.training.goal import Goal
from edgewise.training.meter import Meter


@torch.no_grad()
def look(
    network: Module, task: Task, part: str, size: int, goal: Goal, meter: Meter, fabric: Any
) -> tuple[float, float, Tensor]:
    """Loss and score of a part, and what is kept of the network's outputs, a row for each example, in its order.

    The processes of `fabric` take the batches by turns, whole ones, so that the outputs are those of one process.
    """
    network.eval()
    said = []
    for number, batch in enumerate(task.batches(part, size)):
        if number % fabric.world_size != fabric.global_rank:
            continue
        outputs = batch.outputs(network)
        meter.add(goal.objective.loss(outputs, task.answer.to_learn(batch.targets)), outputs, batch.targets)
        said.append(task.answer.kept(outputs, batch.targets).cpu())
    return *meter.figures(), torch.cat(in_turn(fabric, said))
