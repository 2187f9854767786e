"""Eigenvectors of the graph Laplacian: the lowest frequencies of a graph."""

from typing import Any

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from edgewise.extras import require
from edgewise.graph.graph import Graph
from edgewise.graph.runs import check_count

DENSE_NODES = 1024
"""Up to so many nodes the dense solver is the faster one, and exact for any number of eigenvectors."""


def laplacian_eigenvectors(
    graph: Graph, count: int
) -> tuple[Float[Tensor, "graphs count"], Float[Tensor, "nodes count"]]:
    """The `count` smoothest eigenvectors of each graph of the batch, the constant-like first one left out.

        L = I - D^(-1/2) A D^(-1/2),    L v_k = lambda_k v_k,    lambda_0 <= lambda_1 <= ... <= 2

    Self-loops are left out of A; D holds the degrees, and a node without edges has the row of I. `values[g]` holds
    lambda_1 ... lambda_count, `vectors[i]` the entries of v_1 ... v_count at node i, each v_k of length one, its sign
    such that the first of its largest entries is positive; a model that must not depend on the sign flips it at random.
    A graph with fewer than `count + 1` nodes has zeros for the rest. Graphs of more than 1024 nodes need SciPy.

    >>> from edgewise.graph import Graph
    >>> import torch
    >>> pair = Graph.from_edges(torch.tensor([0, 1]), torch.tensor([1, 0]), num_senders=2)
    >>> laplacian_eigenvectors(pair, 1)
    (tensor([[2.]]), tensor([[ 0.7071],
            [-0.7071]]))

    Dwivedi and Bresson 2020, section 3, https://arxiv.org/abs/2012.09699
    """
    check_count(count, "count", "laplacian_eigenvectors")
    if not graph.is_symmetric():
        raise ValueError(
            f"laplacian_eigenvectors: the graph must be symmetric, got {graph!r}; graph | graph.transpose() is"
        )
    dtype = torch.get_default_dtype()
    values = torch.zeros(graph.num_graphs, count, dtype=dtype, device=graph.device)
    vectors = torch.zeros(graph.num_receivers, count, dtype=dtype, device=graph.device)
    first = graph.receiver_offsets.tolist()
    for g, part in enumerate(graph.remove_self_loops().unbatch()):
        known = min(count, part.num_receivers - 1)
        if known > 0:
            # The sparse solver finds fewer eigenvectors than there are nodes.
            dense = part.num_receivers <= max(DENSE_NODES, known + 1)
            solve = dense_eigenvectors if dense else sparse_eigenvectors
            found, basis = solve(part, known)
            values[g, :known] = found[1:]
            vectors[first[g] : first[g + 1], :known] = with_sign(basis[:, 1:])
    return values, vectors


def dense_eigenvectors(graph: Graph, count: int) -> tuple[Float64[Tensor, "known"], Float64[Tensor, "nodes known"]]:
    """The lowest `count + 1`, from all of them."""
    scale = graph.degree().double().rsqrt().nan_to_num(posinf=0.0)
    laplacian = torch.eye(len(scale), dtype=torch.float64, device=scale.device)
    values, vectors = torch.linalg.eigh(laplacian - scale[:, None] * graph.dense() * scale)
    return values[: count + 1], vectors[:, : count + 1]


def sparse_eigenvectors(graph: Graph, count: int) -> tuple[Float64[Tensor, "known"], Float64[Tensor, "nodes known"]]:
    """The lowest `count + 1`, by Lanczos iteration from a fixed start."""
    sparse: Any = require("scipy.sparse", extra="graph")
    linalg: Any = require("scipy.sparse.linalg", extra="graph")
    scale = sparse.diags_array(graph.degree().double().rsqrt().nan_to_num(posinf=0.0).cpu().numpy())
    adjacency = graph.to_scipy().astype("float64")
    # The largest of I + D^(-1/2) A D^(-1/2) = 2 I - L are the lowest of L.
    mirrored = sparse.eye_array(graph.num_receivers) + scale @ adjacency @ scale
    start = torch.rand(graph.num_receivers, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    values, vectors = linalg.eigsh(mirrored, k=count + 1, which="LA", v0=start.numpy())
    order = (-values).argsort()
    found, basis = torch.from_numpy(2 - values[order]), torch.from_numpy(vectors[:, order])
    return found.to(graph.device), basis.to(graph.device)


def with_sign(vectors: Float64[Tensor, "nodes known"]) -> Float64[Tensor, "nodes known"]:
    """Each column times 1 or -1, so that the first of its largest entries is positive."""
    size = vectors.abs()
    # Entries that differ by rounding alone count as equal, or the sign would follow the rounding.
    largest = (size >= size.amax(dim=0) * (1 - 1e-6)).to(torch.int8).argmax(dim=0)
    return vectors * vectors.gather(0, largest[None]).sign()
