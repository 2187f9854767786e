"""One aggregation, spelled out: the values that `aggregate` was called with, as one value."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.kernels.attention import folded_term
from edgewise.kernels.batch_dims import fold, fold_per_edge, leading
from edgewise.kernels.edge_term import EdgeTerm


@dataclass(frozen=True)
class Aggregation:
    """out_i = reduce_j w_ij (v_j + e_ij W): everything but the graph. The fields mean what they mean in `aggregate`."""

    value: Float[Tensor, "..."]
    reduce: str
    weights: Float[Tensor, "..."] | None = None
    edge_value: EdgeTerm | None = None

    @property
    def batch(self) -> torch.Size:
        """The leading batch dimensions, broadcast over value and weights."""
        return leading([self.value], [self.weights])

    @property
    def num_heads(self) -> int:
        """How many heads come out: those of the weights where they have heads, else those of the value."""
        if self.weights is None or self.weights.dim() == 1:
            return self.value.shape[-2]
        return self.weights.shape[-1]

    @property
    def dtype(self) -> torch.dtype:
        """What is summed in: float32, or float64 where a tensor is."""
        wide = any(x is not None and x.dtype == torch.float64 for x in (self.value, self.weights))
        return torch.float64 if wide else torch.float32

    @property
    def tensors(self) -> list[Tensor]:
        """Every tensor in it, each of which may ask for a gradient."""
        return [x for x in (self.value, self.weights, *(self.edge_value or ())) if x is not None]

    def folded(self) -> "Aggregation":
        """The same aggregation with its batch dimensions folded into heads; weights [E] stay, they serve all heads."""
        batch, H, weights = self.batch, self.num_heads, self.weights
        if weights is not None and weights.dim() > 1:
            weights = fold_per_edge(weights, H, batch)
        return Aggregation(fold(self.value, batch), self.reduce, weights, folded_term(self.edge_value, batch))
