"""From an edge_index to a graph: sorted once, and kept for as long as the tensor lives unchanged."""

from typing import NamedTuple

import torch
from jaxtyping import Int, Int64
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from edgewise.graph import Graph


class Sorted(NamedTuple):
    """A graph, and the columns of the edge_index in the order of its edges; None where they came in that order."""

    graph: Graph
    order: Int64[Tensor, "edges"] | None


# Each edge_index with what told it apart when it was sorted, and its graph for each pair of sizes. An entry goes when
# its tensor goes. Writing into a tensor moves its version on, which is what autograd, too, goes by; what writes around
# torch, as into the NumPy array that a tensor shares its memory with, is seen by neither.
_KEPT = WeakIdKeyDictionary()


@torch.compiler.disable(reason="sorting is done once, outside of the compiled program")  # type: ignore[untyped-decorator]
def sorted_edges(edge_index: Int[Tensor, "2 edges"], num_senders: int, num_receivers: int, where: str) -> Sorted:
    """The graph of an edge_index (senders above receivers) between that many nodes; `where` opens its errors."""
    if hasattr(edge_index, "as_tensor"):  # PyG's EdgeIndex, a tensor about a tensor
        edge_index = edge_index.as_tensor()
    if edge_index.layout != torch.strided:
        raise TypeError(
            f"{where}: edge_index must be a dense [2, edges], got {edge_index.layout}; a sparse adjacency becomes a "
            "graph by Graph.from_scipy"
        )
    if edge_index.dim() != 2 or len(edge_index) != 2:
        raise ValueError(f"{where}: edge_index must be [2, edges], got {list(edge_index.shape)}")
    sizes = (num_senders, num_receivers)
    if edge_index.is_inference():  # has no version
        return _sorted(edge_index, sizes, where)
    now = (edge_index._version, edge_index.data_ptr(), edge_index.shape)
    then, graphs = _KEPT.get(edge_index, (None, {}))
    if then != now:
        graphs = {}
        _KEPT[edge_index] = (now, graphs)
    if sizes not in graphs:
        graphs[sizes] = _sorted(edge_index, sizes, where)
    found: Sorted = graphs[sizes]
    return found


def _sorted(edge_index: Tensor, sizes: tuple[int, int], where: str) -> Sorted:
    senders, receivers = edge_index
    graph, order = Graph.from_edges(
        senders, receivers, num_senders=sizes[0], num_receivers=sizes[1], duplicates="first", return_order=True
    )
    count = edge_index.shape[1]
    if graph.num_edges < count:
        first = torch.ones(count, dtype=torch.bool, device=order.device).index_fill(0, order, False).nonzero()[0]
        pair = f"{int(senders[first])} -> {int(receivers[first])}"
        raise ValueError(
            f"{where}: {count - graph.num_edges} columns of edge_index repeat an earlier one, first column "
            f"{int(first)}, {pair}; a graph has each edge once. torch_geometric.utils.coalesce(edge_index, "
            "edge_attr) merges them"
        )
    in_order = torch.equal(order, torch.arange(count, device=order.device))
    return Sorted(graph, None if in_order else order)
