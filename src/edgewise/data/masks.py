"""Which are hidden, drawn at random: what is asked about is taken out of sight."""

import torch
from jaxtyping import Bool, Int64
from torch import Tensor


def draw_mask(
    sizes: Int64[Tensor, " groups"], share: float, generator: torch.Generator | None = None
) -> Bool[Tensor, " members"]:
    """Of every group of n members, which stand one group after the other, max(1, round(share · n)) are True.

    Every such set of a group is equally likely; of an empty group there is none. Without a generator PyTorch's global
    stream is drawn from.

    >>> draw_mask(torch.tensor([1, 0, 3]), share=1.0)
    tensor([True, True, True, True])
    """
    group = torch.arange(len(sizes)).repeat_interleave(sizes)
    order = torch.rand(len(group), generator=generator).argsort()
    order = order[group[order].argsort(stable=True)]  # group after group, and by chance within each
    place = torch.arange(len(group)) - (sizes.cumsum(0) - sizes)[group]
    wanted = (share * sizes.double()).round().clamp(min=1)
    return torch.zeros(len(group), dtype=torch.bool).index_fill_(0, order[place < wanted[group]], True)
