"""What each pattern means, as slowly and plainly as it can be said."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from edgewise.graph import Graph
from edgewise.patterns import (
    Pattern,
    blocks,
    causal,
    complete,
    fixed,
    grid,
    hubs,
    links,
    random_regular,
    ring,
    spans,
    strided,
    tree,
    window,
)

SIZES = (0, 1, 2, 3, 7, 16, 33)


@dataclass
class Example:
    """A pattern, the nodes it is built on, and what else `build` is given."""

    pattern: Pattern
    num_receivers: int
    num_senders: int
    given: dict[str, Any] = field(default_factory=dict)

    def build(self) -> Graph:
        return self.pattern.build(self.num_receivers, self.num_senders, **self.given)

    def __str__(self) -> str:
        return f"{self.pattern} on {self.num_receivers} of {self.num_senders}"


Rule = Callable[[Example], Tensor]


def each(predicate: Callable[[Any, int, int, int, dict[str, Any]], bool]) -> Rule:
    """A rule that asks about every pair: the pattern, the receiver's position p, the sender j, n, what was given."""

    def mask(example: Example) -> Tensor:
        n = example.num_senders
        positions = range(n - example.num_receivers, n)
        rows = [[bool(predicate(example.pattern, p, j, n, example.given)) for j in range(n)] for p in positions]
        return torch.tensor(rows, dtype=torch.bool).reshape(example.num_receivers, n)

    return mask


def block_of(j: int, lengths: Iterable[int]) -> int:
    ends = torch.tensor(list(lengths)).cumsum(0)
    return int((ends <= j).sum())


def is_parent(parent: int, child: int, arity: int | None, heads: list[int] | None) -> bool:
    return heads[child] == parent if heads is not None else child > 0 and (child - 1) // arity == parent


def regular(example: Example) -> Tensor:
    """Any mask that is symmetric, without self-loops, and has `degree` in each row is as good as the one drawn."""
    mask = example.build().dense()
    good = torch.equal(mask, mask.T) and not mask.diagonal().any() and (mask.sum(1) == example.pattern.degree).all()
    return mask if good else ~mask


RULES: dict[str, Rule] = {
    "complete": each(lambda self, p, j, n, given: True),
    "causal": each(lambda self, p, j, n, given: j <= p),
    "window": each(lambda self, p, j, n, given: -self.before <= j - p <= self.after),
    "strided": each(lambda self, p, j, n, given: abs(j - p) <= self.stride or (p - j) % self.stride == 0),
    "fixed": each(
        lambda self, p, j, n, given: (
            p // self.stride == j // self.stride or j % self.stride >= self.stride - self.summary
        )
    ),
    "blocks": each(
        lambda self, p, j, n, given: (
            p // self.size == j // self.size
            if self.size
            else block_of(p, given["lengths"]) == block_of(j, given["lengths"])
        )
    ),
    "hubs": each(lambda self, p, j, n, given: j in self.nodes or p in self.nodes),
    "random_regular": regular,
    "grid": each(
        lambda self, p, j, n, given: abs(j // self.width - p // self.width) + abs(j % self.width - p % self.width) == 1
    ),
    "ring": each(lambda self, p, j, n, given: 0 < min((j - p) % n, (p - j) % n) <= self.hops),
    "tree": each(
        lambda self, p, j, n, given: (
            is_parent(p, j, self.arity, given.get("tree")) or is_parent(j, p, self.arity, given.get("tree"))
        )
    ),
    "spans": each(
        lambda self, p, j, n, given: any(start <= p < stop and start <= j < stop for start, stop in given["spans"])
    ),
    "links": each(lambda self, p, j, n, given: given["links"][j] == given["links"][p] != -1),
}


def example_patterns(n: int) -> dict[str, list[tuple[Pattern, dict[str, Any]]]]:
    """Patterns of each family that can be built on n nodes, with what they need."""
    draw = torch.Generator().manual_seed(n)
    heads = [int(torch.randint(-1, j, (1,), generator=draw)) if j else -1 for j in range(n)]
    relabel = torch.randperm(n, generator=draw).tolist()
    shuffled = [-1] * n
    for j, head in enumerate(heads):
        shuffled[relabel[j]] = relabel[head] if head >= 0 else -1
    cut = [n // 3, 0, n - n // 3]
    ends = torch.randint(0, n + 1, (n // 3, 2), generator=draw).sort(1).values
    some_spans = [(start, stop) for start, stop in ends.tolist() if start < stop]
    labels = torch.randint(-1, 4, (n,), generator=draw)
    regular_degrees = [d for d in (0, 1, 2, 3, 4, 9, 15) if d < max(n, 1) and d * n % 2 == 0]
    plain: dict[str, list[Pattern]] = {
        "complete": [complete()],
        "causal": [causal()],
        "window": [window(0, 0), window(2, 1), window(0, 5), window(100, 100)],
        "strided": [strided(1), strided(2), strided(5), strided(40)],
        "fixed": [fixed(1), fixed(3), fixed(4, 2), fixed(4, 4), fixed(50, 3)],
        "blocks": [blocks(1), blocks(4), blocks(40)],
        "hubs": [hubs(0), hubs(1, 2, 6), hubs(40), hubs(32, 0)],
        "random_regular": [random_regular(d, seed=d) for d in regular_degrees],
        "grid": [grid(h, n // h) for h in (1, 2, 3, 4, 7, 11) if n and n % h == 0],
        "ring": [ring(), ring(2), ring(8), ring(50)],
        "tree": [tree(1), tree(2), tree(5)],
        "spans": [],
        "links": [],
    }
    found: dict[str, list[tuple[Pattern, dict[str, Any]]]] = {
        name: [(pattern, {}) for pattern in patterns] for name, patterns in plain.items()
    }
    found["blocks"] += [(blocks(), {"lengths": cut}), (blocks(), {"lengths": torch.tensor(cut, dtype=torch.int32)})]
    found["tree"] += [(tree(), {"tree": heads}), (tree(), {"tree": torch.tensor(shuffled, dtype=torch.int32)})]
    found["spans"] = [(spans(), {"spans": x}) for x in (some_spans, torch.tensor(some_spans).reshape(-1, 2), [])]
    found["links"] = [(links(), {"links": x}) for x in (labels.tolist(), labels.to(torch.int32) * 1000 % 3001, [5] * n)]
    return found


# Families whose receivers may stand before the first sender, and those whose receivers must be the senders.
ANYWHERE = {"complete", "causal", "window", "strided", "fixed", "hubs"}
SQUARE = {"random_regular"}


def examples(name: str) -> Iterator[Example]:
    """The examples of a family at all sizes: all receivers, the last few, none, and more than there are senders."""
    for n in SIZES:
        for pattern, given in example_patterns(n)[name]:
            rows = {n} if name in SQUARE else {n, 0, min(1, n), n // 2}
            rows |= {n + 3} if name in ANYWHERE else set()
            for num_receivers in sorted(rows):
                yield Example(pattern, num_receivers, n, given)


def assert_follows(graph: Graph, mask: Tensor, what: object = "") -> None:
    """The graph has the edges of the mask, no others, and its runs are canonical."""
    Graph(graph.run_offsets, graph.run_start, graph.run_stop, num_senders=graph.num_senders)
    assert torch.equal(graph.dense(), mask), f"{what}:\n{graph.dense().int()}\nis not\n{mask.int()}"
