"""How loudly a receiver hears a sender: the score of an edge, as a value.

A score turns the query of the receiver and the key of the sender, gathered per edge, into one number per edge and
head. `attend` puts a softmax over these numbers, `score_edges` hands them out as they are. Each class is the plain
definition; the compiled kernels know it by `name`, one `number` and one `tensor`.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import leaky_relu


@runtime_checkable
class Score(Protocol):
    """One number per edge and head, from what the receiver asks and what the sender offers."""

    name: ClassVar[str]
    reads_nodes: ClassVar[bool]

    @property
    def number(self) -> float: ...

    @property
    def tensor(self) -> Tensor | None: ...

    def logits(self, query: Tensor, key: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Constant:
    """s_ij = 0 as a logit, so that softmax gives every sender of a receiver the same weight.

    >>> Constant().reads_nodes
    False
    """

    name: ClassVar[str] = "constant"
    reads_nodes: ClassVar[bool] = False
    number: ClassVar[float] = 0.0
    tensor: ClassVar[None] = None

    def logits(self, query: Tensor, key: Tensor) -> Tensor:
        raise TypeError("Constant: has no logits of its own; every edge counts the same")


@dataclass(frozen=True)
class Dot:
    """s_ij = scale · q_i · k_j, with scale = 1/√D when not given (D the head dim of query and key).

    >>> import torch
    >>> Dot().logits(torch.ones(1, 1, 4), torch.ones(1, 1, 4))
    tensor([[2.]])

    Vaswani et al. 2017, section 3.2.1, https://arxiv.org/abs/1706.03762
    """

    scale: float | None = None
    name: ClassVar[str] = "dot"
    reads_nodes: ClassVar[bool] = True
    tensor: ClassVar[None] = None

    @property
    def number(self) -> float:
        return math.nan if self.scale is None else self.scale

    def factor(self, head_dim: int) -> float:
        """The scale in numbers, for queries and keys of this head dim."""
        return 1.0 / math.sqrt(max(head_dim, 1)) if self.scale is None else self.scale

    def logits(
        self, query: Float[Tensor, "edges heads dim"], key: Float[Tensor, "edges heads dim"]
    ) -> Float[Tensor, "edges heads"]:
        return (query * key).sum(-1) * self.factor(query.shape[-1])


@dataclass(frozen=True)
class Additive:
    """s_ij = LeakyReLU(q_i + k_j), query and key being one scalar per node and head (head dim 1).

    >>> import torch
    >>> Additive(negative_slope=0.5).logits(torch.full((1, 1, 1), -3.0), torch.ones(1, 1, 1))
    tensor([[-1.]])

    GAT, Veličković et al. 2018, equation 3, https://arxiv.org/abs/1710.10903: q_i = a₁·W h_i and k_j = a₂·W h_j.
    """

    negative_slope: float = 0.2
    name: ClassVar[str] = "additive"
    reads_nodes: ClassVar[bool] = True
    tensor: ClassVar[None] = None

    @property
    def number(self) -> float:
        return self.negative_slope

    def logits(
        self, query: Float[Tensor, "edges heads 1"], key: Float[Tensor, "edges heads 1"]
    ) -> Float[Tensor, "edges heads"]:
        return leaky_relu((query + key).squeeze(-1), self.negative_slope)


@dataclass(frozen=True)
class GATv2:
    """s_ij = a · LeakyReLU(q_i + k_j), with one vector a of the head dim per head.

    >>> import torch
    >>> GATv2(torch.ones(1, 2)).logits(torch.ones(1, 1, 2), torch.ones(1, 1, 2))
    tensor([[4.]])

    Brody et al. 2022, equation 7, https://arxiv.org/abs/2105.14491
    """

    vector: Float[Tensor, "heads dim"]
    negative_slope: float = 0.2
    name: ClassVar[str] = "gatv2"
    reads_nodes: ClassVar[bool] = True

    @property
    def number(self) -> float:
        return self.negative_slope

    @property
    def tensor(self) -> Tensor:
        return self.vector

    def logits(
        self, query: Float[Tensor, "edges heads dim"], key: Float[Tensor, "edges heads dim"]
    ) -> Float[Tensor, "edges heads"]:
        return (leaky_relu(query + key, self.negative_slope) * self.vector.to(query.dtype)).sum(-1)


@dataclass(frozen=True)
class Given:
    """s_ij = the number you give: one per edge, [E], or per edge and head, [E, H], in the graph's edge order.

    >>> import torch
    >>> Given(torch.tensor([1.0, 2.0])).scores.shape
    torch.Size([2])
    """

    scores: Float[Tensor, "..."]
    name: ClassVar[str] = "given"
    reads_nodes: ClassVar[bool] = False
    number: ClassVar[float] = 0.0

    @property
    def tensor(self) -> Tensor:
        return self.scores

    def logits(self, query: Tensor, key: Tensor) -> Tensor:
        raise TypeError("Given: its scores are per edge already; query and key must be None")


KINDS = (Constant, Dot, Additive, GATv2, Given)
"""The scores that are known by name, one number and one tensor."""


def unpacked(name: str, number: float, tensor: Tensor | None) -> Score:
    """The score that these plain values stand for: the other half of `name`, `number`, `tensor`."""
    if name == "dot":
        return Dot(None if math.isnan(number) else number)
    if name == "additive":
        return Additive(number)
    if name == "gatv2" and tensor is not None:
        return GATv2(tensor, number)
    if name == "given" and tensor is not None:
        return Given(tensor)
    if name == "constant":
        return Constant()
    raise ValueError(
        f"torch.compile: the score {name!r} is not one of edgewise's own, and its plain values do not tell what it "
        "computes; compute it per edge and hand it on as Given(scores)"
    )
