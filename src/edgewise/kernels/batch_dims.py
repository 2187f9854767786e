"""Leading batch dimensions on the same graph are more heads: folded in on the way in, unfolded on the way out."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

_NONE = torch.Size()


def leading(nodes: Sequence[Tensor | None], per_edge: Sequence[Tensor | None] = ()) -> torch.Size:
    """The dimensions before [nodes, heads, dim] and [edges, heads], broadcast.

    >>> leading([torch.zeros(2, 1, 5, 4, 8), torch.zeros(5, 4, 8)], per_edge=[torch.zeros(3, 7, 4)])
    torch.Size([2, 3])
    """
    shapes = [x.shape[:-3] for x in nodes if x is not None and x.dim() > 3]
    if per_edge:
        shapes += [x.shape[:-2] for x in per_edge if x is not None and x.dim() > 2]
    return torch.Size(torch.broadcast_shapes(*shapes)) if shapes else _NONE


def repeated(x: Float[Tensor, "..."], dim: int, batch: torch.Size) -> Float[Tensor, "..."]:
    """What every example shares, once for each: its dimension of heads becomes one of folded heads."""
    if not batch:
        return x
    return x.repeat(*(batch.numel() if n == dim else 1 for n in range(x.dim())))


def fold(x: Float[Tensor, "*batch nodes heads dim"], batch: torch.Size) -> Float[Tensor, "nodes folded_heads dim"]:
    """[..., N, H, D] to [N, B·H, D].

    >>> fold(torch.zeros(2, 3, 5, 4, 8), torch.Size([2, 3])).shape
    torch.Size([5, 24, 8])
    """
    if not batch:
        return x
    return x.expand(*batch, *x.shape[-3:]).flatten(0, len(batch) - 1).movedim(0, 1).flatten(1, 2)


def fold_per_edge(x: Float[Tensor, "..."], num_heads: int, batch: torch.Size) -> Float[Tensor, "edges folded_heads"]:
    """[E], [E, H] or [..., E, H] to [E, B·H]."""
    if x.dim() == 1:
        x = x[:, None].expand(-1, num_heads)
    return fold(x[..., None], batch).squeeze(-1)


def unfold(x: Float[Tensor, "rows folded_heads *dim"], num_heads: int, batch: torch.Size) -> Float[Tensor, "..."]:
    """[N, B·H, ...] back to [..., N, H, ...].

    >>> unfold(torch.zeros(5, 24, 8), 4, torch.Size([2, 3])).shape
    torch.Size([2, 3, 5, 4, 8])
    """
    if not batch:
        return x
    return x.reshape(x.shape[0], *batch, num_heads, *x.shape[2:]).movedim(0, len(batch))
