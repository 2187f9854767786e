"""What a score hands to an aggregator: everything that says how loudly each edge is heard."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise import kernels
from edgewise.graph import Graph
from edgewise.kernels import EdgeTerm, OffsetTable


@dataclass(frozen=True)
class Loudness:
    """s_ij + b_ij, not yet computed: an aggregator takes it as logits (softmax) or as weights (sum, mean, max)."""

    score: kernels.Score
    query: Float[Tensor, "..."] | None = None
    key: Float[Tensor, "..."] | None = None
    edge_key: EdgeTerm | None = None
    bias: Float[Tensor, "..."] | OffsetTable | None = None
    dropout: float = 0.0  # probability that an edge falls out of the sum, per head

    def plus(self, bias: Tensor | OffsetTable | None, dropout: float) -> "Loudness":
        """The same with a bias on the logits, and dropout of edges."""
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

    def weights(self, graph: Graph, num_heads: int) -> Float[Tensor, "*batch edges heads"] | None:
        """w_ij = s_ij + b_ij as numbers, dropout included; None where every edge counts 1."""
        if isinstance(self.score, kernels.Constant):
            weights = None
        elif isinstance(self.score, kernels.Given):
            scores = self.score.scores
            weights = scores[:, None] if scores.dim() == 1 else scores
        else:
            weights = kernels.score_edges(
                self.query, self.key, graph, score=self.score, bias=self.bias, edge_key=self.edge_key
            )
        if self.dropout == 0:
            return weights
        senders, receivers = graph.edges()
        heads = num_heads if weights is None else weights.shape[-1]
        kept = kernels.keep(int(torch.randint(2**62, ())), receivers, senders, heads, self.dropout)
        scaled = kept / (1 - self.dropout)
        return scaled if weights is None else weights * scaled.to(weights.dtype)
