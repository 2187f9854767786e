"""Patterns combined like the sets of edges that they make: `|` `&` `-` `~`, with Python's precedence.

Where both parts are rules of positions, so is the whole, and its intervals are found receiver by receiver; where that
would make many of few, or a part follows from more than positions, the parts' graphs are combined.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from edgewise.graph import Graph
from edgewise.patterns.complete import complete
from edgewise.patterns.ground import OneReceiver, Receivers
from edgewise.patterns.nodes import Nodes
from edgewise.patterns.pattern import Pattern
from edgewise.patterns.position import Intervals, Position, larger, smaller

# The most intervals a receiver that are worth finding one by one.
FEW = 16


@dataclass(frozen=True, repr=False)
class Pair(Pattern):
    """Two patterns and what stands between them."""

    left: Pattern
    right: Pattern

    sign: ClassVar[str]

    @property
    def needs(self) -> frozenset[str]:
        """What either of them needs."""
        return self.left.needs | self.right.needs

    def check(self, nodes: Nodes) -> None:
        """Refuse nodes that either of them refuses."""
        self.left.check(nodes)
        self.right.check(nodes)

    def __str__(self) -> str:
        return self._written(str)

    def __repr__(self) -> str:
        return self._written(repr)

    def _written(self, write: Callable[[Pattern], str]) -> str:
        # Operations of one level are read from the left, so only a right part of the same level needs parentheses.
        left = enclosed(self.left, self.binding, write)
        right = enclosed(self.right, self.binding + 1, write)
        return f"{left} {self.sign} {right}"


@dataclass(frozen=True, repr=False)
class Union(Pair):
    """j -> i   iff   left lets it or right lets it.

    >>> from edgewise.patterns import causal, hubs
    >>> print(causal() | hubs(0))
    causal | hubs(0)
    """

    sign = "|"
    binding = 1

    @property
    def hears_back(self) -> int | None:
        """The longer one."""
        left, right = self.left.hears_back, self.right.hears_back
        return None if left is None or right is None else max(left, right)

    def intervals(self, p: Position, n: Position) -> Intervals | None:
        """Those of both."""
        left, right = self.left.intervals(p, n), self.right.intervals(p, n)
        return None if left is None or right is None else [*left, *right]

    def apart(self, ground: OneReceiver | Receivers) -> Graph:
        """Two graphs joined."""
        return self.left.on(ground) | self.right.on(ground)


@dataclass(frozen=True, repr=False)
class Intersection(Pair):
    """j -> i   iff   left lets it and right lets it.

    >>> from edgewise.patterns import causal, strided
    >>> print(causal() & strided(4))
    causal & strided(4)
    """

    sign = "&"
    binding = 2

    @property
    def hears_back(self) -> int | None:
        """The shorter one."""
        return min((one for one in (self.left.hears_back, self.right.hears_back) if one is not None), default=None)

    def intervals(self, p: Position, n: Position) -> Intervals | None:
        """What each of one side shares with each of the other."""
        left, right = self.left.intervals(p, n), self.right.intervals(p, n)
        return None if left is None or right is None else shared(list(left), list(right))

    def apart(self, ground: OneReceiver | Receivers) -> Graph:
        """What two graphs share."""
        return self.left.on(ground) & self.right.on(ground)


@dataclass(frozen=True, repr=False)
class Difference(Pair):
    """j -> i   iff   left lets it and right does not.

    >>> from edgewise.patterns import causal, window
    >>> (causal() - window(0, 0)).build(3).edges()
    (tensor([0, 0, 1]), tensor([1, 2, 2]))
    """

    sign = "-"
    binding = 3

    @property
    def hears_back(self) -> int | None:
        """The left one's."""
        return self.left.hears_back

    def intervals(self, p: Position, n: Position) -> Intervals | None:
        """What each of the left side shares with the gaps of the right one."""
        return Intersection(self.left, Complement(self.right)).intervals(p, n)

    def apart(self, ground: OneReceiver | Receivers) -> Graph:
        """What one graph has and the other has not."""
        return self.left.on(ground) - self.right.on(ground)


@dataclass(frozen=True, repr=False)
class Complement(Pattern):
    """j -> i   iff   inner does not let it.

    >>> from edgewise.patterns import causal
    >>> (~causal()).build(3).edges()
    (tensor([1, 2, 2]), tensor([0, 0, 1]))
    """

    inner: Pattern

    binding = 4

    @property
    def needs(self) -> frozenset[str]:
        """What the inner pattern needs."""
        return self.inner.needs

    def check(self, nodes: Nodes) -> None:
        """Refuse nodes that the inner pattern refuses."""
        self.inner.check(nodes)

    def intervals(self, p: Position, n: Position) -> Intervals | None:
        """What lies outside all of them: before or after the first, and before or after the second, and so on."""
        inner = self.inner.intervals(p, n)
        outside: Intervals | None = None if inner is None else [(0, n)]
        for start, stop in inner or ():
            outside = None if outside is None else shared(outside, [(0, start), (stop, n)])
        return outside

    def apart(self, ground: OneReceiver | Receivers) -> Graph:
        """What a graph has not of all that it could have."""
        return complete().on(ground) - self.inner.on(ground)

    def __str__(self) -> str:
        return "~" + enclosed(self.inner, self.binding, str)

    def __repr__(self) -> str:
        return "~" + enclosed(self.inner, self.binding, repr)


def shared(left: Intervals, right: Intervals) -> Intervals | None:
    """The intervals that lie in one of each side; None if they would be many."""
    if min(len(left), len(right)) > 1 and len(left) * len(right) > FEW:
        return None
    return [(larger(a, c), smaller(b, d)) for a, b in left for c, d in right]


def enclosed(part: Pattern, binding: int, write: Callable[[Pattern], str]) -> str:
    """A part's text, in parentheses if it binds less tightly than its place asks for."""
    text = write(part)
    return text if part.binding >= binding else f"({text})"
