"""What there is to compute: attention with this score, of these queries, keys and values, along this graph."""

from dataclasses import dataclass, replace

import torch
from cases import Case
from torch import Tensor

from edgewise.graph import Graph
from edgewise.kernels import Additive, Dot, GATv2, Score
from edgewise.patterns import parse


@dataclass(frozen=True)
class Problem:
    """q, k and v are [nodes, heads, dim] leaves with gradients; for GATv2 the values are the keys."""

    case: Case
    graph: Graph
    score: Score
    query: Tensor
    key: Tensor
    value: Tensor

    @property
    def leaves(self) -> list[Tensor]:
        """Each tensor that learns, once."""
        return [self.query, self.key] if self.key is self.value else [self.query, self.key, self.value]

    @property
    def num_nodes(self) -> int:
        return self.graph.num_receivers

    @property
    def shape(self) -> tuple[int, int]:
        """Heads, and channels of a value."""
        return self.value.shape[1], self.value.shape[2]

    def is_whole(self, kind: str) -> bool:
        """Whether the graph is the complete or the causal one."""
        return self.graph == parse(kind).build(self.num_nodes)


def problem(case: Case, heads: int, dim: int, score: str = "dot", dtype: torch.dtype = torch.float32) -> Problem:
    """The same numbers for the same sizes."""
    graph = case.build()
    N, draw = graph.num_receivers, torch.Generator().manual_seed(0)

    def tensor(channels: int) -> Tensor:
        return torch.randn(N, heads, channels, generator=draw).to(dtype).requires_grad_()

    if score == "additive":
        return Problem(case, graph, Additive(), tensor(1), tensor(1), tensor(dim))
    query, key = tensor(dim), tensor(dim)
    if score == "gatv2":
        return Problem(case, graph, GATv2(torch.randn(heads, dim, generator=draw).to(dtype)), query, key, key)
    return Problem(case, graph, Dot(), query, key, tensor(dim))


def over_all_pairs(given: Problem, nodes: int | None = None) -> Problem:
    """The same on the complete graph, of these nodes or of as many as said."""
    N = given.num_nodes if nodes is None else nodes
    case = Case(f"complete, {N:,}", lambda: parse("complete").build(N))
    if given.num_nodes == N:
        return replace(given, case=case, graph=case.build())
    heads, dim = given.shape
    return problem(case, heads, dim, "dot", given.value.dtype)


def in_dtype(given: Problem, dtype: torch.dtype) -> Problem:
    """The same numbers, rounded."""
    query, key, *value = (x.detach().to(dtype).requires_grad_() for x in given.leaves)
    return replace(given, query=query, key=key, value=value[0] if value else key)
