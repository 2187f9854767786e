"""An order of nodes in which those who hear each other are near, as matrices of small bandwidth are ordered."""

from collections.abc import Iterator
from itertools import pairwise

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise import native
from edgewise.graph.runs import Runs, edge_starts


def locality(runs: Runs, turned: Runs) -> Int64[Tensor, "nodes"]:
    """Nodes in reverse Cuthill-McKee order, component by component; `turned` is the transpose.

    Each component is searched in breadth from where a search from its first node ends. Whoever hears or is heard is a
    neighbour, and each node's new neighbours come by their number of edges. Linear in runs and nodes.
    """
    compiled = native.module()
    if compiled is None:
        return torch.tensor(list(_order(_neighbours(runs), _neighbours(turned))), dtype=torch.int64)
    order = torch.empty(len(runs.offsets) - 1, dtype=torch.int64)
    starts = edge_starts(runs), edge_starts(turned)
    compiled.locality(_rows(runs, starts[0]), _rows(turned, starts[1]), order.data_ptr())
    return order


def overlap(runs: Runs, samples: int = 64) -> float:
    """The share of what a node hears that those it hears do too, over some nodes: what an order can make of them.

    0 of a random graph, 1 of cliques; needs the compiled part.
    """
    compiled = native.module()
    starts = edge_starts(runs)
    return 0.0 if compiled is None else float(compiled.overlap(_rows(runs, starts), samples))


def _rows(runs: Runs, edge_start: Tensor) -> list[int]:
    """The fields of Rows, none of them cut."""
    count = len(runs.offsets) - 1
    return [count, *(x.data_ptr() for x in (*runs, edge_start)), count, 0, 0, 0, 0]


def _neighbours(runs: Runs) -> list[list[int]]:
    offsets, intervals = runs.offsets.tolist(), list(zip(runs.start.tolist(), runs.stop.tolist(), strict=True))
    found = []
    for first, last in pairwise(offsets):
        found.append([j for start, stop in intervals[first:last] for j in range(start, stop)])
    return found


def _order(here: list[list[int]], there: list[list[int]]) -> Iterator[int]:
    """The definition."""
    known: set[int] = set()
    for node in range(len(here)):
        if node in known:
            continue
        component = _search(here, there, node)
        known.update(component)
        yield from reversed(_search(here, there, component[-1]))


def _search(here: list[list[int]], there: list[list[int]], start: int) -> list[int]:
    found, known = [start], {start}
    for node in found:
        new = [j for j in dict.fromkeys([*here[node], *there[node]]) if j not in known]
        known.update(new)
        found += sorted(new, key=lambda j: len(here[j]) + len(there[j]))
    return found
