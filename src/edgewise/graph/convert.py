"""Graphs of other libraries: masks, SciPy, NetworkX, PyTorch Geometric."""

from collections.abc import Hashable
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor

from edgewise.extras import require
from edgewise.graph.runs import Runs, check_count


def mask_runs(mask: Shaped[Tensor, "..."]) -> Runs:
    """A run starts where the mask turns true along a row and stops where it turns false."""
    if mask.dtype != torch.bool or mask.dim() != 2:
        raise TypeError(
            f"from_mask: expected a bool mask of shape [receivers, senders], got {mask.dtype} of shape "
            f"{tuple(mask.shape)}; true means that the receiver hears the sender"
        )
    check_count(mask.shape[0], "num_receivers", "from_mask")
    check_count(mask.shape[1], "num_senders", "from_mask")
    padded = torch.nn.functional.pad(mask, (1, 1))
    turns = padded[:, 1:] != padded[:, :-1]
    offsets = torch.zeros(mask.shape[0] + 1, dtype=torch.int64, device=mask.device)
    torch.cumsum(turns.sum(1) // 2, dim=0, out=offsets[1:])
    place = turns.nonzero()[:, 1].to(torch.int32)
    return Runs(offsets, place[0::2].contiguous(), place[1::2].contiguous())


def scipy_edges(matrix: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Senders, receivers and values of the stored entries: rows are receivers, columns senders."""
    sparse = require("scipy.sparse", extra="graph")
    if not sparse.issparse(matrix):
        raise TypeError(
            f"from_scipy: expected a SciPy sparse matrix or array, got {type(matrix).__name__}; "
            "Graph.from_mask takes a dense bool tensor"
        )
    entries = matrix.tocoo()
    receivers, senders = (torch.from_numpy(index.copy()).long() for index in (entries.row, entries.col))
    return senders, receivers, torch.from_numpy(entries.data.copy())


def scipy_matrix(shape: tuple[int, int], offsets: Tensor, senders: Tensor, values: Tensor | None) -> Any:
    """A CSR array with the rows of receivers; true where there are no values."""
    sparse = require("scipy.sparse", extra="graph")
    data = torch.ones(len(senders), dtype=torch.bool) if values is None else values.detach()
    if data.shape != senders.shape:
        raise ValueError(
            f"to_scipy: values must be one number for each of the {len(senders)} edges, got shape {tuple(data.shape)}"
        )
    return sparse.csr_array((data.cpu().numpy(), senders.cpu().numpy(), offsets.cpu().numpy()), shape=shape)


def networkx_edges(network: Any) -> tuple[Tensor, Tensor, list[Hashable]]:
    """Senders, receivers and the nodes in their order; an undirected edge is heard both ways."""
    networkx = require("networkx", extra="graph")
    if not isinstance(network, networkx.Graph):
        raise TypeError(f"from_networkx: expected a NetworkX graph, got {type(network).__name__}")
    nodes = list(network)
    number = {node: k for k, node in enumerate(nodes)}
    pairs = torch.tensor([(number[u], number[v]) for u, v in network.edges()], dtype=torch.int64).reshape(-1, 2)
    if not network.is_directed():
        pairs = torch.cat([pairs, pairs[pairs[:, 0] != pairs[:, 1]].flip(1)])
    return pairs[:, 0], pairs[:, 1], nodes


def networkx_graph(num_nodes: int, senders: Tensor, receivers: Tensor) -> Any:
    """A directed NetworkX graph on the nodes 0, 1, ..."""
    network = require("networkx", extra="graph").DiGraph()
    network.add_nodes_from(range(num_nodes))
    network.add_edges_from(zip(senders.tolist(), receivers.tolist(), strict=True))
    return network


def pyg_edges(data: Any, num_nodes: Any) -> tuple[Tensor, int, int, Tensor | None]:
    """The edge index, the numbers of senders and receivers, and where the graphs of a PyG batch begin."""
    index = data if isinstance(data, Tensor) else getattr(data, "edge_index", None)
    if not isinstance(index, Tensor):
        raise TypeError(
            f"from_pyg: expected a PyG Data with an edge_index, or an edge_index tensor, got {type(data).__name__}"
        )
    if index.dim() != 2 or len(index) != 2:
        raise ValueError(f"from_pyg: edge_index must have shape [2, edges], got {tuple(index.shape)}")
    if num_nodes is None:
        if isinstance(data, Tensor):
            raise ValueError(
                "from_pyg: an edge_index does not say how many nodes there are; give num_nodes= (or a pair, "
                "senders and receivers)"
            )
        num_nodes = data.num_nodes
    senders, receivers = num_nodes if isinstance(num_nodes, tuple) else (num_nodes, num_nodes)
    return index, senders, receivers, None if isinstance(data, Tensor) else getattr(data, "ptr", None)
