"""Batches of texts by a budget of tokens: disjoint unions, so that no token is spent on padding."""

import torch
from jaxtyping import Int64
from torch import Tensor


def num_steps(lengths: Int64[Tensor, " texts"], budget: int) -> int:
    """The fewest batches of `budget` tokens that could hold the texts, and no more than there are texts; 0: one.

    >>> num_steps(torch.tensor([3, 3, 4]), budget=5), num_steps(torch.tensor([30]), budget=5)
    (2, 1)
    """
    return min(len(lengths), -(-int(lengths.sum()) // budget)) if budget else 1


def evenly(lengths: Int64[Tensor, " texts"], steps: int) -> list[slice]:
    """Texts in their order as so many batches, none empty, of nearly as many tokens each.

    A batch ends with the text whose end is nearest to its share, so it has too many by half a text at most. A text that
    is longer than a share is a batch, or part of one.

    >>> [(part.start, part.stop) for part in evenly(torch.tensor([3, 1, 2, 9, 1]), steps=3)]
    [(0, 3), (3, 4), (4, 5)]
    """
    ends = lengths.cumsum(0).double()
    wanted = ends[-1] * torch.arange(1, steps) / steps
    after = torch.searchsorted(ends, wanted)
    nearer = (ends[after] - wanted).abs() <= (ends[(after - 1).clamp(min=0)] - wanted).abs()
    cuts: list[int] = [0]
    for step, cut in enumerate((after + nearer.long()).tolist(), start=1):
        cuts.append(min(max(cut, cuts[-1] + 1), len(lengths) - steps + step))
    return [slice(start, stop) for start, stop in zip(cuts, [*cuts[1:], len(lengths)], strict=True)]
