"""A recurrent block: each sequence of a batch is read from its beginning, one state after another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from edgewise.graph import Graph
from edgewise.layers.choices import check_choices
from edgewise.layers.past import Past
from edgewise.layers.state import NODES, State, named, node_sets
from edgewise.layers.sublayer import Placement, Sublayer
from edgewise.names import lookup
from edgewise.part import Part

RECURRENCES: dict[str, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}
"""Cho et al. 2014, https://arxiv.org/abs/1406.1078; Hochreiter & Schmidhuber 1997, as PyTorch computes them."""


@dataclass(frozen=True)
class RecurrentConfig:
    """How a recurrent block reads, and what stands around it."""

    kind: str = "gru"  # or "lstm"
    bidirectional: bool = False  # half of the channels read from the end
    graph: str = "edges"  # whose graphs are the sequences: causal, or complete where bidirectional
    nodes: str = NODES
    out_dim: int | None = None  # channels after; as before if not given
    norm: str | Part | None = None
    placement: Placement = "pre"
    residual: bool = True
    dropout: float = 0.0  # of what the sub-layer adds

    def __post_init__(self) -> None:
        check_choices(self)


class Recurrent(nn.Module):
    """x <- x + (h_1 … h_N), h_i = f(x_i, h_{i-1}) in each sequence, f a GRU or an LSTM; norm before or after.

    Each node hears those before it, however far, through one state, so the graph that says which nodes are a sequence
    must be the causal one, or, where a second f reads from the end, the complete one. What is kept as `past` is the
    last state of each sequence: a past of one node, whatever came before.

    >>> from edgewise.patterns import causal
    >>> block = Recurrent(4, RecurrentConfig(kind="lstm"))
    >>> state, past = block.step(State({"nodes": torch.randn(5, 4)}), {"edges": causal().build_batch([3, 2])})
    >>> state.nodes["nodes"].shape, past[0].value.shape
    (torch.Size([5, 4]), torch.Size([2, 1, 4]))
    """

    def __init__(self, in_dim: int, config: RecurrentConfig) -> None:
        super().__init__()
        if node_sets(config.graph) != (config.nodes, config.nodes):
            raise ValueError(
                f"Recurrent: renews the node set {config.nodes!r}, so it reads a graph among these nodes, got "
                f"{config.graph!r}"
            )
        self.config, self.out_dim = config, config.out_dim or in_dim
        ways = 2 if config.bidirectional else 1
        if self.out_dim % ways:
            raise ValueError(
                f"Recurrent: two directions cannot share {self.out_dim} channels evenly; choose an even one"
            )
        kind = lookup(config.kind, RECURRENCES, "recurrence")
        self.recurrence = kind(in_dim, self.out_dim // ways, bidirectional=config.bidirectional)
        self.around = Sublayer(in_dim, self.out_dim, config.norm, config.placement, config.residual, config.dropout)

    def step(
        self, state: State, graphs: Mapping[str, Graph], pasts: Sequence[Past | None] | None = None
    ) -> tuple[State, list[Past]]:
        """The state with this block's node set renewed, and the last states of the sequences."""
        graph, x = named(graphs, self.config.graph), state.nodes[self.config.nodes]
        if pasts is not None and self.config.bidirectional:
            raise ValueError(
                "Recurrent: a bidirectional one hears what comes later, so it has no past; read it at once"
            )
        if pasts is not None and len(pasts) != 1:
            raise ValueError(f"Recurrent: expected one past, got {len(pasts)}")
        past = None if pasts is None else pasts[0]
        self._check(x, graph, past)
        out, kept = self._read(self.around.before(x), graph, past)
        return state.with_nodes(self.config.nodes, self.around.after(x, out)), kept

    def _read(
        self, x: Float[Tensor, "*batch nodes in_dim"], graph: Graph, past: Past | None
    ) -> tuple[Float[Tensor, "*batch nodes out_dim"], list[Past]]:
        batch, count = x.shape[:-2], x.shape[:-2].numel()
        order: _Order = graph.remember(("read in turn", count), lambda: _Order.of(graph.receiver_offsets, count))
        D, lstm = self.recurrence.hidden_size, isinstance(self.recurrence, nn.LSTM)
        # The states before the first node, a row a sequence: the LSTM's cell besides.
        kept = [x.new_zeros(count * graph.num_graphs, D) for _ in range(1 + lstm)]
        if past is not None:
            kept = [part.reshape(-1, D) for part in (past.value, past.key) if part is not None]
        out = x.new_zeros(*x.shape[:-1], self.out_dim)
        if len(order.nodes):
            packed: Any = PackedSequence(x.reshape(-1, x.shape[-1])[order.nodes], order.batch_sizes)
            ways = 2 if self.config.bidirectional else 1
            before = [part[order.longest_first][None].expand(ways, -1, -1).contiguous() for part in kept]
            read, last = self.recurrence(packed, tuple(before) if lstm else before[0])
            out = read.data[order.back].reshape(*x.shape[:-1], self.out_dim)
            last = last if lstm else (last,)
            kept = [part.index_copy(0, order.longest_first, new[0]) for part, new in zip(kept, last, strict=True)]
        if self.config.bidirectional:
            return out, []
        hidden, *cell = (part.reshape(*batch, graph.num_graphs, 1, D) for part in kept)
        return out, [Past(cell[0] if cell else None, hidden, torch.arange(graph.num_graphs + 1, device=x.device))]

    def _check(self, x: Tensor, graph: Graph, past: Past | None) -> None:
        C = self.recurrence.input_size
        if x.dim() < 2 or x.shape[-2:] != (graph.num_receivers, C):
            raise ValueError(f"Recurrent: expected states [..., {graph.num_receivers}, {C}], got {list(x.shape)}")
        both = self.config.bidirectional
        if not graph.remember(("hears all before", both), lambda: _hears_all(graph, both)):
            raise ValueError(
                f"Recurrent: a node hears {'all' if both else 'itself and all that comes earlier'} of its sequence, so "
                f"the graph {self.config.graph!r} must be the pattern {'complete' if both else 'causal'!r}, got "
                f"{graph!r}"
            )
        new, count = graph.num_receivers, graph.num_senders
        if past is None and new != count:
            raise ValueError(f"Recurrent: the graph counts {count - new} past nodes, and no past was given")
        wanted = (*x.shape[:-2], graph.num_graphs, 1, self.recurrence.hidden_size)
        wrong = past is not None and any(part is not None and part.shape != wanted for part in (past.value, past.key))
        if wrong or (past is not None and (past.key is None) == isinstance(self.recurrence, nn.LSTM)):
            raise ValueError(
                f"Recurrent: past must be the last states {list(wanted)} of the same sequences"
                f"{', and their cells' if isinstance(self.recurrence, nn.LSTM) else ''}; give each block the past that "
                "it kept itself"
            )


class _Order(NamedTuple):
    """The order in which nodes are read: all first ones, all second ones, …, those of longer sequences first."""

    nodes: Tensor  # the nodes in that order
    back: Tensor  # where each node stands in it
    batch_sizes: Tensor  # how many are read at each step, on the CPU
    longest_first: Tensor  # the sequences that have nodes

    @classmethod
    def of(cls, offsets: Tensor, count: int) -> "_Order":
        """Of `count` examples of the same sequences."""
        lengths = offsets.diff().repeat(count)
        by_length = lengths.argsort(descending=True, stable=True)
        first = lengths.cumsum(0) - lengths
        place = torch.arange(int(lengths.sum()), device=lengths.device) - first.repeat_interleave(lengths)
        rank = by_length.argsort().repeat_interleave(lengths)
        nodes = (place * max(len(lengths), 1) + rank).argsort()
        return cls(nodes, nodes.argsort(), place.bincount().cpu(), by_length[: int((lengths > 0).sum())])


def _hears_all(graph: Graph, both_ways: bool) -> bool:
    """Whether every receiver hears its sequence up to itself, or, both ways, all of it."""
    first, last = graph.sender_range()
    stop = last if both_ways else graph.position() + 1
    runs = graph.runs
    alone = bool((runs.offsets.diff() == 1).all())
    return alone and torch.equal(runs.start.long(), first) and torch.equal(runs.stop.long(), stop)
