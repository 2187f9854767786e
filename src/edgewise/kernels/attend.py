"""attend: softmax attention over the neighbours in a graph."""

from typing import Literal, overload

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph
from edgewise.kernels import checks, ops, routes
from edgewise.kernels.attention import Attention
from edgewise.kernels.edge_term import EdgeTerm
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.routes import IMPLEMENTATIONS, Impl
from edgewise.kernels.scores import Dot, Score
from edgewise.names import lookup


@overload
def attend(
    query: Tensor | None, key: Tensor | None, value: Tensor, graph: Graph, *, score: Score = ...,
    bias: Tensor | OffsetTable | None = ..., edge_key: EdgeTerm | None = ..., edge_value: EdgeTerm | None = ...,
    dropout: float = ..., seed: int | Tensor | None = ..., return_weights: Literal[False] = ..., impl: Impl = ...,
) -> Tensor: ...  # fmt: skip
@overload
def attend(
    query: Tensor | None, key: Tensor | None, value: Tensor, graph: Graph, *, score: Score = ...,
    bias: Tensor | OffsetTable | None = ..., edge_key: EdgeTerm | None = ..., edge_value: EdgeTerm | None = ...,
    dropout: float = ..., seed: int | Tensor | None = ..., return_weights: Literal[True], impl: Impl = ...,
) -> tuple[Tensor, Tensor]: ...  # fmt: skip
def attend(
    query: Float[Tensor, "*#batch receivers heads dim"] | None,
    key: Float[Tensor, "*#batch senders kv_heads dim"] | None,
    value: Float[Tensor, "*#batch senders kv_heads value_dim"],
    graph: Graph,
    *,
    score: Score = Dot(),  # noqa: B008  (a frozen value)
    bias: Float[Tensor, "..."] | OffsetTable | None = None,
    edge_key: EdgeTerm | None = None,
    edge_value: EdgeTerm | None = None,
    dropout: float = 0.0,
    seed: int | Tensor | None = None,
    return_weights: bool = False,
    impl: Impl = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    """Every receiver's softmax-weighted sum over the senders it hears.

        out_i = Σ_j α_ij (v_j + e_ij W_v)        α_ij = softmax over j of  s(q_i, k_j + e_ij W_k) + b_ij

    Args:
        query: [..., R, H, D], a row for each receiver; None where the score reads no nodes.
        key: [..., S, H_kv, D], a row for each sender. H_kv divides H: each key head serves H / H_kv query heads.
        value: [..., S, H_kv, V]. Senders may be other nodes than the receivers, or include past ones.
        graph: who hears whom. Leading batch dimensions are on this same graph; for many graphs use Graph.batch.
        score: how loudly: Dot(scale), Additive(), GATv2(vector), Given(scores) or Constant().
        bias: added to the logits: [E], [E, H], or an OffsetTable by relative position.
        edge_key, edge_value: EdgeTerm(features [E, F], weight [F, H_kv, dim]): raw edge features.
        dropout: the probability that an edge falls out, per head; the rest is scaled by 1 / (1 - dropout).
        seed: of the dropout counter (receiver, sender, head); drawn from PyTorch's generator if not given.
        return_weights: also return the α of the sum, [..., E, H], in the graph's edge order, dropout included.
        impl: "auto", or a route by name; an implementation never changes a meaning.

    Returns:
        [..., R, H, V] in the dtype of value. A receiver that hears nobody gets zeros.

    Raises:
        ValueError, TypeError: a tensor does not fit the graph or the others; the message says which and how.

    >>> from edgewise.graph import Graph
    >>> graph = Graph.from_edges(torch.tensor([0, 1]), torch.tensor([1, 1]), num_senders=3)
    >>> value = torch.tensor([[2.0], [4.0], [8.0]])[:, None]
    >>> attend(torch.zeros(3, 1, 1), torch.zeros(3, 1, 1), value, graph).squeeze()
    tensor([0., 3., 0.])

    Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; over a graph: Joshi 2020, https://arxiv.org/abs/2506.22084
    """
    lookup(impl, IMPLEMENTATIONS, "impl")
    checks.check_dropout("attend", dropout, seed)
    if dropout > 0 and seed is None:
        seed = torch.randint(2**62, ())
    attention = Attention(query, key, value, score, bias, edge_key, edge_value, dropout, 0 if seed is None else seed)
    if ops.watched():
        out, weights = ops.attend(attention, graph, return_weights, impl)
    else:
        out, weights = routes.attend(attention, graph, return_weights, impl)
    return out if weights is None else (out, weights)
