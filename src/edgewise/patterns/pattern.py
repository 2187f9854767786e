"""A pattern: a rule that makes a graph of any number of nodes, as a value."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float, Shaped
from torch import Tensor

from edgewise.graph import Graph
from edgewise.patterns.batch import batch_nodes
from edgewise.patterns.call import text_of_call
from edgewise.patterns.ground import OneReceiver, Receivers
from edgewise.patterns.nodes import GIVEN, Nodes
from edgewise.patterns.position import Interval, Position


@dataclass(frozen=True)
class Pattern:
    """Who hears whom, before there are nodes.

        p = i + num_senders - num_receivers

    is the position of receiver i: the last receiver stands at the last sender, and earlier senders are its past.
    A family of patterns is a frozen dataclass with one method: `intervals`, where the rule follows from positions,
    or `graph`, where it takes more.

    >>> from edgewise.patterns import causal, window, hubs
    >>> pattern = causal() & window(before=2, after=0) | hubs(0)
    >>> print(pattern)
    causal & window(2, 0) | hubs(0)
    >>> pattern.build(6)
    Graph(6 receivers, 6 senders, 23 edges in 8 runs)
    """

    binding: ClassVar[int] = 5
    """How tightly the outermost operation of the text binds: | 1, & 2, - 3, ~ 4, a name 5."""

    def intervals(self, p: Position, n: Position) -> Iterable[Interval] | None:
        """The senders that the receiver at position `p` hears, `n` senders being there: `[start, stop)` pairs.

        `p` and `n` are numbers, or tensors with one number a receiver: use arithmetic that both know. Intervals may
        overlap and may come in any order; what lies outside `0..n` is cut off, and `stop <= start` is empty.
        None, as here, says that the rule does not follow from positions.
        """
        return None

    def graph(self, nodes: Nodes) -> Graph:
        """The graph on these nodes, for a rule that does not follow from positions."""
        raise NotImplementedError(f"{type(self).__name__}: a pattern defines intervals(p, n) or graph(nodes)")

    @property
    def needs(self) -> frozenset[str]:
        """What `build` must be given besides the numbers of nodes."""
        return frozenset()

    @property
    def hears_back(self) -> int | None:
        """How far back anybody hears: at most so many nodes to the left of its own; None, as here, where nothing says.

        What lies further back is forgotten when a text is said step by step.

        >>> from edgewise.patterns import causal, hubs, window
        >>> (causal() & window(127, 127)).hears_back, (window(127, 0) | hubs(0)).hears_back
        (127, None)
        """
        return None

    def check(self, nodes: Nodes) -> None:
        """Refuse nodes that the rule has no meaning for."""
        for name in self.needs:
            if getattr(nodes, name) is None:
                raise ValueError(f"{type(self).__name__}(): needs {name}=..., {GIVEN[name]}; give it to build")

    def build(
        self,
        num_receivers: int,
        num_senders: int | None = None,
        *,
        lengths: Sequence[int] | Shaped[Tensor, "..."] | None = None,
        features: Float[Tensor, "senders channels"] | None = None,
        tree: Sequence[int] | Shaped[Tensor, "..."] | None = None,
        spans: Sequence[Sequence[int]] | Shaped[Tensor, "..."] | None = None,
        links: Sequence[int] | Shaped[Tensor, "..."] | None = None,
    ) -> Graph:
        """The graph on so many receivers and senders (as many, unless given)."""
        nodes = Nodes.of(
            num_receivers, num_senders, lengths=lengths, features=features, tree=tree, spans=spans, links=links
        )
        self._door(nodes)
        if num_receivers == 1:
            return self.on(OneReceiver(nodes))
        return self.on(Receivers([nodes], batch=False))

    def build_batch(
        self,
        lengths: Sequence[int] | Shaped[Tensor, "..."],
        past: int | Sequence[int] | Shaped[Tensor, "..."] | None = None,
        *,
        features: Float[Tensor, "senders channels"] | None = None,
        tree: Sequence[int] | Shaped[Tensor, "..."] | None = None,
        spans: Sequence[Sequence[Sequence[int]] | Shaped[Tensor, "..."]] | None = None,
        links: Sequence[int] | Shaped[Tensor, "..."] | None = None,
    ) -> Graph:
        """`Graph.batch` of a graph for each of the lengths, each with so many past senders before its receivers.

        `features`, `tree` and `links` hold the senders of all graphs one after another, and `spans` a list for each
        graph; heads, spans and labels are those of their own graph.

        >>> from edgewise.patterns import causal
        >>> causal().build_batch([3, 1, 2])
        Graph(6 receivers, 6 senders, 10 edges in 6 runs, batch of 3)
        """
        nodes = batch_nodes(lengths, past, features=features, tree=tree, spans=spans, links=links)
        # Graphs of one size stand or fall together, unless each was given something of its own.
        alike = {(one.num_receivers, one.num_senders, k if one.given else 0): one for k, one in enumerate(nodes)}
        for one in alike.values():
            self._door(one)
        return self.on(Receivers(nodes, batch=True))

    def _door(self, nodes: Nodes) -> None:
        for name in nodes.given:
            if name not in self.needs:
                raise ValueError(f"build: {name}=... was given, and nothing in {self!r} needs it; leave it out")
        self.check(nodes)

    def on(self, ground: OneReceiver | Receivers) -> Graph:
        """The pattern laid on some receivers."""
        graph = ground.by_position(self.intervals)
        return self.apart(ground) if graph is None else graph

    def apart(self, ground: OneReceiver | Receivers) -> Graph:
        """The same where the rule does not follow from positions alone."""
        return ground.by_nodes(self.graph)

    def __or__(self, other: object) -> "Pattern":
        return combine("Union", self, other)

    def __and__(self, other: object) -> "Pattern":
        return combine("Intersection", self, other)

    def __sub__(self, other: object) -> "Pattern":
        return combine("Difference", self, other)

    def __ror__(self, other: object) -> "Pattern":
        return combine("Union", other, self)

    def __rand__(self, other: object) -> "Pattern":
        return combine("Intersection", other, self)

    def __rsub__(self, other: object) -> "Pattern":
        return combine("Difference", other, self)

    def __invert__(self) -> "Pattern":
        return combine("Complement", self)

    def __str__(self) -> str:
        return text_of_call(self)


def combine(operation: str, *parts: object) -> Pattern:
    """The expression of these parts: what `a | b` makes of two patterns, refused for anything else."""
    # An expression is a Pattern, so it can only be imported after one.
    from edgewise.patterns import expression

    for part in parts:
        if isinstance(part, type) and issubclass(part, Pattern):
            name = part.__name__
            raise TypeError(f"pattern: {name} is a family of patterns and not one itself; write {name}(...)")
        if not isinstance(part, Pattern):
            raise TypeError(
                f"pattern: {operation.lower()} expects a pattern on each side, got {part!r}; parse makes one of a text"
            )
    made: Pattern = getattr(expression, operation)(*parts)
    return made
