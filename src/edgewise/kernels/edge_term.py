"""Raw edge features and the weight that brings them to the heads."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

_BLOCK = 256  # edges


class EdgeTerm(NamedTuple):
    """t_ij = e_ij W, added to a key (`edge_key`) or a value (`edge_value`) on its way along an edge.

    features: [E, F], in the graph's edge order. weight: [F, heads of the key or value, dim].

    The features stay raw so that no tensor of size edges × heads × dim has to exist: q_i · (k_j + e_ij W) equals
    q_i · k_j + (W q_i) · e_ij, and Σ_j α_ij (v_j + e_ij W) equals Σ_j α_ij v_j + (Σ_j α_ij e_ij) W.
    """

    features: Float[Tensor, "edges features"]
    weight: Float[Tensor, "features heads dim"]

    def along_edges(self, dtype: torch.dtype) -> Float[Tensor, "edges heads dim"]:
        """e_ij W for every edge, in this dtype.

        A product of all edges at once would sum the gradient of W in an order that depends on the number of threads;
        blocks of a fixed size are summed one after another.

        >>> EdgeTerm(torch.ones(3, 2), torch.ones(2, 1, 1)).along_edges(torch.float32).flatten()
        tensor([2., 2., 2.])
        """
        (E, F), (_, H, D) = self.features.shape, self.weight.shape
        count = -(-E // _BLOCK)
        blocks = pad(self.features.to(dtype), (0, 0, 0, count * _BLOCK - E)).reshape(count, _BLOCK, F)
        terms = blocks @ self.weight.to(dtype).flatten(1).expand(count, F, H * D)
        return terms.reshape(count * _BLOCK, H, D)[:E]
