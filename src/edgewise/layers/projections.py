"""From states to queries, keys and values, and which of them are one projection."""

from jaxtyping import Float
from torch import Tensor, nn

from edgewise.kernels import EdgeTerm
from edgewise.layers.activations import ACTIVATIONS
from edgewise.layers.hearing import Hearing
from edgewise.names import lookup


class Projections(nn.Module):
    """q_i = W_q h_i, k_j = W_k h_j, v_j = σ(W_v h_j), and W_e for raw edge features; each only where it is heard.

    `share` makes W_k and W_v one ("key_value"), or all three ("all"). There is no σ unless it is named.
    """

    def __init__(
        self, in_dim: int, sender_dim: int, out_dim: int, hearing: Hearing, reads_nodes: bool, reads_edges: bool
    ) -> None:
        super().__init__()
        self.in_dim, self.sender_dim, self.share = in_dim, sender_dim, hearing.share
        self.num_heads = H = hearing.num_heads
        self.num_shared = Hk = hearing.num_key_value_heads or H
        if H % Hk:
            raise ValueError(f"Hearing: num_key_value_heads must divide num_heads {H}, got {Hk}")
        self.head_dim = D = hearing.head_dim or _even_share(out_dim, hearing)
        self.value_heads, self.value_dim = (Hk, D) if hearing.project_value else (1, sender_dim)
        if hearing.share != "none" and not hearing.project_value:
            raise ValueError(
                f"Hearing: share={hearing.share!r} shares the value projection, but project_value is False"
            )
        if hearing.share == "all" and (in_dim != sender_dim or Hk != H):
            raise ValueError(
                "Hearing: share='all' needs senders and receivers of one width and as many key as query heads; "
                "use share='key_value'"
            )
        if hearing.value_activation is not None and (hearing.share != "none" or not hearing.project_value):
            raise ValueError(
                "Hearing: a value_activation needs a value projection of its own: project_value=True, share='none'"
            )
        named = hearing.value_activation
        self.value_activation = None if named is None else lookup(named, ACTIVATIONS, "activation")
        bias = hearing.projection_bias
        self.to_value = _linear(sender_dim, Hk * D, bias) if hearing.project_value else None
        own_key, own_query = reads_nodes and hearing.share == "none", reads_nodes and hearing.share != "all"
        self.to_key = _linear(sender_dim, Hk * D, bias) if own_key else None
        self.to_query = _linear(in_dim, H * D, bias) if own_query else None
        self.reads_nodes = reads_nodes
        self.edge_in_key = reads_nodes and hearing.edges_in != "value"
        self.edge_in_value = not reads_edges and hearing.edges_in != "score"
        self.to_edge = self._edge_projection(hearing, reads_edges)

    def _edge_projection(self, hearing: Hearing, reads_edges: bool) -> nn.Linear | None:
        if hearing.edge_dim is None or (reads_edges and not self.edge_in_key):
            return None
        if not self.edge_in_key and not self.edge_in_value:
            raise ValueError(
                f"Hearing: the score {hearing.score!r} reads no edges, so edges_in='score' would ignore them"
            )
        key, value = (self.num_shared, self.head_dim), (self.value_heads, self.value_dim)
        if self.edge_in_key and self.edge_in_value and key != value:
            raise ValueError(
                "Hearing: edges_in='both' needs a projected value of the key's width; use 'score' or 'value'"
            )
        heads, dim = key if self.edge_in_key else value
        return _linear(hearing.edge_dim, heads * dim, bias=False)

    def forward(
        self, x: Float[Tensor, "*batch receivers in_dim"], senders: Float[Tensor, "*batch senders sender_dim"] | None
    ) -> tuple[Tensor | None, Tensor | None, Tensor]:
        """Query, key (both None where the score reads none) and value, [..., nodes, heads, dim]."""
        source = x if senders is None else senders
        value = source.unsqueeze(-2) if self.to_value is None else _split(self.to_value(source), self.num_shared)
        value = value if self.value_activation is None else self.value_activation(value)
        if not self.reads_nodes:
            return None, None, value
        key = value if self.to_key is None else _split(self.to_key(source), self.num_shared)
        if self.share == "all" and senders is None:
            return key, key, value
        return self.query(x), key, value

    def query(self, x: Float[Tensor, "*batch receivers in_dim"]) -> Float[Tensor, "*batch receivers heads dim"] | None:
        """What the receivers ask; None where the score reads no nodes."""
        if not self.reads_nodes:
            return None
        projection = self.to_value if self.to_query is None else self.to_query
        assert projection is not None  # share="all" has a value projection
        return _split(projection(x), self.num_heads)

    def edge_terms(self, edges: Float[Tensor, "edges features"] | None) -> tuple[EdgeTerm | None, EdgeTerm | None]:
        """The raw features with their weight, for the key and for the value."""
        if edges is None or self.to_edge is None:
            return None, None
        heads = self.num_shared if self.edge_in_key else self.value_heads
        weight = self.to_edge.weight.unflatten(0, (heads, -1)).permute(2, 0, 1)
        term = EdgeTerm(edges, weight)
        return (term if self.edge_in_key else None), (term if self.edge_in_value else None)


def _even_share(out_dim: int, hearing: Hearing) -> int:
    if hearing.heads != "concat":
        return out_dim
    if out_dim % hearing.num_heads:
        raise ValueError(
            f"Hearing: {hearing.num_heads} heads cannot share {out_dim} channels evenly; choose a multiple, or set "
            "head_dim"
        )
    return out_dim // hearing.num_heads


def _split(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1))


def _linear(in_dim: int, out_dim: int, bias: bool) -> nn.Linear:
    """Glorot weights and no bias to begin with, as Transformers and GAT start."""
    layer = nn.Linear(in_dim, out_dim, bias=bias)
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
