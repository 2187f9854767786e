"""A look at a part of the data: nothing is learned from it."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from edgewise.data import Task
from edgewise.models.logits import Logits, factored
from edgewise.training.fabric import in_turn
from edgewise.training.goal import Goal
from edgewise.training.meter import Meter

STRETCH = 2**22
"""Logits that are multiplied out at once: 16 MB in float32."""


def in_stretches(outputs: Tensor | Logits, targets: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The same numbers, logits not all at once where they are many: a look needs each but once."""
    if not isinstance(outputs, Logits):
        yield outputs, targets
        return
    rows = max(1, STRETCH // outputs.shape[-1])
    for start in range(0, max(len(targets), 1), rows):
        stretch = slice(start, start + rows)
        yield outputs[stretch].multiplied(), targets[stretch]


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
        # Rows of several processes are put together again batch by batch.
        with factored(network) if fabric.world_size == 1 else nullcontext():
            found = batch.outputs(network)
        for outputs, targets in in_stretches(found, batch.targets):
            meter.add(goal.objective.loss(outputs, task.answer.to_learn(targets)), outputs, targets)
            said.append(task.answer.kept(outputs, targets).cpu())
    return *meter.figures(), torch.cat(in_turn(fabric, said))
