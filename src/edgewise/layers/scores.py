"""How loudly: from what receivers ask and senders offer to one number per edge and head.

Your own score is a subclass of Score with one method; name it in a recipe by its import path.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from edgewise import kernels
from edgewise.graph import Graph
from edgewise.kernels import EdgeTerm, segments
from edgewise.layers.loudness import Loudness
from edgewise.layers.offset_scores import Dynamic, Light
from edgewise.layers.score import Score, glorot


class Constant(Score):
    """s_ij = 1: every sender counts the same (GraphSAGE, GIN; under softmax, the mean)."""

    reads_nodes = False

    def forward(
        self, query: Tensor | None, key: Tensor | None, edge_key: EdgeTerm | None, graph: Graph, edges: Tensor | None
    ) -> Loudness:
        """No numbers at all."""
        return Loudness(kernels.Constant())


class Symmetric(Score):
    """s_ij = w_ij / √(d_i d_j), with d_i = Σ_j w_ij over what i hears, and w_ij = 1 unless edge weights are given.

    With as many senders as receivers both degrees are of hearing, as in D^-1/2 A D^-1/2; between two node sets d_j
    sums over those who hear j. An edge weight comes as the one edge feature; with weights="optional" a layer with
    edge_dim=1 may be called without, and every edge counts 1.

    GCN, Kipf & Welling 2017, equation 2, https://arxiv.org/abs/1609.02907
    """

    reads_nodes = False
    reads_edges = True
    reads_degrees = True

    def __init__(self, edge_dim: int | None = None, weights: Literal["given", "optional"] = "given") -> None:
        super().__init__()
        if edge_dim not in (None, 1):
            raise ValueError(f"symmetric: an edge has one weight, so edge_dim must be 1, got {edge_dim}")
        if weights not in ("given", "optional"):
            raise ValueError(f"symmetric: weights must be 'given' or 'optional', got {weights!r}")
        self.edges_optional = weights == "optional"
        # Degrees are whole numbers of no dtype; this one has the dtype that the layer was moved to.
        self.one: Tensor
        self.register_buffer("one", torch.ones(()), persistent=False)

    def forward(
        self, query: Tensor | None, key: Tensor | None, edge_key: EdgeTerm | None, graph: Graph, edges: Tensor | None
    ) -> Loudness:
        """Both ends share the edge."""
        if edges is None:
            dtype = torch.promote_types(self.one.dtype, torch.float32)
            return Loudness(kernels.Given(graph.remember(("symmetric", dtype), lambda: _unweighted(graph, dtype))))
        heard = told = segments.segment_sum(edges, graph)
        if graph.num_senders != graph.num_receivers:
            back, order = graph.transpose(return_edge_map=True)
            told = segments.segment_sum(edges[order], back)
        own = segments.gather_receivers(_inverse_root(heard), graph)
        other = segments.gather_senders(_inverse_root(told), graph)
        return Loudness(kernels.Given((own * edges * other).squeeze(-1)))


def _unweighted(graph: Graph, dtype: torch.dtype) -> Tensor:
    senders, receivers = segments.edges(graph)
    square = graph.num_senders == graph.num_receivers
    heard, told = graph.degree(), graph.degree() if square else graph.sender_degree()
    return _inverse_root(heard.to(dtype))[receivers] * _inverse_root(told.to(dtype))[senders]


def _inverse_root(degree: Tensor) -> Tensor:
    """1/√d, and 0 where d is 0."""
    return torch.where(degree > 0, degree.clamp(min=torch.finfo(degree.dtype).tiny).rsqrt(), 0.0)


class Dot(Score):
    """s_ij = scale · q_i · (k_j + W e_ij), scale = 1/√D unless given.

    Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; edges as in Shaw et al. 2018,
    https://arxiv.org/abs/1803.02155
    """

    def __init__(self, scale: float | None = None) -> None:
        super().__init__()
        self.scale = scale

    def forward(
        self, query: Tensor | None, key: Tensor | None, edge_key: EdgeTerm | None, graph: Graph, edges: Tensor | None
    ) -> Loudness:
        """Query and key as they are."""
        return Loudness(kernels.Dot(self.scale), query, key, edge_key)


class Additive(Score):
    """s_ij = LeakyReLU(a_q · q_i + a_k · k_j + a_e · W e_ij), one vector a per head.

    GAT, Veličković et al. 2018, https://arxiv.org/abs/1710.10903, where q, k and v are one projection (share="all").
    """

    def __init__(self, num_heads: int, head_dim: int, edge_dim: int | None = None, negative_slope: float = 0.2) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.query_vector = glorot(num_heads, head_dim)
        self.key_vector = glorot(num_heads, head_dim)
        self.edge_vector = glorot(num_heads, head_dim) if edge_dim is not None else None

    def forward(
        self, query: Tensor | None, key: Tensor | None, edge_key: EdgeTerm | None, graph: Graph, edges: Tensor | None
    ) -> Loudness:
        """Each node is reduced to one number a head before any edge is looked at."""
        assert query is not None  # reads_nodes
        assert key is not None
        asks = (query * self.query_vector).sum(-1, keepdim=True)
        offers = (key * self.key_vector).sum(-1, keepdim=True)
        if edge_key is not None and self.edge_vector is not None:
            edge_key = EdgeTerm(edge_key.features, (edge_key.weight * self.edge_vector).sum(-1, keepdim=True))
        return Loudness(kernels.Additive(self.negative_slope), asks, offers, edge_key)


class GATv2(Score):
    """s_ij = a · LeakyReLU(q_i + k_j + W e_ij), one vector a per head.

    Brody et al. 2022, https://arxiv.org/abs/2105.14491
    """

    def __init__(self, num_heads: int, head_dim: int, negative_slope: float = 0.2) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.vector = glorot(num_heads, head_dim)

    def forward(
        self, query: Tensor | None, key: Tensor | None, edge_key: EdgeTerm | None, graph: Graph, edges: Tensor | None
    ) -> Loudness:
        """The vector comes after the nonlinearity, so the ranking of senders can differ between receivers."""
        return Loudness(kernels.GATv2(self.vector, self.negative_slope), query, key, edge_key)


class Gaussian(Score):
    """s_ij^h = exp(-½ Σ_c (u_ij,c - μ_h,c)² / (ε + σ_h,c²)): one Gaussian kernel per head over pseudo-coordinates u.

    The coordinates are the raw edge features, so many, or, with coordinates="degree", tanh(A (1/√d_i, 1/√d_j) + b)
    with a learned A of `dim` rows, as the paper does on citation graphs. It is a weight, not a logit: sum or average
    with it.

    MoNet, Monti et al. 2017, equation 11 and section 5.2, https://arxiv.org/abs/1611.08402
    """

    reads_nodes = False
    reads_edges = True
    epsilon = 1e-15

    def __init__(
        self,
        num_heads: int,
        edge_dim: int | None = None,
        coordinates: int | Literal["degree"] = "degree",
        dim: int | None = None,
    ) -> None:
        super().__init__()
        if isinstance(coordinates, str) and coordinates != "degree":
            raise ValueError(
                f"gaussian: coordinates must be 'degree' or a number of edge features, got {coordinates!r}"
            )
        self.reads_degrees = coordinates == "degree"
        wanted = None if coordinates == "degree" else coordinates
        if edge_dim != wanted:
            raise ValueError(f"gaussian: coordinates={coordinates!r} needs edge_dim={wanted}, got {edge_dim}")
        if dim is not None and wanted is not None:
            raise ValueError(f"gaussian: dim is for coordinates='degree'; {wanted} edge features are as they are")
        dim = (dim or 2) if wanted is None else wanted
        self.from_degree = nn.Linear(2, dim) if wanted is None else None
        self.mean = glorot(num_heads, dim)
        self.deviation = glorot(num_heads, dim)

    def forward(
        self, query: Tensor | None, key: Tensor | None, edge_key: EdgeTerm | None, graph: Graph, edges: Tensor | None
    ) -> Loudness:
        """Near the kernel's mean is loud."""
        if self.from_degree is not None:
            dtype = self.from_degree.weight.dtype
            degrees = graph.remember(("degree_coordinates", dtype), lambda: _degrees(graph, dtype))
            coordinates = self.from_degree(degrees).tanh()
        else:
            assert edges is not None  # the layer's door has checked
            coordinates = edges
        distance = (coordinates[:, None] - self.mean) ** 2 / (self.epsilon + self.deviation**2)
        return Loudness(kernels.Given((-0.5 * distance.sum(-1)).exp()))


def _degrees(graph: Graph, dtype: torch.dtype) -> Tensor:
    """(1/√d_i, 1/√d_j) of every edge; a degree of 0 counts as 1."""
    senders, receivers = segments.edges(graph)
    square = graph.num_senders == graph.num_receivers
    heard, told = graph.degree(), graph.degree() if square else graph.sender_degree()
    ends = torch.stack([heard[receivers], told[senders]], dim=1)
    return ends.clamp(min=1).to(torch.promote_types(dtype, torch.float32)).rsqrt().to(dtype)


SCORES: dict[str, type[Score]] = {
    "constant": Constant,
    "symmetric": Symmetric,
    "dot": Dot,
    "additive": Additive,
    "gatv2": GATv2,
    "gaussian": Gaussian,
    "light": Light,
    "dynamic": Dynamic,
}
