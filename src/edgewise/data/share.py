"""What one of several devices has of a step."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Share:
    """Part number `rank` of `devices` parts, which differ by one example at most.

    >>> import torch
    >>> [Share(rank, devices=2).of(torch.arange(5)).tolist() for rank in range(2)]
    [[0, 1, 2], [3, 4]]
    """

    rank: int = 0
    devices: int = 1

    def of(self, examples: Tensor, dim: int = 0) -> Tensor:
        return examples.tensor_split(self.devices, dim)[self.rank]


ALL = Share()
