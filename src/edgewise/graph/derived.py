"""The graphs that follow from a graph: its transpose, parts of it, walks on it, set algebra with another."""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar, overload

import torch
from jaxtyping import Int64, Shaped
from torch import Tensor

from edgewise.graph import algebra, hops, locality, select, transpose
from edgewise.graph.batch import Offsets, cut_at
from edgewise.graph.edge_list import INTEGERS, check_nodes
from edgewise.graph.loops import loop_runs
from edgewise.graph.neighbourhoods import Neighbourhoods
from edgewise.graph.runs import Runs, check_count
from edgewise.graph.sweep import DIFFERENCE, INTERSECTION, UNION

G = TypeVar("G", bound="Derived")
Nodes = Shaped[Tensor, "_"] | slice | Sequence[int] | Sequence[bool]


class Derived(Neighbourhoods):
    """Operations that answer with a graph, and on request with an edge map.

    An edge map m says where edges come from: edge k of the result is edge `m[k]` of the source, -1 where the source
    does not have it. Features follow their edges by `features[m]`.
    """

    __slots__ = ()

    @overload
    def transpose(self: G) -> G: ...
    @overload
    def transpose(self: G, return_edge_map: Literal[True]) -> tuple[G, Tensor]: ...
    def transpose(self: G, return_edge_map: bool = False) -> Any:
        """The graph in which j hears i iff i hears j here. Made once and kept, as is its edge map."""
        graph = self.remember("transpose", self._transposed)
        if not return_edge_map:
            return graph
        # Edges come by receiver; keeping that order within each sender is the order of the transpose.
        return graph, self.remember("transpose edge map", lambda: self.edges()[0].argsort(stable=True))

    def _transposed(self: G) -> G:
        runs = transpose.transpose(self.runs, self.num_senders, self.num_edges)
        return self._trusted(runs, self.num_receivers, self._sender_offsets, self._receiver_offsets)

    def is_symmetric(self) -> bool:
        """Whether i hears j iff j hears i; only a graph with as many senders as receivers can be."""
        return self.num_receivers == self.num_senders and self.transpose() == self

    @overload
    def union(self: G, other: G) -> G: ...
    @overload
    def union(self: G, other: G, return_edge_maps: Literal[True]) -> tuple[G, Tensor, Tensor]: ...
    def union(self: G, other: Any, return_edge_maps: bool = False) -> Any:
        """The edges of either, `self | other`; with maps to the edges of each."""
        return self._combine(other, UNION, "union", return_edge_maps)

    @overload
    def intersection(self: G, other: G) -> G: ...
    @overload
    def intersection(self: G, other: G, return_edge_maps: Literal[True]) -> tuple[G, Tensor, Tensor]: ...
    def intersection(self: G, other: Any, return_edge_maps: bool = False) -> Any:
        """The edges of both, `self & other`; with maps to the edges of each."""
        return self._combine(other, INTERSECTION, "intersection", return_edge_maps)

    @overload
    def difference(self: G, other: G) -> G: ...
    @overload
    def difference(self: G, other: G, return_edge_maps: Literal[True]) -> tuple[G, Tensor, Tensor]: ...
    def difference(self: G, other: Any, return_edge_maps: bool = False) -> Any:
        """The edges of this graph that the other lacks, `self - other`; with maps to the edges of each."""
        return self._combine(other, DIFFERENCE, "difference", return_edge_maps)

    def complement(self: G) -> G:
        """The pairs that are no edges, `~self`; in a batch, the pairs within one graph."""
        complete = algebra.one_run_a_row(*self.sender_range())
        return self._with_same_nodes(algebra.combine(complete, self.runs, self.num_senders, DIFFERENCE))

    def __or__(self: G, other: G) -> G:
        return self.union(other)

    def __and__(self: G, other: G) -> G:
        return self.intersection(other)

    def __sub__(self: G, other: G) -> G:
        return self.difference(other)

    def __invert__(self: G) -> G:
        return self.complement()

    @overload
    def add_self_loops(self: G) -> G: ...
    @overload
    def add_self_loops(self: G, return_edge_map: Literal[True]) -> tuple[G, Tensor]: ...
    def add_self_loops(self: G, return_edge_map: bool = False) -> Any:
        """Every receiver also hears the sender it is aligned with (see `position`): in a square graph, itself."""
        return self._with_loops(UNION, return_edge_map)

    @overload
    def remove_self_loops(self: G) -> G: ...
    @overload
    def remove_self_loops(self: G, return_edge_map: Literal[True]) -> tuple[G, Tensor]: ...
    def remove_self_loops(self: G, return_edge_map: bool = False) -> Any:
        """No receiver hears the sender it is aligned with (see `position`)."""
        return self._with_loops(DIFFERENCE, return_edge_map)

    def k_hop(self: G, k: int) -> G:
        """i hears j iff a walk of 1 to k edges leads from j to i."""
        self._check_square("k_hop")
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ValueError(f"k_hop: k must be an int of at least 1, got {k!r}; it counts the edges of a walk")
        return self._with_same_nodes(hops.within(self.runs, self.num_senders, k))

    def __getitem__(self: G, receivers: Nodes) -> G:
        """These receivers, hearing the senders they heard: a slice, a bool mask, or numbers, repeated if you like."""
        return self.select(receivers)

    @overload
    def select(self: G, receivers: Nodes) -> G: ...
    @overload
    def select(self: G, receivers: Nodes, return_edge_map: Literal[True]) -> tuple[G, Tensor]: ...
    def select(self: G, receivers: Any, return_edge_map: bool = False) -> Any:
        """`self[receivers]`, and its edge map if asked for."""
        if isinstance(receivers, slice) and receivers.step in (None, 1) and not return_edge_map:
            first, last, _ = receivers.indices(self.num_receivers)
            last = max(first, last)
            rows = None if self._receiver_offsets is None else torch.arange(first, last, device=self.device)
            runs = select.slice_rows(self.runs, first, last)
        else:
            rows = self._numbers(receivers, self.num_receivers, "receivers", "select")
            runs = select.take_rows(self.runs, rows)
        graph = self._cut(runs, self.num_senders, rows, self._sender_offsets)
        if not return_edge_map or rows is None:
            return graph
        heard, row = graph.edges()
        return graph, self._locate(heard, rows[row])

    @overload
    def subgraph(self: G, nodes: Nodes, senders: Nodes | None = None) -> G: ...
    @overload
    def subgraph(
        self: G, nodes: Nodes, senders: Nodes | None = None, *, return_edge_map: Literal[True]
    ) -> tuple[G, Tensor]: ...
    def subgraph(self: G, nodes: Any, senders: Any = None, *, return_edge_map: bool = False) -> Any:
        """The edges among these nodes, which are numbered anew in the order given.

        With `senders`, `nodes` are the receivers alone: a graph between two node sets needs both.
        """
        return self._subgraph(nodes, senders, return_edge_map, "subgraph")

    @overload
    def reorder(self: G, nodes: Nodes | None = None, senders: Nodes | None = None) -> G: ...
    @overload
    def reorder(
        self: G, nodes: Nodes | None = None, senders: Nodes | None = None, *, return_edge_map: Literal[True]
    ) -> tuple[G, Tensor]: ...
    def reorder(self: G, nodes: Any = None, senders: Any = None, *, return_edge_map: bool = False) -> Any:
        """The same graph with its nodes in another order: node k of the result is `nodes[k]`, and all are there.

        Without `nodes`, those who hear each other come near each other: `locality()`.
        """
        nodes = self.locality() if nodes is None else nodes
        for name, given, count in (("nodes", nodes, self.num_receivers), ("senders", senders, self.num_senders)):
            if given is not None and len(self._numbers(given, count, name, "reorder")) != count:
                raise ValueError(f"reorder: {name} must hold each of the {count} once; subgraph takes a part of them")
        return self._subgraph(nodes, senders, return_edge_map, "reorder")

    def locality(self) -> Int64[Tensor, "nodes"]:
        """An order of nodes in which those who hear each other are near: reverse Cuthill-McKee. Made once and kept.

        Linear in runs and nodes. The graphs of a batch stay one after another.

        Cuthill and McKee 1969, https://doi.org/10.1145/800195.805928
        """
        self._check_square("locality")
        return self.remember("locality", self._locality)

    def _locality(self) -> Int64[Tensor, "nodes"]:
        here, there = (Runs(*(x.cpu() for x in runs)) for runs in (self.runs, self.transpose().runs))
        return locality.locality(here, there).to(self.device)

    def incidence(self: G) -> G:
        """The same receivers hearing their EDGES: receiver i hears edge k iff k is one of its edges."""
        check_count(self.num_edges, "num_edges (the senders of the incidence)", "incidence")
        edges = self.edge_offsets
        cuts = None if self._receiver_offsets is None else edges[self._receiver_offsets]
        runs = algebra.one_run_a_row(edges[:-1], edges[1:])
        return self._trusted(runs, self.num_edges, self._receiver_offsets, cuts)

    def members(self: G) -> G:
        """The graphs of the batch hearing their nodes: receiver g hears i iff i is a receiver of graph g."""
        nodes = self.receiver_offsets
        runs = algebra.one_run_a_row(nodes[:-1], nodes[1:])
        graphs = torch.arange(self.num_graphs + 1, device=self.device)
        return self._trusted(runs, self.num_receivers, graphs, nodes)

    def _combine(self: G, other: Any, table: int, where: str, return_edge_maps: bool) -> Any:
        if not isinstance(other, Derived):
            raise TypeError(f"{where}: expected a Graph, got {type(other).__name__}; patterns are built first")
        if (self.num_receivers, self.num_senders) != (other.num_receivers, other.num_senders):
            raise ValueError(f"{where}: the graphs must have the same nodes, got {self!r} and {other!r}")
        if self.device != other.device:
            raise ValueError(f"{where}: the graphs are on {self.device} and {other.device}; move them to one device")
        runs = algebra.combine(self.runs, other.runs, self.num_senders, table)
        # Where the cuts differ, a union may have edges between what were graphs of their own.
        one = table == UNION and not self.same_batch(other)
        graph = self._trusted(runs, self.num_senders) if one else self._with_same_nodes(runs)
        if not return_edge_maps:
            return graph
        edges = graph.edges()
        return graph, self._locate(*edges), other._locate(*edges)

    def _with_loops(self: G, table: int, return_edge_map: bool) -> Any:
        loops = loop_runs(self.position(), *self.sender_range())
        graph = self._with_same_nodes(algebra.combine(self.runs, loops, self.num_senders, table))
        return (graph, self._locate(*graph.edges())) if return_edge_map else graph

    def _subgraph(self: G, nodes: Any, senders: Any, return_edge_map: bool, where: str) -> Any:
        if senders is None:
            self._check_square(f"{where} without senders=")
        rows = self._numbers(nodes, self.num_receivers, "nodes", where, once=True)
        columns = rows if senders is None else self._numbers(senders, self.num_senders, "senders", where, once=True)
        runs = select.take_columns(select.take_rows(self.runs, rows), columns, self.num_senders)
        cuts = None if self._sender_offsets is None else cut_at(self._sender_offsets, columns)
        graph = self._cut(runs, len(columns), rows, cuts)
        if not return_edge_map:
            return graph
        heard, row = graph.edges()
        return graph, self._locate(columns[heard], rows[row])

    def _numbers(self, nodes: Any, count: int, name: str, where: str, once: bool = False) -> Int64[Tensor, "taken"]:
        """Node numbers out of any way to name nodes, checked."""
        if isinstance(nodes, slice):
            chosen = range(count)[nodes]
            return torch.arange(chosen.start, chosen.start + len(chosen) * chosen.step, chosen.step, device=self.device)
        if isinstance(nodes, int):
            raise TypeError(f"{where}: {name} must be a slice, a mask or several numbers, got {nodes}; write [{nodes}]")
        given = torch.as_tensor(nodes, device=None if isinstance(nodes, Tensor) else self.device)
        if given.device != self.device:
            raise ValueError(f"{where}: {name} are on {given.device} and the graph on {self.device}; move one of them")
        if given.dtype == torch.bool and given.shape == (count,):
            return given.nonzero().squeeze(1)
        if given.dim() != 1 or (len(given) > 0 and given.dtype not in INTEGERS):
            raise TypeError(
                f"{where}: {name} must be a slice, a bool mask of {count} or a list of node numbers, "
                f"got {given.dtype} of shape {tuple(given.shape)}"
            )
        check_nodes(given, count, name, where)
        if once and len(given) > 0 and int(torch.bincount(given).max()) > 1:
            node = int(torch.bincount(given).argmax())
            raise ValueError(f"{where}: {name} must be distinct, node {node} comes twice; graph[rows] may repeat rows")
        return given.long()

    def _cut(self: G, runs: Runs, num_senders: int, rows: Tensor | None, cuts: Offsets | None) -> G:
        """A graph of some of the rows: still a batch where those of a graph stay together, in order."""
        kept = None if rows is None or self._receiver_offsets is None else cut_at(self._receiver_offsets, rows)
        if kept is None or cuts is None:
            return self._trusted(runs, num_senders)
        return self._trusted(runs, num_senders, kept, cuts)

    def _with_same_nodes(self: G, runs: Runs) -> G:
        return self._trusted(runs, self.num_senders, self._receiver_offsets, self._sender_offsets)

    def _check_square(self, where: str) -> None:
        if self.num_receivers != self.num_senders:
            raise ValueError(
                f"{where}: needs as many senders as receivers, got {self.num_receivers} receivers and "
                f"{self.num_senders} senders"
            )
