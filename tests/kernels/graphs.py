"""Small graphs to compute over, and the numbers to compute with."""

import torch
from torch import Tensor

from edgewise.graph import Graph


def from_mask(mask: Tensor) -> Graph:
    receivers, senders = mask.nonzero(as_tuple=True)
    return Graph.from_edges(senders, receivers, num_senders=mask.shape[1], num_receivers=mask.shape[0])


def complete(receivers: int, senders: int | None = None) -> Graph:
    return from_mask(torch.ones(receivers, receivers if senders is None else senders, dtype=torch.bool))


def causal(receivers: int, senders: int | None = None) -> Graph:
    senders = receivers if senders is None else senders
    return from_mask(torch.ones(receivers, senders, dtype=torch.bool).tril(senders - receivers))


def irregular(receivers: int, senders: int, density: float = 0.4, seed: int = 0) -> Graph:
    """Each pair with this probability, but receiver 0 hears nobody and sender 0 is heard by nobody."""
    mask = torch.rand(receivers, senders, generator=torch.Generator().manual_seed(seed)) < density
    mask[:1], mask[:, :1] = False, False
    return from_mask(mask)


DENSE = {
    "complete": complete(13),
    "causal": causal(13),
    "one node": complete(1),
    "cross": complete(5, 11),
    "one receiver": causal(1, 7),
    "causal with past": causal(5, 9),
    "causal with fewer senders": causal(7, 3),
    "equal sizes": Graph.batch([complete(6)] * 3),
    "equal causal sizes": Graph.batch([causal(6)] * 3),
    "unequal sizes": Graph.batch([complete(n) for n in (3, 1, 7, 3)]),
    "unequal causal sizes": Graph.batch([causal(3), causal(2, 6), causal(1, 4), causal(4, 2), causal(3)]),
    "with an empty one": Graph.batch([causal(3), causal(0), causal(0, 2), causal(2, 0), causal(5)]),
}
IRREGULAR = {
    "irregular": irregular(9, 9),
    "cross": irregular(7, 12, seed=1),
    "sparse": irregular(11, 5, density=0.15, seed=2),
    "batch": Graph.batch([irregular(5, 5, seed=3), irregular(4, 7, seed=4), complete(1)]),
    "no edges": from_mask(torch.zeros(4, 3, dtype=torch.bool)),
    "one node": complete(1),
    "no receivers": from_mask(torch.zeros(0, 3, dtype=torch.bool)),
    "no senders": from_mask(torch.zeros(3, 0, dtype=torch.bool)),
    "no nodes": from_mask(torch.zeros(0, 0, dtype=torch.bool)),
}


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Normal random numbers that ask for a gradient; the same for every dtype, but for rounding."""
    generator = torch.Generator().manual_seed(1000 * seed + sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()


def forward_and_gradients(out: Tensor, inputs: list[Tensor], seed: int = 7) -> list[Tensor]:
    """The output, and the gradient of each input under a fixed random cotangent; zeros for one that took no part."""
    cotangent = torch.randn(out.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    if not out.requires_grad:
        return [out, *(torch.zeros_like(x) for x in inputs)]
    found = torch.autograd.grad(out, inputs, cotangent.to(out.dtype), allow_unused=True)
    return [out, *(torch.zeros_like(x) if grad is None else grad for x, grad in zip(inputs, found, strict=True))]
