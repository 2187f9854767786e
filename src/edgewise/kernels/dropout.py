"""Dropout by counter: whether an edge is dropped is a pure function of (seed, receiver, sender, head).

Every implementation, forward and backward, asks the same function, so nothing is stored, a route never changes which
edges fall out, and neither does the number of threads or the device.
"""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

_MASK = 0xFFFFFFFF


def _mix(x: Tensor) -> Tensor:
    """A 32-bit finaliser (lowbias32, C. Wellons): every output bit depends on every input bit."""
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & _MASK
    x = x ^ (x >> 15)
    x = (x * 0x846CA68B) & _MASK
    return x ^ (x >> 16)


def keep(
    seed: int | Tensor,
    receivers: Int[Tensor, "*#any"],
    senders: Int[Tensor, "*#any"],
    num_heads: int,
    dropout: float,
) -> Bool[Tensor, "*#any heads"]:
    """True where an edge stays: mix(row(seed, i, h) ^ column(seed, j)) >= dropout · 2³², in 32-bit arithmetic.

    row(seed, i, h) = mix(mix(seed mod 2³² + i·0x9E3779B1) + h·0x85EBCA77);
    column(seed, j) = mix(seed div 2³² + j·0xC2B2AE3D).

    >>> keep(0, torch.arange(3), torch.arange(3), 2, 0.5).shape
    torch.Size([3, 2])
    """
    seed = torch.as_tensor(seed, dtype=torch.int64, device=receivers.device)
    heads = torch.arange(num_heads, device=receivers.device)
    row = _mix(((seed & _MASK) + receivers.long() * 0x9E3779B1) & _MASK)
    row = _mix((row[..., None] + heads * 0x85EBCA77) & _MASK)
    column = _mix(((seed >> 32) + senders.long() * 0xC2B2AE3D) & _MASK)
    return _mix(row ^ column[..., None]) >= threshold(dropout)


def threshold(dropout: float) -> int:
    """The smallest 32-bit number that is kept.

    >>> threshold(0.5) == 2**31
    True
    """
    return min(round(dropout * 2**32), _MASK)
