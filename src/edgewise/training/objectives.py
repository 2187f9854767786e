"""What a network is asked to make small, and what people read instead."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Objective:
    """`loss(outputs, targets)`, smaller is better, with a gradient; `score(outputs, targets)`, larger is better."""

    loss: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[Tensor, Tensor], Tensor]
    score_name: str  # heads its columns in metrics.csv


def accuracy(outputs: Float[Tensor, "nodes classes"], targets: Int[Tensor, " nodes"]) -> Float[Tensor, ""]:
    """The share of nodes whose largest output is that of their class.

    >>> import torch
    >>> accuracy(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1])).item()
    0.5
    """
    return (outputs.argmax(dim=1) == targets).float().mean()


cross_entropy = Objective(loss=functional.cross_entropy, score=accuracy, score_name="accuracy")

OBJECTIVES: dict[str, Objective] = {"cross_entropy": cross_entropy}
