"""From states to queries, keys and values, and which of them are one projection."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from edgewise.kernels import EdgeTerm
from edgewise.layers.activations import ACTIVATIONS
from edgewise.layers.hearing import Hearing
from edgewise.names import lookup
from edgewise.part import Part


class Projections(nn.Module):
    """q_i = W_q h_i, k_j = W_k h_j, v_j = σ(W_v h_j), and W_e for raw edge features; each only where it is heard.

    `share` makes W_k and W_v one ("key_value"), or all three ("all"). There is no σ unless it is named. With a
    `value_gate` v_j = σ(W_v h_j) ⊗ σ_g(W_g h_j).
    """

    def __init__(
        self,
        in_dim: int,
        sender_dim: int,
        out_dim: int,
        hearing: Hearing,
        reads_nodes: bool,
        reads_edges: bool,
        reads_keys: bool,
    ) -> None:
        super().__init__()
        self.in_dim, self.sender_dim, self.share = in_dim, sender_dim, hearing.share
        self.num_heads = H = hearing.num_heads
        self.num_shared = Hk = H if hearing.num_key_value_heads is None else hearing.num_key_value_heads
        if Hk < 1 or H % Hk:
            raise ValueError(f"Hearing: num_key_value_heads must divide num_heads {H}, got {Hk}")
        if not reads_keys:
            _check_without_keys(hearing, reads_nodes)
        self.head_dim = D = _head_dim(out_dim, hearing, reads_nodes or hearing.project_value)
        self.value_dim = D if hearing.project_value else sender_dim
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
        self.to_value_gate, self.value_gate = None, None
        if hearing.value_gate is not None:
            if not hearing.project_value:
                raise ValueError("Hearing: a value_gate needs a value projection: project_value=True")
            self.to_value_gate = _linear(sender_dim, Hk * D, bias)
            self.value_gate = lookup(hearing.value_gate, ACTIVATIONS, "activation")
        own_key, own_query = reads_keys and hearing.share == "none", reads_nodes and hearing.share != "all"
        self.to_key = _linear(sender_dim, Hk * D, bias) if own_key else None
        self.to_query = _linear(in_dim, H * D, bias) if own_query else None
        self.reads_nodes, self.reads_keys = reads_nodes, reads_keys
        self.edge_in_key = reads_keys and not reads_edges and hearing.edges_in != "value"
        self.edge_in_value = not reads_edges and hearing.edges_in != "score"
        self.to_edge = self._edge_projection(hearing, reads_edges)

    def _edge_projection(self, hearing: Hearing, reads_edges: bool) -> nn.Linear | None:
        score = Part.of(hearing.score).name
        if hearing.edge_dim is None:
            return None
        if reads_edges:
            if hearing.edges_in == "value":
                raise ValueError(f"Hearing: the score {score!r} reads the edges itself, so edges_in='value' cannot be")
            return None
        if not self.edge_in_key and not self.edge_in_value:
            raise ValueError(f"Hearing: the score {score!r} reads no edges, so edges_in='score' would ignore them")
        if self.edge_in_key and self.edge_in_value and self.head_dim != self.value_dim:
            raise ValueError(
                "Hearing: edges_in='both' needs a projected value of the key's width; use 'score' or 'value'"
            )
        dim = self.head_dim if self.edge_in_key else self.value_dim
        return _linear(hearing.edge_dim, self.num_shared * dim, bias=False)

    def forward(
        self,
        x: Float[Tensor, "*batch receivers in_dim"],
        senders: Float[Tensor, "*batch senders sender_dim"] | None,
        ahead: Float[Tensor, "out_dim sender_dim"] | None = None,
    ) -> tuple[Tensor | None, Tensor | None, Tensor]:
        """Query, key (None where the score reads none) and value, [..., nodes, heads, dim].

        `ahead` is the weight of a later projection, where the one head's value is to be projected by it already.
        """
        source = x if senders is None else senders
        Hk = self.num_shared
        if ahead is not None:
            value = functional.linear(source, ahead).unsqueeze(-2)
        elif self.to_value is None:
            value = source.unsqueeze(-2).expand(*source.shape[:-1], Hk, -1)  # the state is every head's value
        else:
            value = _split(self.to_value(source), Hk)
        value = value if self.value_activation is None else self.value_activation(value)
        key = None
        if self.reads_keys:
            key = value if self.to_key is None else _split(self.to_key(source), Hk)
        query = key if self.share == "all" and senders is None else self.query(x)
        if self.value_gate is not None and self.to_value_gate is not None:
            value = value * self.value_gate(_split(self.to_value_gate(source), Hk))
        return query, key, value

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
        weight = self.to_edge.weight.unflatten(0, (self.num_shared, -1)).permute(2, 0, 1)
        term = EdgeTerm(edges, weight)
        return (term if self.edge_in_key else None), (term if self.edge_in_value else None)


def _head_dim(out_dim: int, hearing: Hearing, projects: bool) -> int:
    """Channels of a head as set, or its share of the result; 0 where nothing is projected."""
    if hearing.head_dim is not None or not projects:
        return hearing.head_dim or 0
    if hearing.heads != "concat":
        return out_dim
    if out_dim % hearing.num_heads:
        raise ValueError(
            f"Hearing: {hearing.num_heads} heads cannot share {out_dim} channels evenly; choose a multiple, or set "
            "head_dim"
        )
    return out_dim // hearing.num_heads


def _check_without_keys(hearing: Hearing, reads_nodes: bool) -> None:
    """Refuse what only a query or a key could give a meaning."""
    score = Part.of(hearing.score).name
    if hearing.share != "none":
        raise ValueError(f"Hearing: the score {score!r} reads no key, so share={hearing.share!r} is empty")
    if hearing.head_dim is not None and not hearing.project_value and not reads_nodes:
        raise ValueError(
            f"Hearing: head_dim={hearing.head_dim} would be ignored: the score {score!r} and "
            "project_value=False leave nothing to project"
        )


def _split(x: Tensor, heads: int) -> Tensor:
    split: Tensor = x.unflatten(-1, (heads, x.shape[-1] // heads))
    return split


def _linear(in_dim: int, out_dim: int, bias: bool) -> nn.Linear:
    """Glorot weights and no bias to begin with, as Transformers and GAT start."""
    layer = nn.Linear(in_dim, out_dim, bias=bias)
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
