"""The graph: who hears whom."""

from collections.abc import Sequence
from typing import Any, Literal, final

import torch
import torch.utils._pytree as pytree
from jaxtyping import Bool, Int64, Shaped
from torch import Tensor

from edgewise.graph import algebra, batch, edge_list, locate, materialise, merge, transpose
from edgewise.graph.adjacency import Adjacency
from edgewise.graph.runs import check_count, expand
from edgewise.names import lookup


@final
class Graph(Adjacency):
    """Receivers (rows) and the senders (columns) that each of them hears.

        j -> i   iff   run_start[k] <= j < run_stop[k]   for a run k with   run_offsets[i] <= k < run_offsets[i + 1]

    Edges are numbered by receiver, then sender; arrays with one entry an edge follow that order.

    >>> import torch
    >>> graph = Graph.from_edges(torch.tensor([0, 1, 1]), torch.tensor([1, 0, 1]), num_senders=2)
    >>> graph
    Graph(2 receivers, 2 senders, 3 edges in 2 runs)
    >>> graph.edges()
    (tensor([1, 0, 1]), tensor([0, 1, 1]))
    """

    __slots__ = ()

    @classmethod
    def from_edges(
        cls,
        senders: Shaped[Tensor, "..."],
        receivers: Shaped[Tensor, "..."],
        *,
        num_senders: int,
        num_receivers: int | None = None,
        features: Shaped[Tensor, "..."] | None = None,
        duplicates: Literal["sum", "mean", "max", "first"] | None = None,
        return_order: bool = False,
    ) -> Any:
        """Edge k of the list lets `receivers[k]` hear `senders[k]`; in any order, each edge once.

        `num_receivers` is `num_senders` unless given. What comes back is the graph, and what was asked for:
        `features` (a row an edge) in the graph's edge order, then, with `return_order`, `order`: edge k of the
        graph was edge `order[k]` of the list. Duplicates are an error unless `duplicates` says how their features
        merge.

        >>> senders, receivers = torch.tensor([2, 0, 0]), torch.tensor([0, 1, 1])
        >>> Graph.from_edges(senders, receivers, num_senders=3, features=torch.ones(3), duplicates="sum")
        (Graph(3 receivers, 3 senders, 2 edges in 2 runs), tensor([1., 2.]))
        """
        rows = num_senders if num_receivers is None else num_receivers
        merged = None if duplicates is None else lookup(duplicates, merge.MERGES, "duplicates")
        found = edge_list.edge_list(senders, receivers, num_senders, rows, merged is not None)
        graph = cls._trusted(found.runs, num_senders)
        answer: list[Any] = [graph]
        if features is not None:
            edge_list.check_features(features, len(senders))
            features = features if found.order is None else features[found.order]
            answer.append(merged(features, found.copies) if merged and found.copies is not None else features)
        if return_order:
            order = found.order
            if order is None:
                order = torch.arange(len(senders), device=graph.device)
            answer.append(order if found.copies is None else merge.merge_first(order, found.copies))
        return answer[0] if len(answer) == 1 else tuple(answer)

    @classmethod
    def batch(cls, graphs: Sequence["Graph"]) -> "Graph":
        """One graph that holds these side by side: nodes numbered on from one to the next, no edge between two.

        Batches may be batched again.
        """
        if len(graphs) == 0:
            raise ValueError("Graph.batch: expected at least one graph, got none")
        for k, graph in enumerate(graphs):
            if not isinstance(graph, Graph):
                raise TypeError(f"Graph.batch: entry {k} must be a Graph, got {type(graph).__name__}")
            if graph.device != graphs[0].device:
                raise ValueError(
                    f"Graph.batch: graph {k} is on {graph.device} and graph 0 on {graphs[0].device}; "
                    "move them to one device with graph.to(device)"
                )
        receivers, senders = [g.num_receivers for g in graphs], [g.num_senders for g in graphs]
        check_count(sum(senders), "the sum of num_senders", "Graph.batch")
        return cls._trusted(
            batch.join([g.runs for g in graphs], senders),
            sum(senders),
            batch.join_offsets([g.receiver_offsets for g in graphs], receivers),
            batch.join_offsets([g.sender_offsets for g in graphs], senders),
        )

    def unbatch(self) -> list["Graph"]:
        """The graphs of the batch; `Graph.batch` puts them together again."""
        parts = batch.split(self.runs, self.receiver_offsets, self.sender_offsets)
        senders = self.sender_offsets.diff().tolist()
        return [Graph._trusted(runs, count) for runs, count in zip(parts, senders, strict=True)]

    def edges(self) -> tuple[Int64[Tensor, "edges"], Int64[Tensor, "edges"]]:
        """Senders and receivers of every edge, sorted by receiver, then sender: 16 bytes an edge."""
        materialise.check_size(16 * self.num_edges, f"{self!r}: the list of edges")
        return expand(self.runs, self.run_edge_start, self.num_edges)

    def dense(self) -> Bool[Tensor, "receivers senders"]:
        """The mask: row i, column j is true iff i hears j."""
        materialise.check_size(self.num_receivers * self.num_senders, f"{self!r}: the dense mask")
        return materialise.dense(self.runs, self.num_senders)

    def degree(self) -> Int64[Tensor, "receivers"]:
        """How many senders each receiver hears."""
        return self.remember("degree", lambda: self.edge_offsets.diff())

    def sender_degree(self) -> Int64[Tensor, "senders"]:
        """How many receivers hear each sender."""
        return self.remember("sender_degree", lambda: materialise.sender_degree(self.runs, self.num_senders))

    def position(self) -> Int64[Tensor, "receivers"]:
        """The sender that each receiver is aligned with: the last of one with the last of the other, graph by graph.

            p_i = i + sender_offsets[g + 1] - receiver_offsets[g + 1]   for i in graph g

        With as many senders as receivers it is the node itself; with fewer senders it may lie before the first.
        """
        return self.remember("position", self._position)

    def _position(self) -> Tensor:
        nodes = torch.arange(self.num_receivers, device=self.device)
        if self._receiver_offsets is None:
            return nodes + (self.num_senders - self.num_receivers)
        shift = (self.sender_offsets - self.receiver_offsets)[1:]
        sizes = self.receiver_offsets.diff()
        return nodes + torch.repeat_interleave(shift, sizes, output_size=self.num_receivers)

    def locate(
        self,
        senders: Shaped[Tensor, "..."],
        receivers: Shaped[Tensor, "..."],
        *,
        missing: Literal["error", "-1"] = "error",
    ) -> Int64[Tensor, "edges"]:
        """The numbers of the edges `senders -> receivers`; an edge that is not there is an error, or -1."""
        if missing not in ("error", "-1"):
            raise ValueError(f"locate: missing must be 'error' or '-1', got {missing!r}")
        edge_list.check_edges(senders, receivers, self.num_senders, self.num_receivers, "locate")
        number = locate.locate(self.runs, self.num_senders, self.run_edge_start, senders, receivers)
        if missing == "error" and bool((number < 0).any()):
            k = int((number < 0).to(torch.int8).argmax())
            raise ValueError(
                f"locate: {int((number < 0).sum())} edges are not in {self!r}, the first is number {k}, "
                f'{int(senders[k])} -> {int(receivers[k])}; missing="-1" answers -1 for them'
            )
        return number

    def transpose(self) -> "Graph":
        """The graph in which j hears i iff i hears j here. Made once and kept."""
        return self.remember("transpose", self._transpose)

    def _transpose(self) -> "Graph":
        return Graph._trusted(
            transpose.transpose(self.runs, self.num_senders),
            self.num_receivers,
            self._sender_offsets,
            self._receiver_offsets,
        )

    def union(self, other: "Graph") -> "Graph":
        """Edges of either."""
        return self._combine(other, algebra.UNION, "union")

    def intersection(self, other: "Graph") -> "Graph":
        """Edges of both."""
        return self._combine(other, algebra.INTERSECTION, "intersection")

    def difference(self, other: "Graph") -> "Graph":
        """Edges of this graph that the other does not have."""
        return self._combine(other, algebra.DIFFERENCE, "difference")

    def complement(self) -> "Graph":
        """The pairs that are not edges; in a batch, the pairs within one graph."""
        first = torch.repeat_interleave(self.sender_offsets[:-1], self.receiver_offsets.diff())
        last = torch.repeat_interleave(self.sender_offsets[1:], self.receiver_offsets.diff())
        complete = algebra.one_run_a_row(first, last)
        runs = algebra.combine(complete, self.runs, self.num_senders, algebra.DIFFERENCE)
        return Graph._trusted(runs, self.num_senders, self._receiver_offsets, self._sender_offsets)

    __or__ = union
    __and__ = intersection
    __sub__ = difference
    __invert__ = complement

    def _combine(self, other: "Graph", table: int, name: str) -> "Graph":
        if (self.num_receivers, self.num_senders) != (other.num_receivers, other.num_senders):
            raise ValueError(f"{name}: the graphs must have the same nodes, got {self!r} and {other!r}")
        if self.device != other.device:
            raise ValueError(f"{name}: the graphs are on {self.device} and {other.device}; move them to one device")
        runs = algebra.combine(self.runs, other.runs, self.num_senders, table)
        if table == algebra.UNION and not self.same_batch(other):
            return Graph._trusted(runs, self.num_senders)
        return Graph._trusted(runs, self.num_senders, self._receiver_offsets, self._sender_offsets)


def _flatten_with_keys(graph: Graph) -> tuple[Any, Any]:
    leaves, sizes = graph._flatten()
    names = ("run_offsets", "run_start", "run_stop", "receiver_offsets", "sender_offsets")
    return [(pytree.GetAttrKey(name), leaf) for name, leaf in zip(names, leaves, strict=False)], sizes


pytree.register_pytree_node(
    Graph,
    Graph._flatten,
    Graph._unflatten,
    serialized_type_name="edgewise.Graph",
    to_dumpable_context=list,
    from_dumpable_context=tuple,
    flatten_with_keys_fn=_flatten_with_keys,
)
