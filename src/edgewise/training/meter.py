"""Loss and score of a part that comes in batches."""

from torch import Tensor

from edgewise.data import Answer
from edgewise.training.goal import Goal
from edgewise.training.scores import heard


class Meter:
    """loss = Σ_b (n_b / Σ n) loss_b, n_b the known targets of batch b; the score is of all batches together.

    After its figures are read it begins anew.
    """

    def __init__(self, goal: Goal, answer: Answer) -> None:
        self._answer = answer
        self._metric = goal.score.make(answer)
        self._losses: list[tuple[float, int]] = []

    def add(self, loss: Tensor, outputs: Tensor, targets: Tensor) -> None:
        """Take in a batch. Scores are counted on the CPU, whose operations give the same bits each time."""
        self._losses.append((loss.item(), int(self._answer.known(targets).sum())))
        self._metric.update(*heard(self._answer, outputs.detach().cpu(), targets.cpu()))

    def figures(self) -> tuple[float, float]:
        """Loss and score."""
        losses, self._losses = self._losses, []
        total = sum(count for _, count in losses)
        score = float(self._metric.compute())
        self._metric.reset()
        return sum(loss * (count / total) for loss, count in losses), score
