"""Which heads of an attention hear what: the pattern argument of `rewire`, as values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from edgewise.graph import Graph
from edgewise.patterns import Pattern, parse

One = Pattern | Graph
"""What one example hears."""


@dataclass(frozen=True, eq=False)
class Wire:
    """Some heads, and what they hear: the same for every example, or one for each of the batch.

    heads: None for all of them. Told apart by identity, so that a graph laid once is known again.
    """

    heads: tuple[int, ...] | None
    heard: One | tuple[One, ...]

    @property
    def needs(self) -> frozenset[str]:
        """What its patterns must be told with each batch."""
        return needs_of(self.heard)


def needs_of(heard: One | tuple[One, ...]) -> frozenset[str]:
    """What its patterns must be told with each batch."""
    parts = heard if isinstance(heard, tuple) else (heard,)
    return frozenset[str]().union(*(part.needs for part in parts if isinstance(part, Pattern)))


def wires(pattern: Any, heads: Iterable[int] | None = None) -> tuple[Wire, ...]:
    """Text, a Pattern, a Graph, a list of these (one an example), or a list of `(heads, pattern)`.

    >>> wires("window(1, 1)", heads=[0, 2])
    (Wire(heads=(0, 2), heard=window(before=1, after=1)),)
    >>> wires([([0], "causal"), ([1, 2], "hubs(0)")])
    (Wire(heads=(0,), heard=causal()), Wire(heads=(1, 2), heard=hubs(0)))
    """
    if not _by_heads(pattern):
        return (Wire(None if heads is None else _heads(heads), heard(pattern)),)
    if heads is not None:
        raise ValueError("rewire: heads= and a list of (heads, pattern) both say which heads; leave heads= out")
    made = tuple(Wire(_heads(some), heard(one)) for some, one in pattern)
    taken: set[int] = set()
    for wire in made:
        twice = taken.intersection(wire.heads or ())
        if twice:
            raise ValueError(f"rewire: head {min(twice)} stands in two of the (heads, pattern); name each head once")
        taken.update(wire.heads or ())
    return made


def heard(pattern: Any) -> One | tuple[One, ...]:
    """What people write for who hears whom, as values."""
    if isinstance(pattern, Sequence) and not isinstance(pattern, str):
        if len(pattern) == 0:
            raise ValueError("rewire: expected a pattern for each example, got an empty list")
        return tuple(_one(part) for part in pattern)
    return _one(pattern)


def _one(pattern: Any) -> One:
    if isinstance(pattern, str):
        return parse(pattern)
    if isinstance(pattern, type) and issubclass(pattern, Pattern):
        raise TypeError(f"rewire: {pattern.__name__} is a family of patterns and not one itself; write it with ()")
    if isinstance(pattern, Pattern | Graph):
        return pattern
    raise TypeError(
        f"rewire: pattern must be a pattern's text, a Pattern, a Graph, a list of these (one an example) or a list of "
        f"(heads, pattern), got {type(pattern).__name__}; Graph.from_mask makes a graph of a mask"
    )


def _by_heads(pattern: Any) -> bool:
    def pair(item: Any) -> bool:
        return isinstance(item, tuple) and len(item) == 2 and not isinstance(item[0], str | Pattern | Graph)

    several = isinstance(pattern, Sequence) and not isinstance(pattern, str) and len(pattern) > 0
    return several and all(pair(item) for item in pattern)


def _heads(heads: Any) -> tuple[int, ...]:
    listed = (heads,) if isinstance(heads, int) and not isinstance(heads, bool) else heads
    wrong = isinstance(listed, str | bool) or not isinstance(listed, Iterable)
    numbers: tuple[Any, ...] = () if wrong else tuple(listed)
    if wrong or not numbers or any(isinstance(k, bool) or not isinstance(k, int) or k < 0 for k in numbers):
        raise ValueError(f"rewire: heads must be numbers from 0 on, at least one, got {heads!r}")
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"rewire: heads must be distinct, got {heads!r}")
    return numbers


def replaced(old: tuple[Wire, ...], new: tuple[Wire, ...]) -> tuple[Wire, ...]:
    """The old wires with the heads of the new ones taken out, and the new ones."""
    taken = {head for wire in new for head in wire.heads or ()}
    if any(wire.heads is None for wire in new):
        return new
    kept = []
    for wire in old:
        if wire.heads is None:
            raise ValueError(
                "rewire: all heads of this layer hear one pattern already; restore(model) first, or name the heads of "
                "both in one list of (heads, pattern)"
            )
        left = tuple(head for head in wire.heads if head not in taken)
        kept += [wire] if left == wire.heads else [Wire(left, wire.heard)] if left else []
    return (*kept, *new)
