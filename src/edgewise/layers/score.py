"""How loudly: what any score is.

Your own score is a subclass with one method; name it in a recipe by its import path.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.kernels import EdgeTerm
from edgewise.layers.loudness import Loudness


class Score(nn.Module):
    """s_ij from the projected query of i, the projected key of j, and the raw features of the edge.

    `reads_nodes` says whether query and key are projected at all, and `reads_keys` whether the key is; `reads_edges`
    whether raw edge features are read directly (rather than through the layer's edge projection, which arrives as
    `edge_key`), and `edges_optional` whether a layer that has an edge_dim may be called without them. `reads_degrees`:
    how many a sender hears itself counts, so it must not be a past one.
    """

    reads_nodes = True
    reads_keys = True
    reads_edges = False
    edges_optional = False
    reads_degrees = False

    def forward(
        self,
        query: Float[Tensor, "*batch receivers heads dim"] | None,
        key: Float[Tensor, "*batch senders kv_heads dim"] | None,
        edge_key: EdgeTerm | None,
        graph: Graph,
        edges: Float[Tensor, "edges features"] | None,
    ) -> Loudness:
        """How loudly each edge of the graph is heard."""
        raise NotImplementedError(f"{type(self).__name__}: defines forward(query, key, edge_key, graph, edges)")


def glorot(num_heads: int, dim: int) -> nn.Parameter:
    """Uniform in ±√(6 / (heads + dim))."""
    bound = math.sqrt(6 / max(num_heads + dim, 1))
    return nn.Parameter(torch.empty(num_heads, dim).uniform_(-bound, bound))
