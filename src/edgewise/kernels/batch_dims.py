"""Leading batch dimensions on the same graph are more heads: folded in on the way in, unfolded on the way out."""

import torch
from jaxtyping import Float
from torch import Tensor


def fold(x: Float[Tensor, "*batch nodes heads dim"], batch: torch.Size) -> Float[Tensor, "nodes folded_heads dim"]:
    """[..., N, H, D] to [N, B·H, D].

    >>> fold(torch.zeros(2, 3, 5, 4, 8), torch.Size([2, 3])).shape
    torch.Size([5, 24, 8])
    """
    if not batch:
        return x
    x = x.expand(*batch, *x.shape[-3:]).reshape(-1, *x.shape[-3:])
    return x.movedim(0, 1).flatten(1, 2)


def fold_heads(x: Float[Tensor, "rows heads"], batch: torch.Size) -> Float[Tensor, "rows folded_heads"]:
    """The same row for every batch entry: [E, H] to [E, B·H]."""
    return x.repeat(1, batch.numel()) if batch else x


def unfold(x: Float[Tensor, "rows folded_heads *dim"], batch: torch.Size) -> Float[Tensor, "..."]:
    """[N, B·H, ...] back to [..., N, H, ...]."""
    if not batch:
        return x
    return x.unflatten(1, (batch.numel(), -1)).movedim(1, 0).unflatten(0, batch)
