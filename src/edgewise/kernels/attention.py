"""One attention, spelled out: the values that `attend` was called with, as one value."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.kernels.batch_dims import fold, fold_per_edge, leading, repeated
from edgewise.kernels.edge_term import EdgeTerm
from edgewise.kernels.offset_table import OffsetTable
from edgewise.kernels.scores import GATv2, Given, Score

Bias = Float[Tensor, "..."] | OffsetTable


class Attention(NamedTuple):
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
    def scores(self) -> Tensor | None:
        """The scores given, where the score is `Given`."""
        return self.score.scores if isinstance(self.score, Given) else None

    @property
    def bias_numbers(self) -> Tensor | None:
        """The bias itself, or the table that it is looked up in."""
        return self.bias.table if isinstance(self.bias, OffsetTable) else self.bias

    @property
    def tensors(self) -> list[Tensor]:
        """Every tensor in it, each of which may ask for a gradient."""
        terms = [*(self.edge_key or ()), *(self.edge_value or ())]
        given = (self.query, self.key, self.value, self.score.tensor, self.bias_numbers, *terms)
        return [x for x in given if x is not None]

    @property
    def batch(self) -> torch.Size:
        """The leading batch dimensions, broadcast over query, key, value and the scores given."""
        return leading(self[:3], per_edge=(self.scores,) if isinstance(self.score, Given) else ())

    @property
    def num_heads(self) -> int:
        """How many heads attend: those of the query, else of what is given per edge and head, else of the value."""
        if self.query is not None:
            return self.query.shape[-2]
        for per_edge in (self.scores, self.bias_numbers):
            if per_edge is not None and per_edge.dim() > 1:
                return per_edge.shape[-1]
        return 1 if self.value is None else self.value.shape[-2]

    @property
    def dtype(self) -> torch.dtype:
        """What logits and weights are computed in: float32, or float64 where a tensor is."""
        tensors = (self.query, self.value, self.scores, self.bias_numbers)
        return torch.float64 if torch.float64 in [x.dtype for x in tensors if x is not None] else torch.float32

    def folded(self, batch: torch.Size) -> "Attention":
        """The same attention with its batch dimensions folded into heads: every node tensor [nodes, heads, dim]."""
        if not batch and self.scores is None and self.bias is None:
            return self
        return self._replace(
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
            return GATv2(repeated(self.score.vector, 0, batch), self.score.negative_slope)
        if isinstance(self.score, Given):
            return Given(fold_per_edge(self.score.scores, self.num_heads, batch))
        return self.score

    def _bias(self, batch: torch.Size) -> Bias | None:
        if isinstance(self.bias, OffsetTable):
            return OffsetTable(repeated(self.bias.table, 1, batch), self.bias.lowest)
        return None if self.bias is None else fold_per_edge(self.bias, self.num_heads, batch)


def folded_term(term: EdgeTerm | None, batch: torch.Size) -> EdgeTerm | None:
    """An edge term whose weight serves the folded heads."""
    return None if term is None else EdgeTerm(term.features, repeated(term.weight, 1, batch))
