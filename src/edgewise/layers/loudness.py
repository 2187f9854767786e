"""What a score hands to an aggregator: everything that says how loudly each edge is heard."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise import kernels
from edgewise.graph import Graph
from edgewise.kernels import EdgeTerm, OffsetTable, segments


@dataclass(frozen=True)
class Loudness:
    """s_ij + b_ij, not yet computed: an aggregator takes it as logits (softmax), or without b as weights (sum, max)."""

    score: kernels.Score
    query: Float[Tensor, "..."] | None = None
    key: Float[Tensor, "..."] | None = None
    edge_key: EdgeTerm | None = None
    bias: Float[Tensor, "..."] | OffsetTable | None = None
    dropout: float = 0.0  # probability that an edge falls out of the sum, per head

    def plus(self, bias: Tensor | OffsetTable | None, dropout: float) -> "Loudness":
        """The same with a bias on the logits, and dropout of edges."""
        if bias is None and dropout == 0 and self.bias is None and self.dropout == 0:
            return self
        return replace(self, bias=bias, dropout=dropout)

    def attend(
        self, value: Float[Tensor, "*batch senders kv_heads dim"], graph: Graph, edge_value: EdgeTerm | None
    ) -> Float[Tensor, "*batch receivers heads dim"]:
        """Σ_j softmax_j(s_ij + b_ij) v_j."""
        return kernels.attend(
            self.query,
            self.key,
            value,
            graph,
            score=self.score,
            bias=self.bias,
            edge_key=self.edge_key,
            edge_value=edge_value,
            dropout=self.dropout,
        )

    def weights(
        self, graph: Graph, num_heads: int
    ) -> Float[Tensor, "edges"] | Float[Tensor, "*batch edges heads"] | None:
        """s_ij as numbers, dropout included; None where every edge counts 1. `num_heads`: of a score without heads."""
        if self.bias is not None:
            raise ValueError("Loudness: a bias is added to logits; read it with attend, weights have none")
        weights = self._numbers(graph)
        if self.dropout == 0:
            return weights
        if weights is not None:
            weights = weights[:, None] if weights.dim() == 1 else weights
            num_heads = max(num_heads, weights.shape[-1])
        senders, receivers = segments.edges(graph)
        kept = kernels.keep(torch.randint(2**62, ()), receivers, senders, num_heads, self.dropout) / (1 - self.dropout)
        return kept if weights is None else weights * kept.to(weights.dtype)

    def logits(self, graph: Graph) -> Float[Tensor, "*batch edges heads"] | None:
        """s_ij + b_ij as numbers, without dropout; None where every edge counts 1."""
        if isinstance(self.score, kernels.Constant) and self.bias is None:
            return None
        logits = kernels.score_edges(
            self.query, self.key, graph, score=self.score, bias=self.bias, edge_key=self.edge_key
        )
        return logits if logits.dim() > 1 else logits[:, None]

    def _numbers(self, graph: Graph) -> Tensor | None:
        if isinstance(self.score, kernels.Constant):
            return None
        if isinstance(self.score, kernels.Given):
            return self.score.scores
        return kernels.score_edges(self.query, self.key, graph, score=self.score, edge_key=self.edge_key)
