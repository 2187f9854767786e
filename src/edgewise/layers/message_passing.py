"""THE layer: score, aggregate, update, over a graph."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.kernels import SparseTable
from edgewise.kernels.checks import check_dropout
from edgewise.layers.activations import ACTIVATIONS
from edgewise.layers.aggregators import AGGREGATORS, Aggregator, Max, Mean, Softmax, Sum
from edgewise.layers.hearing import Hearing
from edgewise.layers.memories import Memories
from edgewise.layers.past import Past
from edgewise.layers.positions.edge_bias import EDGE_BIASES
from edgewise.layers.positions.places import receiver_places, sender_places
from edgewise.layers.positions.rotary import ROTARIES
from edgewise.layers.projections import Projections
from edgewise.layers.roots import ROOTS
from edgewise.layers.score import Score
from edgewise.layers.scores import SCORES, Constant, Dot
from edgewise.layers.self_loops import with_self_loops
from edgewise.names import lookup
from edgewise.part import Part


class MessagePassing(nn.Module):
    """h_i' = W_o ⊕_j (s(W_q h_i, W_k h_j + W_e e_ij), W_v h_j + W_e e_ij) + U h_i.

    ⊕ is the aggregator and s the score; each letter can be left out or shared by the `hearing`. With score="dot" and
    aggregator="softmax" it is the Transformer's multi-head attention; with other words it is GCN, GAT, MoNet, …. With a
    `gate` W_o ⊕ is twice as wide, and (a ‖ b) becomes a ⊗ σ(b) before h_i itself enters.

    Args:
        in_dim: channels of a receiver's state.
        out_dim: channels of the result.
        hearing: who hears whom, how loudly, how it is summed.
        sender_dim: channels of a sender's state, where senders are another node set.

    >>> graph = Graph.from_edges(torch.tensor([0, 1]), torch.tensor([1, 2]), num_senders=3)
    >>> layer = MessagePassing(4, 8, Hearing(score="gatv2", num_heads=2))
    >>> layer(torch.randn(3, 4), graph).shape
    torch.Size([3, 8])

    Joshi 2020, https://arxiv.org/abs/2506.22084
    """

    def __init__(self, in_dim: int, out_dim: int, hearing: Hearing, sender_dim: int | None = None) -> None:
        super().__init__()
        self.hearing = hearing
        self.num_heads = H = hearing.num_heads
        if H < 1:
            raise ValueError(f"MessagePassing: num_heads must be at least 1, got {H}")
        check_dropout("Hearing", hearing.dropout)
        score = Part.of(hearing.score)
        reads_nodes, reads_edges, reads_keys = _reads(score)
        sender_dim = in_dim if sender_dim is None else sender_dim
        self.projections = Projections(in_dim, sender_dim, out_dim, hearing, reads_nodes, reads_edges, reads_keys)
        D, V = self.projections.head_dim, self.projections.value_dim
        edge_dim = hearing.edge_dim if reads_edges or self.projections.edge_in_key else None
        self.score: Score = score.build(SCORES, "score", num_heads=H, head_dim=D, edge_dim=edge_dim)
        self.aggregator: Aggregator = Part.of(hearing.aggregator).build(
            AGGREGATORS, "aggregator", num_heads=self.projections.num_shared, dim=V
        )
        if hearing.edge_bias is not None and not self.aggregator.normalises:
            raise ValueError("MessagePassing: an edge_bias is added to logits, so it needs the aggregator 'softmax'")
        if hearing.rotary is not None and not reads_keys:
            told = f"the score {score.name!r} reads {'no keys' if reads_nodes else 'none'}"
            raise ValueError(f"MessagePassing: rotary turns queries and keys, and {told}")
        self.memories = None
        if hearing.memories != 0:
            _check_memories(hearing, self.score, self.aggregator)
            self.memories = Memories(hearing.memories, self.projections.num_shared, D, V)
        heard = V * self.aggregator.width * (H if hearing.heads == "concat" else 1)
        halves = 1 if hearing.gate is None else 2
        if not hearing.project_output and heard != halves * out_dim:
            raise ValueError(
                f"MessagePassing: the heads give {heard} channels but out_dim is {out_dim}"
                f"{'' if hearing.gate is None else ' and its gate as wide'}; set project_output=True or "
                f"out_dim={heard // halves}"
            )
        self.output = nn.Linear(heard, halves * out_dim, bias=hearing.output_bias) if hearing.project_output else None
        alone = hearing.output_bias and not hearing.project_output
        self.bias = nn.Parameter(torch.zeros(halves * out_dim)) if alone else None
        self.gate = None if hearing.gate is None else lookup(hearing.gate, ACTIVATIONS, "activation")
        self.root = None
        if hearing.root is not None:
            self.root = Part.of(hearing.root).build(ROOTS, "root", in_dim=in_dim, out_dim=out_dim)
        self.rotary = None
        if hearing.rotary is not None:
            self.rotary = Part.of(hearing.rotary).build(ROTARIES, "rotary", head_dim=D)
        self.edge_bias = None
        if hearing.edge_bias is not None:
            self.edge_bias = Part.of(hearing.edge_bias).build(EDGE_BIASES, "edge bias", num_heads=H)

    def forward(
        self,
        x: Float[Tensor, "*batch receivers in_dim"],
        graph: Graph,
        *,
        senders: Float[Tensor, "*batch senders sender_dim"] | None = None,
        edges: Float[Tensor, "edges features"] | None = None,
        past: Past | None = None,
        along: Graph | None = None,
    ) -> Float[Tensor, "*batch receivers out_dim"]:
        """The new states of the receivers.

        Args:
            x: states of the receivers, and of the senders unless these are given.
            graph: who hears whom.
            senders: states of the senders, where they are another node set.
            edges: raw features, a row an edge.
            past: keys and values of earlier senders; the graph counts them before the new ones.
            along: the graph along which a structural edge bias measures, where it names one.
        """
        return self.hear(x, graph, senders=senders, edges=edges, past=past, along=along)[0]

    def hear(
        self,
        x: Float[Tensor, "*batch receivers in_dim"],
        graph: Graph,
        *,
        senders: Float[Tensor, "*batch senders sender_dim"] | None = None,
        edges: Float[Tensor, "edges features"] | None = None,
        past: Past | None = None,
        along: Graph | None = None,
    ) -> tuple[Float[Tensor, "*batch receivers out_dim"], Past]:
        """`forward`, and the keys and values of all senders, to be kept as `past`."""
        self._check(x, graph, senders, past)
        self._check_edges(graph, edges)
        if (along is None) != (self.along is None):
            raise ValueError(
                f"MessagePassing: its edge bias measures along {self.along or 'the graph it is heard on'}, got "
                f"{'none' if along is None else 'a graph along='}"
            )
        graph, edges = with_self_loops(graph, edges, self.hearing.self_loops)
        ahead = self._ahead(x if senders is None else senders, edges, past)
        query, key, value = self._projected(x, graph, senders, past, ahead)
        key, value, graph, kept = _heard(key, value, graph, past, among_themselves=senders is None)
        edge_key, edge_value = self.projections.edge_terms(edges)
        bias = None if self.edge_bias is None else self.edge_bias(graph, graph if along is None else along)
        if self.memories is not None and key is not None:
            bias, edge_key, edge_value = (
                self.memories.bias(bias, graph),
                self.memories.term(edge_key, graph),
                self.memories.term(edge_value, graph),
            )
            key, value, graph = self.memories(key, value, graph)
        loudness = self.score(query, key, edge_key, graph, edges)
        dropout = self.hearing.dropout if self.training else 0.0
        loudness = loudness.plus(bias, dropout)
        heard = self.aggregator(value, loudness, graph, edge_value)
        return self._updated(x, self._all_heads(heard), ahead is not None), kept

    def keep(
        self,
        x: Float[Tensor, "*batch receivers in_dim"],
        graph: Graph,
        *,
        senders: Float[Tensor, "*batch senders sender_dim"] | None = None,
        past: Past | None = None,
    ) -> Past:
        """The keys and values that `hear` would leave, where nobody hears."""
        self._check(x, graph, senders, past)
        _, key, value = self._projected(x, graph, senders, past, None)
        return _heard(key, value, graph, past, among_themselves=senders is None)[3]

    def _ahead(self, source: Tensor, edges: Tensor | None, past: Past | None) -> Tensor | None:
        """The output's weight, where sparse states are summed as they are: ⊕_j W h_j is W ⊕_j h_j without the zeros."""
        summed_as_they_are = self.output is not None and self.projections.to_value is None and self.num_heads == 1
        if not isinstance(source, SparseTable) or not summed_as_they_are:
            return None
        joined = past is not None or self.memories is not None
        if not self.aggregator.linear or edges is not None or joined:
            raise TypeError(
                f"MessagePassing: the aggregator {Part.of(self.hearing.aggregator).name!r} sums sparse features as they"
                " are, which needs their zeros here; take sum, mean or softmax without edge features, a layer that"
                " projects them first, or features.to_dense()"
            )
        assert self.output is not None
        return self.output.weight

    def _projected(
        self, x: Tensor, graph: Graph, senders: Tensor | None, past: Past | None, ahead: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None, Tensor]:
        """Query, key and value of every new node, rotated."""
        query, key, value = self.projections(x, senders, ahead)
        if self.rotary is not None and query is not None and key is not None:
            own = places = receiver_places(graph)
            if senders is not None:
                own = sender_places(graph) if past is None else past.places(graph)
            query, key = self.rotary(query, key, places, own)
        return query, key, value

    def _all_heads(self, heard: Tensor) -> Tensor:
        """Each of the fewer heads of the value as often as it serves, where the score has no heads of its own."""
        H, Hk = self.num_heads, self.projections.num_shared
        if heard.shape[-2] not in (H, Hk):
            raise ValueError(
                f"MessagePassing: num_heads is {H}, but the score {Part.of(self.hearing.score).name!r} has "
                f"{heard.shape[-2]} heads"
            )
        return heard if heard.shape[-2] == H else heard.repeat_interleave(H // Hk, dim=-2)

    def _updated(self, x: Tensor, heard: Tensor, projected: bool) -> Tensor:
        """The heads joined, projected unless they are, and the receiver's own state added."""
        if self.hearing.heads == "concat":
            out = heard.flatten(-2)
        else:
            out = heard.mean(-2) if self.hearing.heads == "mean" else heard.sum(-2)
        if self.output is not None and not projected:
            out = self.output(out)
        elif self.output is not None and self.output.bias is not None:
            out = out + self.output.bias
        if self.gate is None:
            out = out if self.root is None else self.root(x, out)
            return out if self.bias is None else out + self.bias
        out, gate = (out if self.bias is None else out + self.bias).chunk(2, dim=-1)
        out = out * self.gate(gate)
        return out if self.root is None else self.root(x, out)

    @property
    def takes_room(self) -> bool:
        """Whether it hears a batch along graphs in which senders that nobody hears stand between others.

        Attention and plain sums do: they go by edges alone, where biases, kernels and memories go by places. What a
        part of your own goes by is not known.
        """
        by_edges = type(self.score) in (Dot, Constant) and type(self.aggregator) in (Softmax, Sum, Mean, Max)
        return by_edges and self.edge_bias is None and self.memories is None

    @property
    def along(self) -> str | None:
        """The name of the graph along which the edge bias measures; None where it asks for no other graph."""
        name: str | None = getattr(self.edge_bias, "along", None)
        return name

    def _check(self, x: Tensor, graph: Graph, senders: Tensor | None, past: Past | None) -> None:
        wide, sender_wide = self.projections.in_dim, self.projections.sender_dim
        if x.dim() < 2 or x.shape[-2:] != (graph.num_receivers, wide):
            raise ValueError(
                f"MessagePassing: x must be [..., {graph.num_receivers} receivers, {wide} channels], "
                f"got {list(x.shape)}"
            )
        own = x if senders is None else senders
        if own.dim() < 2 or own.shape[-1] != sender_wide:
            raise ValueError(
                f"MessagePassing: senders must have {sender_wide} channels, got "
                f"{f'none besides x of {wide}' if senders is None else list(own.shape)}"
            )
        if senders is not None and self.hearing.self_loops != "none" and graph.num_senders != graph.num_receivers:
            raise ValueError(
                f"MessagePassing: self_loops={self.hearing.self_loops!r} needs a sender for each receiver, got "
                f"{graph.num_senders} senders of another node set for {graph.num_receivers} receivers"
            )
        if past is None and own.shape[-2] != graph.num_senders:
            raise ValueError(
                f"MessagePassing: the graph has {graph.num_senders} senders but {own.shape[-2]} states were given; "
                "give the states of another node set as senders=, or earlier ones as past="
            )
        if past is not None and past.room is not None and len(past.room) > 1 and not self.takes_room:
            raise ValueError(
                "MessagePassing: a past with room has empty rows between the graphs of a batch, and this layer goes by "
                "places (takes_room is False); give it the past without room"
            )
        if past is not None and self.score.reads_degrees:
            raise ValueError(
                f"MessagePassing: the score {Part.of(self.hearing.score).name!r} reads how many each sender hears, "
                "which a past does not keep; hear the whole graph at once"
            )

    def _check_edges(self, graph: Graph, edges: Tensor | None) -> None:
        left_out = edges is None and self.score.edges_optional
        if (edges is not None) != (self.hearing.edge_dim is not None) and not left_out:
            expected = "none" if self.hearing.edge_dim is None else f"[{graph.num_edges}, {self.hearing.edge_dim}]"
            got = "none" if edges is None else str(list(edges.shape))
            raise ValueError(
                f"MessagePassing: expected edge features {expected}, got {got}; edge_dim in Hearing says which"
            )
        if edges is not None and edges.shape != (graph.num_edges, self.hearing.edge_dim):
            raise ValueError(
                f"MessagePassing: edge features must be [{graph.num_edges}, {self.hearing.edge_dim}], "
                f"got {list(edges.shape)}"
            )


def _reads(score: Part) -> tuple[bool, bool, bool]:
    """Whether a score reads nodes, raw edges and keys, before it is built."""
    kind = score.found(SCORES, "score")
    nodes = getattr(kind, "reads_nodes", True)
    return nodes, getattr(kind, "reads_edges", False), nodes and getattr(kind, "reads_keys", True)


def _heard(
    key: Tensor | None, value: Tensor, graph: Graph, past: Past | None, among_themselves: bool
) -> tuple[Tensor | None, Tensor, Graph, Past]:
    """Keys, values and graph of all senders that are not forgotten, and what is to be kept of them."""
    if past is None:
        return key, value, graph, Past(key, value, graph.sender_offsets)
    return past.heard(key, value, graph, among_themselves)


def _check_memories(hearing: Hearing, score: Score, aggregator: Aggregator) -> None:
    """Refuse memories where there is no one softmax of dot products that they could be part of."""
    if hearing.memories < 0:
        raise ValueError(f"Hearing: memories must be at least 0, got {hearing.memories}")
    if not isinstance(score, Dot) or not isinstance(aggregator, Softmax):
        raise ValueError(
            "Hearing: memories are heard in one softmax of dot products, so they need score='dot' and "
            f"aggregator='softmax', got {Part.of(hearing.score).name!r} and {Part.of(hearing.aggregator).name!r}"
        )
