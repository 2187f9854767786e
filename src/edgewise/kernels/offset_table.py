"""A bias that depends only on how far apart receiver and sender stand."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class OffsetTable(NamedTuple):
    """b_ij = table[clamp(j - p_i - lowest, 0, T-1)], p_i being the sender position that receiver i is aligned with.

    table: [T, H], row t for the offset j - p_i = lowest + t; offsets beyond either end take the end's row. So a bias
    by distance (ALiBi, T5 buckets) costs T numbers a head, however many edges there are.

    >>> table = OffsetTable(torch.tensor([[0.1], [0.2], [0.3]]), lowest=-1)
    >>> table.at(torch.tensor([-5, 0, 1]), torch.float32).squeeze(-1)
    tensor([0.1000, 0.2000, 0.3000])
    """

    table: Float[Tensor, "offsets heads"]
    lowest: int

    def at(self, offsets: Int[Tensor, "*any"], dtype: torch.dtype) -> Float[Tensor, "*any heads"]:
        """The bias at these offsets in this dtype, in which gradients into the table are summed too."""
        index = (offsets - self.lowest).clamp(0, self.table.shape[0] - 1)
        return torch.nn.functional.embedding(index, self.table.to(dtype))
