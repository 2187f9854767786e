"""Where a receiver stands: one number, or a tensor with a number for each receiver."""

from collections.abc import Sequence
from typing import TypeAlias

import torch
from jaxtyping import Int64
from torch import Tensor

# A rule of positions is arithmetic that both know (+ - * // % and comparisons, whose truth counts as 1), so that the
# same line serves one decoding step in plain numbers and a million receivers in tensors.
Position: TypeAlias = int | Int64[Tensor, "receivers"]

Interval: TypeAlias = tuple[Position, Position]
Intervals: TypeAlias = Sequence[Interval]


def most(number: Position) -> int:
    """The largest of the numbers, 0 if there are none: how often a loop over intervals must turn.

    >>> most(7)
    7
    """
    if isinstance(number, int):
        return number
    return int(number.max()) if len(number) else 0


def larger(a: Position, b: Position) -> Position:
    """The larger of two numbers, receiver by receiver.

    >>> larger(torch.tensor([1, 5]), 3)
    tensor([3, 5])
    """
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b)
    return torch.maximum(torch.as_tensor(a), torch.as_tensor(b))


def smaller(a: Position, b: Position) -> Position:
    """The smaller of two numbers, receiver by receiver.

    >>> smaller(torch.tensor([1, 5]), 3)
    tensor([1, 3])
    """
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    return torch.minimum(torch.as_tensor(a), torch.as_tensor(b))
