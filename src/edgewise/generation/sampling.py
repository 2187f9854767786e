"""How the next token is taken from its logits: the likeliest, or drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """p(t) ∝ exp(z_t / temperature) among the tokens that are kept; at temperature 0, the t with the largest z_t.

    First the logits z are divided by the temperature, then the `top_k` likeliest are kept, then the likeliest of these
    that make up `top_p`. Without either, all are kept.

    >>> Sampling().drawn(torch.tensor([[0.1, 3.0, 0.2]]), [torch.Generator()])
    tensor([1])
    >>> Sampling(top_k=3)
    Traceback (most recent call last):
    ValueError: sampling: top_k=3 is of what is drawn, and nothing is at temperature 0; raise it, or leave top_k out
    """

    temperature: float = 0.0  # 0 takes the likeliest, 1 draws from what the network says, above it the unlikely gain
    top_k: int | None = None  # the number of tokens to draw among, at least 1
    top_p: float | None = None  # the probability that those to draw among make up, above 0 and at most 1

    def __post_init__(self) -> None:
        if not 0.0 <= self.temperature < float("inf"):
            raise ValueError(f"sampling: temperature must be a number from 0 on, got {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"sampling: top_k must be at least 1, got {self.top_k}. It counts tokens to draw among.")
        if self.top_p is not None and not 0.0 < self.top_p <= 1.0:
            raise ValueError(f"sampling: top_p must be above 0 and at most 1, got {self.top_p}. It is a probability.")
        for name, given in (("top_k", self.top_k), ("top_p", self.top_p)):
            if given is not None and self.temperature == 0.0:
                raise ValueError(
                    f"sampling: {name}={given} is of what is drawn, and nothing is at temperature 0; raise it, "
                    f"or leave {name} out"
                )

    def drawn(self, logits: Float[Tensor, "rows tokens"], streams: Sequence[torch.Generator]) -> Int64[Tensor, "rows"]:
        """A token a row, each drawn from a stream of its own (on the CPU, so alike on every device)."""
        if self.temperature == 0.0:
            return logits.argmax(dim=-1)
        kept = logits.float().cpu() / self.temperature
        if self.top_k is not None:
            kept = among_likeliest(kept, self.top_k)
        if self.top_p is not None:
            kept = among_likely(kept, self.top_p)
        chances = kept.softmax(dim=-1)
        rows = [torch.multinomial(row, 1, generator=one) for row, one in zip(chances, streams, strict=True)]
        return torch.cat(rows).to(logits.device)


def among_likeliest(logits: Float[Tensor, "*rows tokens"], count: int) -> Float[Tensor, "*rows tokens"]:
    """The logits of the `count` likeliest tokens; -∞ for all others. Fan et al. 2018, https://arxiv.org/abs/1805.04833

    >>> among_likeliest(torch.tensor([1.0, 3.0, 2.0]), 2)
    tensor([-inf, 3., 2.])
    """
    likeliest = logits.topk(min(count, logits.shape[-1]), dim=-1)
    return torch.full_like(logits, -torch.inf).scatter(-1, likeliest.indices, likeliest.values)


def among_likely(logits: Float[Tensor, "*rows tokens"], share: float) -> Float[Tensor, "*rows tokens"]:
    """The logits of the fewest tokens whose probabilities sum to `share` at least; -∞ for all others.

        t is kept   iff   Σ p(u) < share   over all u that are likelier than t

    so the likeliest always is.

    >>> among_likely(torch.tensor([0.2, 0.5, 0.3]).log(), 0.6).exp()
    tensor([0.0000, 0.5000, 0.3000])

    The nucleus, Holtzman et al. 2020, section 3.1, https://arxiv.org/abs/1904.09751
    """
    ordered, order = logits.sort(dim=-1, descending=True)
    chances = ordered.softmax(dim=-1)
    before = chances.cumsum(dim=-1) - chances
    return torch.full_like(logits, -torch.inf).scatter(-1, order, ordered.masked_fill(before >= share, -torch.inf))
