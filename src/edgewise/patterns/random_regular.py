"""Random long-range neighbours, the same number for everybody."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64
from torch import Generator, Tensor

from edgewise.graph import Graph
from edgewise.patterns.door import integer
from edgewise.patterns.nodes import Nodes
from edgewise.patterns.pattern import Pattern

Ends = Int64[Tensor, "2 edges"]


@dataclass(frozen=True)
class random_regular(Pattern):
    """A random undirected graph in which each node hears `degree` others.

        j -> i   iff   {i, j} is drawn;   |{j : j -> i}| = degree,   j -> i iff i -> j,   never i -> i

    The draw follows from the number of nodes, `degree` and `seed` alone. `degree` counts the other nodes that one
    hears: it is less than the number of nodes, and one of the two is even. Receivers are the senders.

    >>> random_regular(3).build(100).degree().unique()
    tensor([3])

    Drawn as the union of random Hamiltonian cycles (for an odd degree, and a perfect matching), which has the
    properties of a uniform draw (Kim and Wormald 2001, https://doi.org/10.1006/jctb.2000.1991) and is an expander with
    high probability (Friedman 2003, https://arxiv.org/abs/cs/0405020). An edge drawn twice trades ends with another.

    Exphormer, Shirzad et al. 2023, https://arxiv.org/abs/2303.06147
    Differs: theirs names half the degree, and an edge may come twice. Ours is simple.
    BigBird's random keys, Zaheer et al. 2020, section 2, https://arxiv.org/abs/2007.14062
    Differs: theirs are directed: everybody hears as many, but not everybody is heard by as many.
    """

    degree: int
    seed: int = 0

    def __post_init__(self) -> None:
        integer("random_regular", "degree", self.degree, 0, "It counts the other nodes that each node hears.")
        integer("random_regular", "seed", self.seed, 0, "It names one of many random graphs.")
        if self.seed >= 2**63:
            raise ValueError(f"random_regular: seed must be less than 2**63, got {self.seed}")

    def check(self, nodes: Nodes) -> None:
        """Refuse numbers of nodes on which no such graph exists."""
        n, degree = nodes.num_senders, self.degree
        if nodes.num_receivers != n:
            raise ValueError(
                f"random_regular: expected as many senders as receivers, got {nodes.num_receivers} receivers and "
                f"{n} senders; build the graph of all {max(n, nodes.num_receivers)} nodes and take its last rows"
            )
        if n and degree >= n:
            raise ValueError(
                f"random_regular: degree must be less than the number of nodes, {n}, got {degree}. "
                "It counts the other nodes that each node hears."
            )
        if degree * n % 2:
            raise ValueError(
                f"random_regular: degree or the number of nodes must be even, got degree {degree} and {n} nodes: "
                "each edge has two ends"
            )

    def graph(self, nodes: Nodes) -> Graph:
        """The union of cycles, repaired; for more than half of all edges, what such a graph leaves out."""
        n, degree = nodes.num_senders, self.degree
        if n == 0:
            return Graph.from_edges(torch.arange(0), torch.arange(0), num_senders=0)
        draw = Generator().manual_seed(self.seed)
        if 2 * degree < n:
            return undirected(simple_regular(n, degree, draw), n)
        left_out = undirected(simple_regular(n, n - 1 - degree, draw), n)
        node = torch.arange(n)
        return ~(left_out | Graph.from_edges(node, node, num_senders=n))


def undirected(ends: Ends, n: int) -> Graph:
    """Each edge both ways."""
    return Graph.from_edges(ends.flatten(), ends.flip(0).flatten(), num_senders=n)


def simple_regular(n: int, degree: int, draw: Generator) -> Ends:
    """The edges, each once, of a simple regular graph with `2 * degree < n`."""
    parts = []
    for _ in range(degree // 2):
        cycle = torch.randperm(n, generator=draw)
        parts.append(torch.stack([cycle, cycle.roll(1)]))
    if degree % 2:
        parts.append(torch.randperm(n, generator=draw).reshape(2, -1))
    ends = torch.cat(parts, dim=1) if parts else torch.empty((2, 0), dtype=torch.int64)
    while len(surplus := repeated(ends, n)):
        ends = trade_ends(ends, surplus, n, draw)
    return ends


def repeated(ends: Ends, n: int) -> Int64[Tensor, "surplus"]:
    """The numbers of the edges that repeat an earlier one."""
    keys, order = edge_keys(ends, n).sort(stable=True)
    return order[1:][keys[1:] == keys[:-1]]


def trade_ends(ends: Ends, surplus: Int64[Tensor, "surplus"], n: int, draw: Generator) -> Ends:
    """Edges a-b and c-d become a-c and b-d, where both are new: no degree changes, and nothing comes twice by it.

    With `2 * degree < n` every surplus edge has such a partner: of the n * degree directed edges c-d, at most
    degree**2 begin at a or next to it, and as many end at b or next to it. So drawing again and again succeeds.
    """
    partner = torch.randint(ends.shape[1], (len(surplus),), generator=draw)
    flip = torch.randint(2, (len(surplus),), generator=draw).bool()
    # Each edge takes part in one trade at most.
    alone = first_of_its_kind(torch.stack([surplus, partner], dim=1).flatten()).reshape(-1, 2).all(dim=1)
    surplus, partner, flip = surplus[alone], partner[alone], flip[alone]
    (a, b), (c, d) = ends[:, surplus], ends[:, partner]
    c, d = torch.where(flip, d, c), torch.where(flip, c, d)
    traded = torch.stack([torch.cat([a, b]), torch.cat([c, d])])
    keys = edge_keys(traded, n)
    good = (traded[0] != traded[1]) & ~torch.isin(keys, edge_keys(ends, n)) & first_of_its_kind(keys)
    done = good.reshape(2, -1).all(dim=0)
    ends = ends.clone()
    ends[:, surplus[done]] = torch.stack([a, c])[:, done]
    ends[:, partner[done]] = torch.stack([b, d])[:, done]
    return ends


def edge_keys(ends: Ends, n: int) -> Int64[Tensor, "edges"]:
    """One number for an edge, whichever way it is written."""
    low, high = ends.aminmax(dim=0)
    return low * n + high


def first_of_its_kind(values: Int64[Tensor, "values"]) -> Bool[Tensor, "values"]:
    """Which entries no earlier one equals."""
    ordered, order = values.sort(stable=True)
    first = torch.ones(len(values), dtype=torch.bool)
    first[order[1:]] = ordered[1:] != ordered[:-1]
    return first
