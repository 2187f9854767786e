"""The graph: who hears whom."""

from collections.abc import Hashable, Sequence
from typing import Any, Literal, final, overload

import torch
import torch.utils._pytree as pytree
from jaxtyping import Bool, Int64, Integer, Shaped
from torch import Tensor

from edgewise.graph import batch, convert, merge
from edgewise.graph.derived import Derived
from edgewise.graph.edge_list import check_features, edge_list
from edgewise.graph.runs import check_count
from edgewise.names import lookup

Merge = Literal["sum", "mean", "max", "first"]


@final
class Graph(Derived):
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

    @overload
    @classmethod
    def from_edges(
        cls,
        senders: Tensor,
        receivers: Tensor,
        *,
        num_senders: int,
        num_receivers: int | None = None,
        features: None = None,
        duplicates: Merge | None = None,
        return_order: Literal[False] = False,
    ) -> "Graph": ...
    @overload
    @classmethod
    def from_edges(
        cls,
        senders: Tensor,
        receivers: Tensor,
        *,
        num_senders: int,
        num_receivers: int | None = None,
        features: Tensor | None = None,
        duplicates: Merge | None = None,
        return_order: bool = False,
    ) -> Any: ...
    @classmethod
    def from_edges(
        cls,
        senders: Integer[Tensor, "edges"],
        receivers: Integer[Tensor, "edges"],
        *,
        num_senders: int,
        num_receivers: int | None = None,
        features: Shaped[Tensor, "edges *channels"] | None = None,
        duplicates: str | None = None,
        return_order: bool = False,
    ) -> Any:
        """`receivers[k]` hears `senders[k]`, for every k: edges in any order, each once.

        `num_receivers` is `num_senders` unless given. What comes back is the graph, then what was asked for:
        `features`, a row an edge, in the graph's edge order; with `return_order`, `order`: edge k of the graph was edge
        `order[k]` of the list. Duplicates are an error unless `duplicates` says how their features merge.

        >>> import torch
        >>> senders, receivers = torch.tensor([2, 0, 0]), torch.tensor([0, 1, 1])
        >>> Graph.from_edges(senders, receivers, num_senders=3, features=torch.ones(3), duplicates="sum")
        (Graph(3 receivers, 3 senders, 2 edges in 2 runs), tensor([1., 2.]))
        """
        rows = num_senders if num_receivers is None else num_receivers
        merged = None if duplicates is None else lookup(duplicates, merge.MERGES, "duplicates")
        found = edge_list(senders, receivers, num_senders, rows, merged is not None)
        answer: list[Any] = [cls._trusted(found.runs, num_senders)]
        if features is not None:
            check_features(features, len(senders))
            features = features if found.order is None else features[found.order]
            answer.append(features if merged is None or found.copies is None else merged(features, found.copies))
        if return_order:
            order = torch.arange(len(senders), device=senders.device) if found.order is None else found.order
            answer.append(order if found.copies is None else merge.merge_first(order, found.copies))
        return answer[0] if len(answer) == 1 else tuple(answer)

    @classmethod
    def from_mask(cls, mask: Bool[Tensor, "receivers senders"]) -> "Graph":
        """Receiver i hears sender j iff `mask[i, j]`."""
        runs = convert.mask_runs(mask)
        return cls._trusted(runs, mask.shape[1])

    @classmethod
    def from_scipy(cls, matrix: Any, return_values: bool = False) -> Any:
        """Rows are receivers, columns senders, stored entries edges (a stored zero as well); and their values."""
        senders, receivers, values = convert.scipy_edges(matrix)
        num_receivers, num_senders = matrix.shape
        graph, values = cls.from_edges(
            senders, receivers, num_senders=num_senders, num_receivers=num_receivers, features=values
        )
        return (graph, values) if return_values else graph

    def to_scipy(self, values: Shaped[Tensor, "edges"] | None = None) -> Any:
        """A CSR array with the rows of receivers; its entries are `values`, one an edge, or true."""
        shape = (self.num_receivers, self.num_senders)
        return convert.scipy_matrix(shape, self.edge_offsets, self.edges()[0], values)

    @classmethod
    def from_networkx(cls, network: Any) -> tuple["Graph", list[Hashable]]:
        """The graph, and which node of the network each number is. An edge u -> v: v hears u; undirected: both."""
        senders, receivers, nodes = convert.networkx_edges(network)
        return cls.from_edges(senders, receivers, num_senders=len(nodes)), nodes

    def to_networkx(self) -> Any:
        """A directed NetworkX graph on the nodes 0, 1, ...; a graph that can be one has one node set."""
        self._check_square("to_networkx")
        return convert.networkx_graph(self.num_senders, *self.edges())

    @classmethod
    def from_pyg(cls, data: Any, num_nodes: int | tuple[int, int] | None = None, return_order: bool = False) -> Any:
        """A PyG `Data`, `Batch` or `edge_index` (senders above receivers), and its edge order if asked for.

        `num_nodes`, or the numbers of senders and receivers, is needed with an `edge_index` alone.
        """
        index, num_senders, num_receivers, cuts = convert.pyg_edges(data, num_nodes)
        graph, order = cls.from_edges(
            index[0], index[1], num_senders=num_senders, num_receivers=num_receivers, return_order=True
        )
        if cuts is not None:
            graph = cls(*graph.runs, num_senders=num_senders, receiver_offsets=cuts, sender_offsets=cuts)
        return (graph, order) if return_order else graph

    def to_edge_index(self) -> Int64[Tensor, "2 edges"]:
        """Senders above receivers, as PyG has them."""
        return torch.stack(self.edges())

    @classmethod
    def batch(cls, graphs: Sequence["Graph"]) -> "Graph":
        """One graph that holds these side by side: nodes numbered on from one to the next, no edge between two.

        Batches may be batched again: the result is a batch of all their graphs.
        """
        if len(graphs) == 0:
            raise ValueError("Graph.batch: expected at least one graph, got none")
        for k, graph in enumerate(graphs):
            if graph.device != graphs[0].device:
                raise ValueError(
                    f"Graph.batch: graph {k} is on {graph.device} and graph 0 on {graphs[0].device}; "
                    "move them to one device with graph.to(device)"
                )
        receivers, senders = [g.num_receivers for g in graphs], [g.num_senders for g in graphs]
        check_count(sum(senders), "the sum of num_senders", "Graph.batch")
        check_count(sum(receivers), "the sum of num_receivers", "Graph.batch")
        return cls._trusted(
            batch.join([g.runs for g in graphs], senders),
            sum(senders),
            batch.join_offsets([g._receiver_offsets for g in graphs], receivers, graphs[0].device),
            batch.join_offsets([g._sender_offsets for g in graphs], senders, graphs[0].device),
        )

    def unbatch(self) -> list["Graph"]:
        """The graphs of the batch; `Graph.batch` puts them together again."""
        parts = batch.split(self.runs, self.receiver_offsets, self.sender_offsets)
        senders = self.sender_offsets.diff().tolist()
        return [Graph._trusted(runs, count) for runs, count in zip(parts, senders, strict=True)]


def _with_keys(graph: Graph) -> tuple[Any, Any]:
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
    flatten_with_keys_fn=_with_keys,
)
