"""Scores by how far the sender stands from the receiver: the kernels of light and dynamic convolutions."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgewise import kernels
from edgewise.graph import Graph
from edgewise.kernels import EdgeTerm, segments
from edgewise.layers.loudness import Loudness
from edgewise.layers.offsets import Reach
from edgewise.layers.score import Score, glorot


class Light(Score):
    """s_ij^h = w_h[j - i]: a number of the offset for each head.

    With the aggregator softmax it is the lightweight convolution: depthwise, its kernel a softmax, one for all channels
    of a head. The kernel reaches `before` nodes to the left and `after` to the right, as the pattern window does.

    Wu et al. 2019, section 3, https://arxiv.org/abs/1901.10430. Differs: the softmax is over what is heard, where
    theirs also runs over the zeros of the padding before a sequence begins.
    """

    reads_nodes = False

    def __init__(self, num_heads: int, before: int = 1, after: int = 1) -> None:
        super().__init__()
        self.reach = Reach.of("light", before, after)
        self.kernel = nn.Parameter(glorot(num_heads, self.reach.width).detach().T.contiguous())

    def forward(
        self, query: Tensor | None, key: Tensor | None, edge_key: EdgeTerm | None, graph: Graph, edges: Tensor | None
    ) -> Loudness:
        """A row of the kernel for each edge."""
        return Loudness(kernels.Given(functional.embedding(self.reach.rows(graph, "light"), self.kernel)))


class Dynamic(Score):
    """s_ij^h = q_i^h · w_h[j - i]: the receiver says how loudly it hears each offset.

    With the aggregator softmax it is the dynamic convolution. What is heard has no part in the score, so an edge costs
    one number a head; reach as `Light`.

    Wu et al. 2019, section 4, https://arxiv.org/abs/1901.10430. Differs: the paper's one matrix from the state to the
    kernel is W_q and w here, and the softmax is over what is heard.
    """

    reads_keys = False

    def __init__(self, num_heads: int, head_dim: int, before: int = 1, after: int = 1) -> None:
        super().__init__()
        self.reach = Reach.of("dynamic", before, after)
        bound = math.sqrt(6 / max(self.reach.width + head_dim, 1))
        self.kernel = nn.Parameter(torch.empty(self.reach.width, num_heads, head_dim).uniform_(-bound, bound))

    def forward(
        self, query: Tensor | None, key: Tensor | None, edge_key: EdgeTerm | None, graph: Graph, edges: Tensor | None
    ) -> Loudness:
        """Width numbers for each receiver and head, of which each edge takes one."""
        assert query is not None  # reads_nodes
        numbers = torch.einsum("...rhd,khd->...rkh", query, self.kernel).flatten(-3, -2)
        rows, receivers = self.reach.rows(graph, "dynamic"), segments.edges(graph)[1]
        return Loudness(kernels.Given(numbers.index_select(-2, receivers * self.reach.width + rows)))
