"""How likely a random walk is to be back where it began: a node's neighbourhood in a few numbers."""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from edgewise.extras import require
from edgewise.graph.graph import Graph
from edgewise.graph.runs import check_count

DENSE_NODES = 1024
"""Up to so many nodes, powers of the walk are dense matrices; above, sparse ones."""


def random_walk_return(graph: Graph, steps: int) -> Float[Tensor, "nodes steps"]:
    """The probability that a walk from node i is at i again after 1, 2, ..., `steps` steps.

        p[i, k - 1] = (P^k)_ii,    P_ij = 1 / (how many hear i) if j hears i, else 0

    From i a walk goes to one of those who hear i, each as likely; where nobody does, it ends. Graphs of more than
    1024 nodes need SciPy.

    >>> from edgewise.graph import Graph
    >>> import torch
    >>> pair = Graph.from_edges(torch.tensor([0, 1]), torch.tensor([1, 0]), num_senders=2)
    >>> random_walk_return(pair, steps=3)
    tensor([[0., 1., 0.],
            [0., 1., 0.]])

    Dwivedi et al. 2022, section 3, https://arxiv.org/abs/2110.07875; PyG's AddRandomWalkPE.
    """
    check_count(steps, "steps", "random_walk_return")
    graph._check_square("random_walk_return")
    back = torch.zeros(graph.num_receivers, steps, dtype=torch.float64, device=graph.device)
    first = graph.receiver_offsets.tolist()
    for g, part in enumerate(graph.unbatch()):
        walk = dense_walk if part.num_receivers <= DENSE_NODES else sparse_walk
        for k, diagonal in enumerate(walk(part, steps)):
            back[first[g] : first[g + 1], k] = diagonal
    return back.to(torch.get_default_dtype())


def dense_walk(graph: Graph, steps: int) -> Iterator[Float64[Tensor, "nodes"]]:
    """The diagonals of the powers of P, as dense matrices."""
    step = graph.dense().T / graph.sender_degree().clamp(min=1).double()[:, None]
    start = torch.eye(len(step), dtype=torch.float64, device=graph.device)
    for power, other in halves(start, step, steps):
        yield (power * other.T).sum(1)


def sparse_walk(graph: Graph, steps: int) -> Iterator[Float64[Tensor, "nodes"]]:
    """The same, as sparse ones."""
    sparse = require("scipy.sparse", extra="graph")
    probability = 1 / graph.sender_degree().clamp(min=1).double().cpu().numpy()
    step = (sparse.diags_array(probability) @ graph.to_scipy().astype("float64").T).tocsr()
    start = sparse.eye_array(graph.num_senders, format="csr")
    for power, other in halves(start, step, steps):
        yield torch.from_numpy(power.multiply(other.T).sum(axis=1)).to(graph.device)


def halves(start: Any, step: Any, steps: int) -> Iterator[tuple[Any, Any]]:
    """For k = 1, ..., `steps` two powers of P whose product is P^k, none higher than half of it, rounded up.

    The diagonal of a product needs no product, and powers fill up fast.
    """
    power, before = step, start
    for k in range(1, steps + 1):
        if k > 1 and k % 2 == 1:
            power, before = power @ step, power
        yield power, before if k % 2 == 1 else power
