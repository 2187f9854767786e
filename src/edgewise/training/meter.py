"""Loss and score of a part that comes in batches."""

from typing import Any

from torch import Tensor

from edgewise.data import Answer
from edgewise.models.logits import Logits
from edgewise.training.fabric import in_turn
from edgewise.training.goal import Goal
from edgewise.training.scores import heard


class Meter:
    """loss = Σ_b (n_b / Σ n) loss_b, n_b the known targets of batch b; the score is of all batches together.

    Batches that several processes of `fabric` have taken in are put together again, and all hear the first one's
    figures. After they are read it begins anew. Of `Logits` that nobody multiplied out the score is by the loss.
    """

    def __init__(self, goal: Goal, answer: Answer, fabric: Any) -> None:
        self._answer = answer
        self._fabric = fabric
        self._metric = goal.score.make(answer)
        self._metric.sync_on_compute = False  # it is given all there is
        self._losses: list[tuple[float, int]] = []
        self._of_loss = goal.score.of_loss
        self._heard: list[tuple[Tensor, Tensor]] = []  # while others have some of it
        self._factored = False

    def add(self, loss: Tensor, outputs: Tensor | Logits, targets: Tensor) -> None:
        """Take in a batch. Scores are counted on the CPU, whose operations give the same bits each time."""
        self._losses.append((loss.item(), int(self._answer.known(targets).sum())))
        if isinstance(outputs, Logits):
            self._factored = True
            return
        batch = heard(self._answer, outputs.detach().cpu(), targets.cpu())
        if self._fabric.world_size == 1:
            self._metric.update(*batch)
        else:
            self._heard.append(batch)

    def figures(self) -> tuple[float, float]:
        """Loss and score."""
        losses, self._losses = in_turn(self._fabric, self._losses), []
        for batch in in_turn(self._fabric, self._heard):
            self._metric.update(*batch)
        self._heard = []
        total = sum(count for _, count in losses)
        loss = sum(loss * (count / total) for loss, count in losses if count)
        if self._factored:
            assert self._of_loss is not None  # or nobody would have asked for factors
            self._factored, score = False, self._of_loss(loss)
        else:
            score = float(self._metric.compute())
            self._metric.reset()
        figures: tuple[float, float] = self._fabric.broadcast((loss, score))
        return figures
