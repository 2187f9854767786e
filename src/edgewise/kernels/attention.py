"""One attention, spelled out: the values that `attend` was called with, as one value."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.kernels.batch_dims import fold, fold_heads
from edgewise.kernels.edge_term import EdgeTerm
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.scores import GATv2, Given, Score

Bias = Float[Tensor, "..."] | OffsetTable


@dataclass(frozen=True)
class Attention:
    """out_i = Σ_j dropout(softmax_j(s(q_i, k_j + e_ij W_k) + b_ij)) (v_j + e_ij W_v): everything but the graph.

    The fields mean what they mean in `attend`; `value` is None where only scores are wanted.
    """

    query: Float[Tensor, "..."] | None
    key: Float[Tensor, "..."] | None
    value: Float[Tensor, "..."] | None
    score: Score
    bias: Bias | None = None
    edge_key: EdgeTerm | None = None
    edge_value: EdgeTerm | None = None
    dropout: float = 0.0
    seed: int | Tensor = 0

    @property
    def batch(self) -> torch.Size:
        """The leading batch dimensions, broadcast over query, key and value."""
        return torch.broadcast_shapes(*(x.shape[:-3] for x in (self.query, self.key, self.value) if x is not None))

    @property
    def num_heads(self) -> int:
        """How many heads attend: those of the query, of scores given per head, or of the value."""
        if self.query is not None:
            return self.query.shape[-2]
        if isinstance(self.score, Given) and self.score.scores.dim() >= 2:
            return self.score.scores.shape[-1]
        if isinstance(self.bias, Tensor) and self.bias.dim() == 2:
            return self.bias.shape[-1]
        return 1 if self.value is None else self.value.shape[-2]

    @property
    def dtype(self) -> torch.dtype:
        """What logits and weights are computed in: float32, or float64 where the tensors are."""
        x = self.query if self.value is None else self.value
        return torch.float64 if x is not None and x.dtype == torch.float64 else torch.float32

    def folded(self) -> "Attention":
        """The same attention with its batch dimensions folded into heads: every node tensor [nodes, heads, dim]."""
        batch = self.batch
        return replace(
            self,
            query=None if self.query is None else fold(self.query, batch),
            key=None if self.key is None else fold(self.key, batch),
            value=None if self.value is None else fold(self.value, batch),
            score=self._score(batch),
            bias=self._bias(batch),
            edge_key=folded_term(self.edge_key, batch),
            edge_value=folded_term(self.edge_value, batch),
        )

    def _score(self, batch: torch.Size) -> Score:
        if isinstance(self.score, GATv2):
            return GATv2(self.score.vector.repeat(batch.numel(), 1), self.score.negative_slope)
        if isinstance(self.score, Given):
            return Given(folded_per_edge(self.score.scores, self.num_heads, batch))
        return self.score

    def _bias(self, batch: torch.Size) -> Bias | None:
        if isinstance(self.bias, OffsetTable):
            return OffsetTable(fold_heads(self.bias.table, batch), self.bias.lowest)
        return None if self.bias is None else folded_per_edge(self.bias, self.num_heads, batch)


def folded_per_edge(x: Float[Tensor, "..."], num_heads: int, batch: torch.Size) -> Float[Tensor, "edges folded_heads"]:
    """[E], [E, H] or [..., E, H] to [E, B·H]."""
    if x.dim() > 2:
        return x.reshape(-1, *x.shape[-2:]).movedim(0, 1).flatten(1)
    return fold_heads(x[:, None].expand(-1, num_heads) if x.dim() == 1 else x, batch)


def folded_term(term: EdgeTerm | None, batch: torch.Size) -> EdgeTerm | None:
    """An edge term whose weight serves the folded heads."""
    return None if term is None else EdgeTerm(term.features, term.weight.repeat(1, batch.numel(), 1))
