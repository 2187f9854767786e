"""Raw edge features and the weight that brings them to the heads."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.kernels.blocks import product


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

        >>> EdgeTerm(torch.ones(3, 2), torch.ones(2, 1, 1)).along_edges(torch.float32).flatten()
        tensor([2., 2., 2.])
        """
        (E, F), (_, H, D) = self.features.shape, self.weight.shape
        rows, matrix = self.features.to(dtype).reshape(E, 1, F), self.weight.to(dtype).reshape(1, F, H * D)
        return product(rows, matrix).reshape(E, H, D)
