"""An order of nodes in which those who hear each other are near, as matrices of small bandwidth are ordered."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise import native
from edgewise.graph.runs import Runs, edge_starts

HUB = 8
"""Times the mean number of edges: whoever has more brings nobody together."""


def locality(runs: Runs, turned: Runs) -> Int64[Tensor, "nodes"]:
    """Nodes in reverse Cuthill-McKee order, component by component; `turned` is the transpose.

    Each component is searched in breadth from where a search from its first node ends. Whoever hears or is heard is a
    neighbour, and each node's new neighbours come by their number of edges; hubs are found, but not gone through.
    Linear in runs and nodes, but for a sort of each node's new neighbours.
    """
    compiled = native.module()
    if compiled is None:
        return torch.tensor(list(_Search(_neighbours(runs), _neighbours(turned)).order()), dtype=torch.int64)
    order = torch.empty(len(runs.offsets) - 1, dtype=torch.int64)
    kept = edge_starts(runs), edge_starts(turned)  # Rows holds addresses
    compiled.locality(*map(_rows, (runs, turned), kept), order.data_ptr())
    return order


def _rows(runs: Runs, edge_start: Tensor) -> Any:
    """The struct Rows, none of them cut."""
    count, compiled = len(runs.offsets) - 1, native.module()
    assert compiled is not None
    return compiled.Rows([count, *runs, edge_start, count, None, None, None, None])


def _neighbours(runs: Runs) -> list[list[int]]:
    offsets, intervals = runs.offsets.tolist(), list(zip(runs.start.tolist(), runs.stop.tolist(), strict=True))
    found = []
    for first, last in pairwise(offsets):
        found.append([j for start, stop in intervals[first:last] for j in range(start, stop)])
    return found


class _Search:
    """The definition."""

    def __init__(self, here: list[list[int]], there: list[list[int]]) -> None:
        self.here, self.there = here, there
        self.weight = [len(heard) + len(hearing) for heard, hearing in zip(here, there, strict=True)]

    def is_hub(self, node: int) -> bool:
        return self.weight[node] * len(self.weight) > HUB * sum(self.weight)

    def order(self) -> Iterator[int]:
        known: set[int] = set()
        for node in range(len(self.here)):
            if node in known:
                continue
            component = self.component(node, known)
            start = next((last for last in reversed(component) if not self.is_hub(last)), component[0])
            component = self.component(start, known)
            known.update(component)
            yield from reversed(component)

    def component(self, start: int, known: set[int]) -> list[int]:
        found, known = [start], {start, *known}
        for node in found:
            if not self.is_hub(node):
                new = [j for j in dict.fromkeys([*self.here[node], *self.there[node]]) if j not in known]
                known.update(new)
                found += sorted(new, key=self.weight.__getitem__)
        return found
